"""What is done in the tree there without sending anything: moves and deletions of what both sides knew.

In a thread of the pool. Each step looks at what the receiver answers and says whether it was done; what
was not is for the ordinary way (send the file as a new one, keep what stands there).
"""

from __future__ import annotations

from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.standing import standing_at
from howdah_desktop.remote.receiver import Receiver

_NOT_DONE = frozenset(
    {
        "file_not_found",
        "not_found",
        "not_allowed",
        "version_conflict",
        "path_conflict",
        "other_space",
        "bad_path",
    }
)
"""The tree there is not what was known, or may not be changed: nothing was done."""


class TreeWork:
    """Moves and deletions at one receiver. Methods raise ProblemError where it cannot be asked."""

    def __init__(self, receiver: Callable[[], Receiver]) -> None:
        self.receiver = receiver

    def move(self, known: Known, remote: str, *, over: bool) -> bool:
        """Whether what was at `known.remote` stands at `remote` now."""
        if known.is_dir:
            return self._done(lambda: self._move_folder(known.remote, remote))
        if known.file_id is None:
            return False
        file_id, version = known.file_id, known.version
        return self._done(lambda: self.receiver().move_file(file_id, remote, version, over=over))

    def trash(self, known: Known) -> bool:
        """Whether a file as it was known is in the trash there; True also where nothing stands there."""
        if known.file_id is None:
            return True
        try:
            self.receiver().trash_file(known.file_id, known.version)
        except ProblemError as problem:
            if problem.code in ("file_not_found", "not_found"):
                return True
            if problem.code in _NOT_DONE:
                return False
            raise
        return True

    def trash_folder(self, remote: str, files: int) -> bool:
        """The same of a folder with all in it, if it holds as many files as were known; True also where
        there is none."""
        there = self._holds(remote)
        if there is None:
            return True
        if there != files:
            return False
        receiver = self.receiver()
        folder = receiver.make_folder(remote)
        if folder.id is None:
            return False
        folder_id = folder.id
        return self._done(lambda: receiver.trash_folder(folder_id))

    def _move_folder(self, old: str, new: str) -> None:
        receiver = self.receiver()
        if standing_at(receiver, old) is None:
            raise ProblemError("file_not_found")
        folder = receiver.make_folder(old)
        if folder.id is None:
            raise ProblemError("file_not_found")
        receiver.move_folder(folder.id, new)

    def _holds(self, remote: str) -> int | None:
        """How many files are in a folder and below it; None: it is not there."""
        try:
            found = self.receiver().list(remote, per_page=1)
        except ProblemError as problem:
            if problem.code in ("file_not_found", "not_found"):
                return None
            raise
        return found.files if found.kind == "folder" else None

    def _done(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except ProblemError as problem:
            if problem.code in _NOT_DONE:
                return False
            raise
        return True
