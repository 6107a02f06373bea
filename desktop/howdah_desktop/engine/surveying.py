"""A survey of a watched folder and what it finds, brought to the control thread; deletions confirmed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.ledger_moves import LedgerMoves
from howdah_desktop.engine.looking_there import differing
from howdah_desktop.engine.survey_notes import SurveyNotes
from howdah_desktop.engine.survey_report import Order, Report
from howdah_desktop.engine.treework import TreeWork
from howdah_desktop.folders import standing
from howdah_desktop.folders.directory import Entry, Ground, What, parted
from howdah_desktop.folders.found import Directory, NotYet, Task, in_order
from howdah_desktop.folders.places import Places
from howdah_desktop.folders.standing import Unavailable
from howdah_desktop.folders.survey import Survey
from howdah_desktop.folders.watched import Links, Watched, too_many_gone


class Surveying:
    """One survey in a thread of the pool; it is `Finds` to its Survey."""

    def __init__(
        self,
        folder: Watched,
        home: Path,
        tree: TreeWork,
        notes: SurveyNotes,
        own_folder: bytes,
    ) -> None:
        self._folder = folder
        self._home = home
        self._tree = tree
        self._notes = notes
        self._own_folder = own_folder
        self._places = Places(folder)
        self._unclear: ProblemError | None = None
        """Why nobody knows whether something has moved there: until then nothing else is done there."""

    def run(self, order: Order) -> Report:
        """Raises ProblemError: interrupted, and what the ledger says."""
        began, report = time.monotonic(), Report()
        try:
            ground = Ground(self._folder.local)
        except OSError as error:
            report.unavailable = f"It cannot be opened ({os.strerror(error.errno or 0)})."
            return report
        self._ledger = ledger = LedgerMoves(self._home, read_only=True)
        try:
            standing.check(self._folder, ground, ledger.known_files(self._folder.id))
            report.device = ground.device
            if order.there:
                self._look_there(report, ledger)
            self._survey(order, report, ground, ledger)
            self._deletions(order, report, ground, ledger)
        except Unavailable as away:
            report.unavailable = str(away)
        except OSError as error:
            report.unavailable = f"It cannot be read ({os.strerror(error.errno or 0)})."
        finally:
            ledger.close()
            ground.close()
        report.seconds = time.monotonic() - began
        return report

    def _survey(self, order: Order, report: Report, ground: Ground, ledger: LedgerMoves) -> None:
        again = self._settle_moves(report, ledger)
        survey = Survey(self._folder, ground, ledger, self, self._own_folder)
        report.rules = survey.rules_of(b"")
        anew = any(not task.path and task.deep for task in order.tasks) and (
            report.rules != self._folder.rules
        )
        tasks = in_order([*order.tasks, *again])
        report.postponed = survey.run([Task(t.path, t.deep, t.anew or anew) for t in tasks])
        report.held_up = survey.held_up or report.held_up
        report.directories, report.files = survey.looked_at, survey.files

    def _settle_moves(self, report: Report, ledger: LedgerMoves) -> list[Task]:
        """What was told to move, and its answer was lost: whether it has. Gives where to look again: what has
        become of it here meanwhile was compared with what was known before."""
        again: list[Task] = []
        for known in ledger.moving(self._folder.id):
            assert known.moving is not None
            assert known.moving_to is not None
            self.check()
            try:
                moved = self._tree.has_moved(known, known.moving_to)
            except ProblemError as problem:
                if problem.code == "interrupted":
                    raise
                self._unclear = report.held_up = problem
                break
            again += [Task(parted(path)[0], deep=False) for path in (known.path, known.moving)]
            if known.is_dir:
                again.append(Task(known.moving, deep=True))
            if moved is None:
                self._notes.begin_move(known, None, None)
            else:
                self._notes.moved(known, known.moving, known.moving_to, None, moved)
        return again

    def _look_there(self, report: Report, ledger: LedgerMoves) -> None:
        try:
            receiver = self._tree.receiver()
            for known, there in differing(receiver, ledger, self._folder.id, self.check):
                self._notes.doubted(known, there)
        except ProblemError as problem:
            if problem.code == "interrupted":
                raise
            report.held_up, report.there_postponed = problem, True

    # -- deletions

    def _deletions(self, order: Order, report: Report, ground: Ground, ledger: LedgerMoves) -> None:
        if report.held_up is not None or report.postponed:
            # What could not move yet, or has though its answer was lost, is not where it is thought to be.
            report.gone_postponed = list(order.gone)
            return
        found = [
            known
            for path in order.gone
            if (known := ledger.known(self._folder.id, path)) is not None
            and known.gone is None
            and self._is_gone(ground, known)
        ]
        if not found:
            return
        # Once more, after the looking: a disk that was pulled meanwhile has no entries at all.
        standing.check(self._folder, ground, 1)
        if not self._folder.mirror:
            self._notes.stay(found)
            return
        found = [known for known in found if not self._is_in_doubt(ledger, known, report)]
        files = {known.path: self._files(ledger, known) for known in found}
        total = ledger.known_files(self._folder.id)
        if not order.yes and too_many_gone(sum(files.values()), total):
            report.asks = sum(files.values())
            report.gone_postponed += [known.path for known in found]
            return
        for known in found:
            self._notes.check()
            try:
                self._trash(known, files[known.path], ledger)
            except ProblemError as problem:
                if problem.code == "interrupted":
                    raise
                report.held_up = problem
                report.gone_postponed.append(known.path)

    def _is_in_doubt(self, ledger: LedgerMoves, known: Known, report: Report) -> bool:
        try:
            self._check_clear(ledger, known)
        except NotYet:
            report.gone_postponed.append(known.path)
            return True
        return False

    def _check_clear(self, ledger: LedgerMoves, known: Known) -> None:
        """What has arrived though its answer was lost would be left behind, as nobody knows of it. Raises
        NotYet."""
        if ledger.is_in_doubt(self._folder.id, known.path):
            self._notes.clear_soon(known.path)
            raise NotYet

    def _is_gone(self, ground: Ground, known: Known) -> bool:
        """Also where something stands that is not carried; a link may be, where they are not skipped."""
        now = ground.look(known.folder, known.name)
        return (
            now is None
            or now.what is What.OTHER
            or (now.what is What.LINK and self._folder.settings.links is Links.SKIP)
        )

    def _files(self, ledger: LedgerMoves, known: Known) -> int:
        return ledger.known_files(self._folder.id, known.path) if known.is_dir else 1

    def _trash(self, known: Known, files: int, ledger: LedgerMoves) -> None:
        if not known.is_dir:
            done = self._tree.trash(known)
        else:
            below = [
                one for one in ledger.known_below(self._folder.id, known.path) if not one.is_dir
            ]
            done = self._tree.trash_folder(known.remote, {one.remote: one.version for one in below})
            if not done:
                # It holds what was not known: that stays, and so does the folder if anything is left in it.
                for one in below:
                    self._trash(one, 1, ledger)
                done = self._tree.trash_folder(known.remote, {})
        if done:
            self._notes.trashed(known, files)
        else:
            self._notes.stay([known])

    # -- Finds

    def directories(self, found: list[Directory]) -> None:
        self._notes.take(found)

    def move(
        self,
        known: Known,
        to: bytes,
        remote: str,
        seen: Entry,
        over: Known | None,
    ) -> bool:
        if self._unclear is not None:
            raise self._unclear
        self._check_clear(self._ledger, known)
        if known.is_dir:
            # By its id, it is found again wherever it went.
            known = replace(known, file_id=self._tree.folder_id(known.remote))
            if known.file_id is None:
                return False
        self._notes.begin_move(known, to, remote)
        moved = self._tree.move(known, remote, over=over)
        if moved is None:
            self._notes.begin_move(known, None, None)
            return False
        self._notes.moved(known, to, remote, seen, moved)
        return True

    def gives_way(self, known: Known, below: Sequence[Known], what: What) -> None:
        """In a mirror it goes to the trash; else, and where others changed it, it gets a numbered name."""
        if self._unclear is not None:
            raise self._unclear
        self._check_clear(self._ledger, known)
        versions = {one.remote: one.version for one in below if not one.is_dir}
        if not self._tree.put_aside(known, versions if self._folder.mirror else None):
            return
        if what is not What.FOLDER or self._makes_way_for_folder(known):
            self._notes.forgotten(known)

    def _makes_way_for_folder(self, known: Known) -> bool:
        """Where it had a numbered name, somebody else's file has its own: no folder can be made of that."""
        remote = self.remote_of(known.path, What.FOLDER)
        return remote == known.remote or self._tree.put_aside(
            replace(known, remote=remote, is_dir=False), None
        )

    def remote_of(self, path: bytes, what: What) -> str:
        return self._places.remote_of(path, what)

    def check(self) -> None:
        self._notes.check()
