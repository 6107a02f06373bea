"""What changed, counted, for a command that follows the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_tallies import Tally
from howdah_desktop.engine.ledger_views import WITHOUT_ARRIVING
from howdah_desktop.engine.meter import Meter, at_least
from howdah_desktop.engine.news import News
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.showing import view
from howdah_desktop.engine.transfers import ACTIVE, ENDED, UNFINISHED, Transfer, TransferState
from howdah_desktop.engine.views import LimitsView, ReceiverView, Snapshot

BETWEEN_SECONDS = 0.2

_NONE: Tally = (0, 0, 0)


class Reports:
    """For the control thread."""

    def __init__(self, ledger: Ledger, news: News) -> None:
        self._ledger = ledger
        self._news = news
        self._began = time.time()
        ended = {state.value for state in ENDED}
        self._before = {s: tally for s, tally in ledger.tallies().items() if s in ended}
        """What ended before is history: it is in no count, unless its group is asked about."""
        self._counted: dict[int | None, tuple[int, dict[str, Tally]]] = {}
        self._meters: dict[int | None, Meter] = {}
        self._told_at = 0.0
        self._told_change = 0
        self.listeners: list[Callable[[], None]] = []

    def tell(self, runs: Runs) -> None:
        """Progress counts as news, but not all the time."""
        now = time.monotonic()
        if now - self._told_at < BETWEEN_SECONDS:
            return
        self._told_at = now
        runs.tick(now)
        if runs.running:
            self._news.rows((row.id, row.root or 0) for row in runs.running.values())
        if self._news.change != self._told_change:
            self._told_change = self._news.change
            for listener in self.listeners:
                listener()

    def next_telling(self) -> float | None:
        """When there is something to tell (monotonic); None: when something happens."""
        waits = bool(self.listeners) and self._news.change != self._told_change
        return self._told_at + BETWEEN_SECONDS if waits else None

    def snapshot(
        self,
        since: int,
        group: int | None,
        jobs: Mapping[int, Job],
        receiver: ReceiverView,
        limits: LimitsView,
    ) -> Snapshot:
        rows = self._rows_since(since, group)
        views = tuple(
            view(row, jobs[row.id].live() if row.state in ACTIVE and row.id in jobs else None)
            for row in rows
        )
        at_work = {j.id: j.live() for j in jobs.values() if group in (None, j.transfer.group)}
        tallies = self._tallies(group)
        arriving = [tally for state, tally in tallies.items() if state not in WITHOUT_ARRIVING]
        size = sum(size for _, size, _ in arriving)
        # Of those at work, whoever works on them knows better.
        done = sum(done for _, _, done in arriving)
        done -= sum(self._ledger.done_bytes_of(at_work).values())
        done += sum(live.done_bytes for live in at_work.values())
        in_flight = sum(live.in_flight_bytes for live in at_work.values())
        meter = self._meters.setdefault(group, Meter())
        meter.note(done + in_flight, time.monotonic())
        return Snapshot(
            change=self._news.change,
            transfers=views,
            receiver=receiver,
            counts={state: files for state, (files, _, _) in tallies.items() if files},
            listing=bool(self._ledger.roots(group)),
            size=size,
            done_bytes=max(0, done),
            in_flight_bytes=in_flight,
            bytes_per_second=meter.bytes_per_second,
            seconds_left=at_least(
                meter.seconds_left(max(0, size - done - in_flight)),
                [live.seconds_left for live in at_work.values()],
            ),
            limits=limits,
        )

    def _tallies(self, group: int | None) -> dict[str, Tally]:
        """By state; read again only when something was written."""
        writes, tallies = self._counted.get(group, (-1, {}))
        if writes != self._ledger.writes:
            writes = self._ledger.writes
            tallies = self._ledger.tallies(group)
            if group is None:
                tallies = self._of_this_engine(tallies)
            self._counted[group] = writes, tallies
        return tallies

    def _of_this_engine(self, tallies: Mapping[str, Tally]) -> dict[str, Tally]:
        now: dict[str, Tally] = {}
        for state, (files, size, done) in tallies.items():
            old_files, old_size, old_done = self._before.get(state, _NONE)
            now[state] = files - old_files, size - old_size, done - old_done
        if "failed" in now:  # the one end that leads on, so that what was before may have changed
            now["failed"] = self._ledger.failed_since(self._began), 0, 0
        return now

    def _rows_since(self, since: int, group: int | None) -> list[Transfer]:
        if since > 0 and self._news.knows(since):
            return self._ledger.some([id_ for id_, _ in self._news.rows_since(since)], group)
        if group is not None:
            return self._ledger.of_group(group)
        return self._ledger.in_states((*UNFINISHED, TransferState.FAILED))
