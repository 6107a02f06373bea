"""Surveys of watched folders: begun, and what follows for a folder from what one came to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.backoff import delay_seconds
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.finds import Finds
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.kept_folders import KeptFolders
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.news import News
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.survey_notes import SurveyNotes
from howdah_desktop.engine.survey_report import Order, Report
from howdah_desktop.engine.surveying import Surveying
from howdah_desktop.engine.treework import TreeWork
from howdah_desktop.folders.quiet import Quiet
from howdah_desktop.folders.watched import FolderState

DOUBT_SECONDS = 0.5
"""What is on its way is soon clear."""
AWAY_SECONDS = 10.0
"""A folder whose disk is not there is looked for so often."""

log = logging.getLogger(__name__)


class Surveys:
    """Belongs to the control thread. `clock` is the monotonic one, `wall` gives seconds since 1970."""

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        news: News,
        presence: Presence,
        finds: Finds,
        folders: KeptFolders,
        home: Path,
        own_folder: bytes,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._news = news
        self._presence = presence
        self._finds = finds
        self._folders = folders
        self._home = home
        self._own_folder = own_folder
        self._clock = clock
        self._wall = wall
        self._tree = TreeWork(presence.current)

    @property
    def running(self) -> int:
        return sum(kept.surveying for kept in self._folders.by_id.values())

    def begin(self, kept: Kept, order: Order) -> None:
        id_ = kept.watched.id
        kept.surveying = True
        notes = SurveyNotes(
            self._control,
            self._ledger,
            self._finds,
            lambda: self._folders.by_id.get(id_),
            self._wall,
        )
        work = Surveying(kept.watched, self._home, self._tree, notes, self._own_folder)
        self._control.submit(
            lambda: work.run(order), lambda found: self._surveyed(kept, order, found)
        )

    def _surveyed(self, kept: Kept, order: Order, found: Report | ProblemError) -> None:
        kept.surveying = False
        if isinstance(found, ProblemError):
            kept.tasks += order.tasks  # paused, removed, or the engine ends
            kept.gone.update(dict.fromkeys(order.gone, 0.0))
            if found.code != "interrupted":
                log.error("folder %d: %s", kept.watched.id, found)
                kept.held_up = found
                kept.not_before = self._clock() + AWAY_SECONDS
            return
        kept.last, kept.held_up = found, found.held_up
        kept.there = kept.there or found.there_postponed
        now = self._clock()
        if found.unavailable:
            kept.tasks, kept.gone = [], {}
            kept.quiet = Quiet()
            kept.full_due, kept.not_before = now, now + AWAY_SECONDS
            self._folders.set_state(kept, FolderState.UNAVAILABLE, found.unavailable)
            return
        self._add_tasks(kept, found, now)
        self._settle_state(kept, order, found)
        if kept.full_running and not found.there_postponed:
            kept.doubt = ""
            self._ledger.compared(kept.watched.id, self._wall(), found.rules, found.device)
            self._folders.read_again(kept)
            if kept.hints is not None:
                kept.hints.took(found.seconds)
        self._news.something()

    def _add_tasks(self, kept: Kept, found: Report, now: float) -> None:
        kept.tasks += found.postponed
        kept.misses(found.gone_postponed, now)
        if found.held_up is None:
            kept.attempt = 0
            if found.postponed:
                kept.not_before = now + DOUBT_SECONDS
            return
        # Nothing is lost by waiting: the tree here is the truth, and is looked at again.
        kept.attempt += 1
        if found.there_postponed:
            kept.full_due = now
        kept.not_before = now + delay_seconds(
            kept.attempt,
            0.5,
            code=found.held_up.code,
            retry_after_seconds=found.held_up.extra.get("retry_after_seconds"),
        )
        if outcomes.is_receivers(found.held_up):
            self._presence.lost(found.held_up)

    def _settle_state(self, kept: Kept, order: Order, found: Report) -> None:
        if found.asks:
            self._folders.set_state(kept, FolderState.ASKING, str(found.asks))
            return
        if kept.watched.state is FolderState.UNAVAILABLE or (
            kept.watched.state is FolderState.ASKING and (kept.full_running or kept.yes)
        ):
            self._folders.set_state(kept, FolderState.ACTIVE)
        if order.gone and not found.gone_postponed:
            kept.yes = False
