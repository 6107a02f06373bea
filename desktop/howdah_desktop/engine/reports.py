"""What changed, counted, for whoever looks at the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.meter import Meter
from howdah_desktop.engine.scheduler import Reachability
from howdah_desktop.engine.transfers import LIVE, Transfer, TransferState
from howdah_desktop.engine.views import Snapshot, explain_receiver, view

BETWEEN_SECONDS = 0.2


class Reports:
    """For the control thread, but for `wait`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._began = time.time()
        """What ended before is history: it is in no count, unless its group is asked about."""
        self._news = threading.Condition()
        self._change = 1
        self._rows: dict[int, int] = {}
        self._meters: dict[int | None, Meter] = {}
        self._told_at = 0.0
        self._told_change = 0
        self.listeners: list[Callable[[], None]] = []

    def changed(self, ids: Iterable[int]) -> None:
        with self._news:
            self._change += 1
            for id_ in ids:
                self._rows[id_] = self._change
            self._news.notify_all()

    def receiver_changed(self) -> None:
        self.changed(())

    def wait(self, since: int, seconds: float) -> None:
        """In any thread: until there is something newer than `since`."""
        with self._news:
            self._news.wait_for(lambda: self._change > since, timeout=seconds)

    def tell(self, jobs: Mapping[int, Job], running: Iterable[int]) -> None:
        """Progress counts as news, but not all the time."""
        now = time.monotonic()
        if now - self._told_at < BETWEEN_SECONDS:
            return
        self._told_at = now
        at_work = list(running)
        for id_ in at_work:
            jobs[id_].tick(now)
        if at_work:
            self.changed(at_work)
        if self._change != self._told_change:
            self._told_change = self._change
            for listener in self.listeners:
                listener()

    def snapshot(
        self,
        since: int,
        group: int | None,
        jobs: Mapping[int, Job],
        reach: Reachability,
    ) -> Snapshot:
        rows = self._rows_since(since, group)
        views = tuple(view(row, jobs[row.id].live() if row.id in jobs else None) for row in rows)
        at_work = [j for j in jobs.values() if group is None or j.transfer.group == group]
        size, done = self._ledger.totals(group, self._began, [job.id for job in at_work])
        lives = [job.live() for job in at_work]
        done += sum(live.done_bytes for live in lives)
        in_flight = sum(live.in_flight_bytes for live in lives)
        meter = self._meters.setdefault(group, Meter())
        meter.note(done + in_flight, time.monotonic())
        next_try = None if reach.up else time.time() + max(0.0, reach.next_try - time.monotonic())
        return Snapshot(
            change=self._change,
            transfers=views,
            receiver=explain_receiver(reach.code, reach.detail, next_try),
            counts={
                state.value: count
                for state, count in self._ledger.counts(group, self._began).items()
            },
            listing=bool(self._ledger.roots(group)),
            size=size,
            done_bytes=max(0, done),
            in_flight_bytes=in_flight,
            bytes_per_second=meter.bytes_per_second,
            seconds_left=meter.seconds_left(max(0, size - done - in_flight)),
        )

    def _rows_since(self, since: int, group: int | None) -> list[Transfer]:
        if since > 0:
            changed = [id_ for id_, change in self._rows.items() if change > since]
            return self._ledger.some(changed, group)
        if group is not None:
            return self._ledger.of_group(group)
        return self._ledger.in_states((*LIVE, TransferState.FAILED))
