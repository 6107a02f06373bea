"""What a window needs to know since it last asked: what changed, counted, and what is at work."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

import msgspec

from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.holding import Holding
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_orders import MOST_TOLD
from howdah_desktop.engine.ledger_tallies import Tally
from howdah_desktop.engine.ledger_views import left_bytes, left_files
from howdah_desktop.engine.meter import Meter, at_least
from howdah_desktop.engine.news import News
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.showing import with_live
from howdah_desktop.engine.transfers import Kind
from howdah_desktop.engine.views import ChunksView, Live, Overview, RootView, TransferView

_MOVING = frozenset({"new", "queued", "sending", "fetching", "finishing"})


class Overviews:
    """For the control thread. Costs as much as changed, whatever stands in the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        news: News,
        runs: Runs,
        presence: Presence,
        holding: Holding,
        allowance: Allowance,
    ) -> None:
        self._ledger = ledger
        self._news = news
        self._runs = runs
        self._presence = presence
        self._holding = holding
        self._allowance = allowance
        self._sums = _Sums(ledger)
        self._up, self._down, self._progress = Meter(), Meter(), Meter()
        self._of_roots: dict[int, Meter] = {}

    def overview(self, since: int, open_roots: Collection[int]) -> Overview:
        now = time.monotonic()
        work = self._work()
        rows, roots, gone = self._news_since(since)
        reload = rows is None
        if rows is None:  # what stands in memory alone is told even so
            rows = [(id_, job.transfer.root or 0) for id_, job in self._runs.jobs.items()][
                :MOST_TOLD
            ]
            roots = list({root for root, _, _ in work.values() if root})
        open_now = set(open_roots)
        transfers = self._transfers(
            [id_ for id_, root in rows if not root or root in open_now], work
        )
        root_views = tuple(self._root_views(roots, work, now))
        return msgspec.structs.replace(
            self._figures(work, [root.seconds_left for root in root_views], now),
            reload=reload,
            transfers=transfers,
            roots=root_views,
            gone=tuple(gone),
            gone_roots=tuple(set(roots) - {root.id for root in root_views}),
            chunks=tuple(self._chunks(transfers)),
        )

    def _news_since(self, since: int) -> tuple[list[tuple[int, int]] | None, list[int], list[int]]:
        """Rows (None: too many), roots, and rows that are gone."""
        if since > 0 and self._news.knows(since):
            rows, roots = self._news.rows_since(since), self._news.roots_since(since)
            gone = self._news.gone_since(since)
            if max(len(rows), len(roots), len(gone)) <= MOST_TOLD:
                return rows, roots, gone
        return None, [], []

    # -- rows and folders

    def _work(self) -> dict[int, tuple[int, Live, int]]:
        """Of those at work: their root, how far they are, and what the ledger says of that."""
        running = self._runs.running
        saved = self._ledger.done_bytes_of(running) if running else {}
        return {
            id_: (row.root or 0, self._runs.jobs[id_].live(), saved.get(id_, 0))
            for id_, row in running.items()
        }

    def _transfers(self, ids: list[int], work: _Work) -> tuple[TransferView, ...]:
        return tuple(
            # One that was just paused may still have its thread.
            with_live(row, work[row.id][1]) if row.id in work and row.state != "paused" else row
            for row in self._ledger.listed(ids)
        )

    def _root_views(self, ids: list[int], work: _Work, now: float) -> Iterable[RootView]:
        at_work: dict[int, list[tuple[Live, int]]] = {}
        for root, live, saved in work.values():
            at_work.setdefault(root, []).append((live, saved))
        self._of_roots = {id_: self._of_roots.get(id_, Meter()) for id_ in at_work if id_}
        for view in self._ledger.root_views(ids) if ids else ():
            lives = at_work.get(view.id)
            yield view if lives is None else self._with_lives(view, lives, now)

    def _with_lives(self, view: RootView, lives: list[tuple[Live, int]], now: float) -> RootView:
        more = sum(live.done_bytes - saved for live, saved in lives)
        in_flight = sum(live.in_flight_bytes for live, _ in lives)
        done, left = view.done_bytes + more, max(0, view.left_bytes - more)
        meter = self._of_roots[view.id]
        meter.note(done + in_flight, now)
        return msgspec.structs.replace(
            view,
            done_bytes=done,
            left_bytes=left,
            in_flight_bytes=in_flight,
            bytes_per_second=meter.bytes_per_second,
            seconds_left=at_least(
                meter.seconds_left(max(0, left - in_flight)),
                [live.seconds_left for live, _ in lives],
            ),
        )

    def _chunks(self, transfers: Iterable[TransferView]) -> Iterable[ChunksView]:
        jobs = self._runs.jobs
        for row in transfers:
            if row.id in jobs and (found := jobs[row.id].chunks()) is not None:
                yield found

    # -- figures

    def _figures(self, work: _Work, of_roots: list[float | None], now: float) -> Overview:
        """All but what changed. `of_roots`: their seconds left."""
        shown, all_done = self._sums.now()
        more = sum(live.done_bytes - saved for _, live, saved in work.values())
        in_flight = sum(live.in_flight_bytes for _, live, _ in work.values())
        self._progress.note(all_done + more + in_flight, now)
        moving = sum(size - done for state, (_, size, done) in shown.items() if state in _MOVING)
        left = self._progress.seconds_left(max(0, moving - more - in_flight))
        of_rows = [live.seconds_left for _, live, _ in work.values()]
        up, down = self._speeds(now)
        return Overview(
            change=self._news.change,
            receiver=self._presence.view(),
            counts={state: files for state, (files, _, _) in shown.items()},
            left_files=left_files(shown),
            left_bytes=max(0, left_bytes(shown) - more),
            up_bytes_per_second=up,
            down_bytes_per_second=down,
            seconds_left=at_least(left, of_rows + of_roots)
            if work and self._presence.reach.up
            else None,
            asks=self._holding.asks(),
            limits=self._allowance.view(),
            calls=self._news.calls,
            called_group=self._news.called_group,
        )

    def _speeds(self, now: float) -> tuple[float | None, float | None]:
        """Over the line, up and down; a direction in which nothing is under way has none."""
        kinds = {row.kind is Kind.DOWNLOAD for row in self._runs.running.values()}
        if False not in kinds:
            self._up = Meter()
        if True not in kinds:
            self._down = Meter()
        if not kinds:
            self._progress = Meter()
        self._up.note(self._runs.traffic.up, now)
        self._down.note(self._runs.traffic.down, now)
        return self._up.bytes_per_second, self._down.bytes_per_second


_Work = dict[int, tuple[int, Live, int]]


class _Sums:
    """Read again only when something was written."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._writes = -1
        self._shown: dict[str, Tally] = {}
        self._done = 0

    def now(self) -> tuple[dict[str, Tally], int]:
        """What is in the list, by state, and the bytes that were done of everything."""
        if self._writes != self._ledger.writes:
            self._writes = self._ledger.writes
            self._shown = self._ledger.tallies(hidden=False)
            self._done = sum(done for _, _, done in self._ledger.tallies().values())
        return self._shown, self._done
