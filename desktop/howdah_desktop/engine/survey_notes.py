"""What a survey tells the control thread to write down, while it runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.finds import Finds
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.treework import Moved
from howdah_desktop.folders.directory import Entry
from howdah_desktop.folders.found import Directory
from howdah_desktop.folders.watched import FolderState


class SurveyNotes:
    """Of one survey, called in its thread. What a method writes is durable when it returns; it raises
    ProblemError("interrupted") when the survey is to end.

    `kept`: its folder; None: it is not watched any more.
    """

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        finds: Finds,
        kept: Callable[[], Kept | None],
        wall: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._finds = finds
        self._kept = kept
        self._wall = wall

    def check(self) -> None:
        self._control.check()
        kept = self._kept()
        if kept is None or kept.watched.state is FolderState.PAUSED:
            raise ProblemError("interrupted")

    def take(self, found: list[Directory]) -> None:
        self._write(lambda kept: self._finds.take(kept, found))

    def begin_move(self, known: Known, to: bytes | None, remote: str | None) -> None:
        """None, None: it has not moved after all."""
        self._write(lambda kept: self._ledger.begin_move(kept.watched.id, known, to, remote))

    def moved(self, known: Known, to: bytes, remote: str, seen: Entry | None, moved: Moved) -> None:
        self._write(lambda kept: self._finds.moved(kept, known, to, remote, seen, moved.file_id))

    def clear_soon(self, path: bytes) -> None:
        """What is on its way there is asked about first of all."""
        self._write(lambda kept: self._ledger.clear_soon(kept.watched.id, path))

    def trashed(self, known: Known, files: int) -> None:
        self._write(lambda kept: self._ledger.trashed(known, kept.watched.id, files))

    def stay(self, gone: list[Known]) -> None:
        """They are gone here, and stay there."""

        def write(kept: Kept) -> None:
            for known in gone:
                self._ledger.mark_gone(kept.watched.id, known.path, self._wall())

        self._write(write)

    def forgotten(self, known: Known) -> None:
        self._write(lambda kept: self._ledger.forget(kept.watched.id, known.path))

    def doubted(self, known: Known, there: str | None) -> None:
        """`there`: the version that stands there, None: nothing does."""
        self._write(lambda kept: self._ledger.doubt(kept.watched.id, known, there))

    def _write(self, act: Callable[[Kept], object]) -> None:
        def write() -> None:
            kept = self._kept()
            if kept is None:
                raise ProblemError("interrupted")
            act(kept)

        self._control.ask(write)
