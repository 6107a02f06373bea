"""Mistakes that an engine could have, planted to see that a simulation notices them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from howdah_common.file_frames import FileHead
from howdah_common.problems import ProblemError
from howdah_desktop.engine import batch_run, completion, outcomes, sender
from howdah_desktop.engine.keeper import Keeper
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.ledger_moves import LedgerMoves
from howdah_desktop.engine.source import Source, look
from howdah_desktop.engine.survey_report import Report
from howdah_desktop.engine.surveying import Surveying
from howdah_desktop.engine.surveys import Surveys
from howdah_desktop.engine.transfers import IfExists, Transfer
from howdah_desktop.folders.hints import Dirty, Hint

if TYPE_CHECKING:
    import pytest

    from howdah_common.messages import Complete

Plant = Callable[["pytest.MonkeyPatch"], None]


def others_are_overwritten(patch: pytest.MonkeyPatch) -> None:
    """What stands there is replaced, whatever it is."""

    def finish(
        receiver: Any, upload_id: str, words: Complete, remote: str, pause: Any, *_: Any
    ) -> completion.Outcome:
        words = msgspec.structs.replace(words, if_version=None)
        return completion.finish(receiver, upload_id, words, remote, IfExists.VERSION, pause)

    def head(**words: Any) -> FileHead:
        return FileHead(**{**words, "if_version": None})

    patch.setattr(sender, "finish_agreed", finish)
    patch.setattr(batch_run, "FileHead", head)


def moved_without_descendants(patch: pytest.MonkeyPatch) -> None:
    """A folder that moved is known at its new place, and what is in it at the old one."""
    patch.setattr(LedgerMoves, "_move_below", lambda *_: None)


def deletions_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What is gone here is not known any more, and stays there, in a mirror too."""

    def trash(self: Surveying, known: Known, *_: Any) -> None:
        self._notes.forgotten(known)

    patch.setattr(Surveying, "_trash", trash)


def half_written_files_agree(patch: pytest.MonkeyPatch) -> None:
    """A file counts as sent as it is at the end, not as it was read."""
    succeeded = outcomes.succeeded

    def with_look(row: Transfer, outcome: completion.Outcome, now: float) -> Transfer:
        try:
            row = replace(row, identity=look(row.local)) if row.identity else row
        except ProblemError:
            pass
        return succeeded(row, outcome, now)

    patch.setattr(outcomes, "succeeded", with_look)
    patch.setattr(Source, "check_unchanged", lambda _: None)


def hints_during_a_survey_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """Whoever looks at one directory does not hear of the others."""
    hint = Keeper._hint

    def deaf(self: Keeper, id_: int, heard: Hint) -> None:
        kept = self.folders.get(id_)
        if kept is None or not (kept.surveying and isinstance(heard, Dirty)):
            hint(self, id_, heard)

    patch.setattr(Keeper, "_hint", deaf)


def postponed_tasks_are_lost(patch: pytest.MonkeyPatch) -> None:
    """What could not be done while the receiver was away is not done again."""
    add = Surveys._add_tasks

    def lose(self: Surveys, kept: Kept, found: Report, now: float) -> None:
        found.postponed, found.gone_postponed = [], []
        add(self, kept, found, now)

    patch.setattr(Surveys, "_add_tasks", lose)


MUTANTS: tuple[Plant, ...] = (
    others_are_overwritten,
    moved_without_descendants,
    deletions_are_forgotten,
    half_written_files_agree,
    hints_during_a_survey_are_dropped,
    postponed_tasks_are_lost,
)
