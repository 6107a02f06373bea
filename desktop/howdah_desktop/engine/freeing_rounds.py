"""When what the rules of watched folders name is freed: now and then, while the user waits for nothing."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from functools import partial

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.keeper import Keeper
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.news import News
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.showing import explain_problem, shown_path
from howdah_desktop.engine.views import FreedView, Freeing, StaysView
from howdah_desktop.folders.watched import FolderState
from howdah_desktop.freeing.how import FreeRule
from howdah_desktop.freeing.round import PASSING, Came, Round, Staying
from howdah_desktop.log_file import quoted

FIRST_SECONDS = 300.0
"""After the start: an engine that only lists folders, or sends a file, is gone by then."""
ROUND_SECONDS = 3600.0
"""From the end of one round to the next."""
BUSY_SECONDS = 60.0
"""While something of the user's is under way, the next look is after so long."""
AWAY_SECONDS = 600.0
"""After a round that the receiver, or a `howdah free` by hand, has ended."""
MOST_SHOWN = 20

log = logging.getLogger(__name__)


class FreeingRounds:
    """Belongs to the control thread, but for what a round does in its own. One folder at a time.

    `clock` is the monotonic one, `wall` gives seconds since 1970.
    """

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        news: News,
        runs: Runs,
        presence: Presence,
        keeper: Keeper,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._news = news
        self._runs = runs
        self._presence = presence
        self._keeper = keeper
        self._clock = clock
        self._wall = wall
        self._due = clock() + FIRST_SECONDS
        self._left: list[int] = []
        """Folders that this round has not come to yet."""
        self._working = False
        self._stays: dict[int, dict[bytes, Staying]] = {}

    def turn(self) -> None:
        now = self._clock()
        if self._working or now < self._due or not self._presence.reach.up:
            return
        ready = self._ready()
        if not ready:
            return
        if self._is_busy():
            self._due = now + BUSY_SECONDS
            return
        left = [id_ for id_ in self._left if id_ in ready] or list(ready)
        self._left = left[1:]
        self._begin(self._keeper.folders[left[0]], ready[left[0]])

    def next_due(self) -> float | None:
        """When `turn` has something to do, of the monotonic clock."""
        if self._working or not self._presence.reach.up or not self._ready():
            return None
        return self._due

    # -- inside

    def _ready(self) -> dict[int, FreeRule]:
        """Folders with a rule that are there and not paused."""
        return {
            id_: kept.watched.settings.free
            for id_, kept in self._keeper.folders.items()
            if kept.watched.settings.free is not None
            and not kept.watched.mirror
            and kept.watched.state is FolderState.ACTIVE
        }

    def _is_busy(self) -> bool:
        """The user waits for something that they sent or fetch: it has the disk for itself."""
        return any(row.watched is None for row in self._runs.running.values())

    def _begin(self, kept: Kept, rule: FreeRule) -> None:
        id_ = kept.watched.id
        self._working = True
        work = Round(
            self._keeper.home,
            id_,
            kept.watched.local,
            rule,
            self._presence.current,
            _Recorder(self._control, self._ledger),
            lambda: self._control.ask(self._may_begin),
            lambda: self._check(id_, rule),
            self._wall,
            self._stays.get(id_, {}),
        )
        self._control.submit(work.run, partial(self._ended, id_))

    def _may_begin(self) -> None:
        if self._is_busy():
            raise ProblemError("interrupted")

    def _check(self, id_: int, rule: FreeRule) -> None:
        """In the thread of a round. Raises ProblemError: it is to end, or the rule is no more what it was."""
        self._control.check()
        kept = self._keeper.folders.get(id_)
        if (
            kept is None
            or kept.watched.settings.free != rule
            or kept.watched.state is not FolderState.ACTIVE
        ):
            raise ProblemError("interrupted")

    def _ended(self, id_: int, found: Came | ProblemError) -> None:
        self._working = False
        came = Came(ended_by=found) if isinstance(found, ProblemError) else found
        self._due = self._clock() + self._pause(came.ended_by)
        kept = self._keeper.folders.get(id_)
        if kept is None:
            self._stays.pop(id_, None)
            return
        self._note(kept, came)
        if came.ended_by is not None:
            self._left.insert(0, id_)
            if outcomes.is_receivers(came.ended_by):
                self._presence.lost(came.ended_by)
        self._news.something()

    def _pause(self, ended_by: ProblemError | None) -> float:
        """Seconds to the next folder, or to the next round."""
        if ended_by is not None:
            return BUSY_SECONDS if ended_by.code == "interrupted" else AWAY_SECONDS
        return 0.0 if self._left else ROUND_SECONDS

    def _note(self, kept: Kept, came: Came) -> None:
        """In the log, in history, and for who asks."""
        id_, before = kept.watched.id, self._stays.get(kept.watched.id, {})
        for path, one in came.stays.items():
            if before.get(path) is not one:
                where = quoted(os.fsdecode(path))
                log.info("folder %d: stays: code=%s path=%s", id_, one.problem.code, where)
        news = [one for path, one in came.stays.items() if _is_news(before.get(path), one)]
        if news:
            self._ledger.note_staying(id_, [(one.remote, one.problem.code) for one in news])
        self._stays[id_] = came.stays
        if came.files or came.stays or came.ended_by is not None:
            why = f" ended_by={came.ended_by.code}" if came.ended_by is not None else ""
            reasons = Counter(one.problem.code for one in came.stays.values())
            log.info(
                "folder %d: freed files=%d bytes=%d stays=%s%s",
                id_,
                came.files,
                came.freed_bytes,
                dict(reasons),
                why,
            )
        shown = tuple(_shown(path, one) for path, one in list(came.stays.items())[:MOST_SHOWN])
        kept.freed = FreedView(self._wall(), came.files, came.freed_bytes, len(came.stays), shown)


class _Recorder:
    """Of a round's thread; the control thread writes."""

    def __init__(self, control: ControlThread, ledger: Ledger) -> None:
        self._control = control
        self._ledger = ledger

    def begin_freeing(self, freeing: Freeing) -> int:
        return self._control.ask(lambda: self._ledger.begin_freeing(freeing))

    def end_freeing(self, id_: int, removed: bool) -> int:
        return self._control.ask(lambda: self._ledger.end_freeing(id_, removed))


def _is_news(before: Staying | None, now: Staying) -> bool:
    """What passes by itself is no history, and what is as it was is told once."""
    if now.problem.code in PASSING:
        return False
    return before is None or (before.problem.code, before.identity) != (
        now.problem.code,
        now.identity,
    )


def _shown(path: bytes, one: Staying) -> StaysView:
    sentence, remedy = explain_problem(one.problem.code, one.problem.detail)
    return StaysView(shown_path(path), one.problem.code, sentence, remedy)
