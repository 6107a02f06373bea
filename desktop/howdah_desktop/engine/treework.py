"""What is done in the tree there without sending anything: moves and deletions of what both sides knew.

In a thread of the pool. Each step looks at what the receiver answers and says whether it was done; what
was not is for the ordinary way (send the file as a new one, keep what stands there).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from howdah_common import remote_path
from howdah_common.messages import MOST_PER_PAGE, FileInfo, FolderInfo
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


MOST_NAMES = 100
"""`a (100).txt` is where looking for a free name ends."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Moved:
    """`file_id`: of the file that stands there now; None: a folder."""

    file_id: str | None


class TreeWork:
    """Moves and deletions at one receiver. Methods raise ProblemError where it cannot be asked."""

    def __init__(self, receiver: Callable[[], Receiver]) -> None:
        self.receiver = receiver

    def folder_id(self, remote: str) -> str | None:
        """Of the folder that stands there; it keeps it wherever it goes. None: there is none."""
        there = standing_at(self.receiver(), remote)
        return self.receiver().make_folder(remote).id if isinstance(there, FolderInfo) else None

    def move(self, known: Known, remote: str, *, over: Known | None = None) -> Moved | None:
        """What was at `known.remote` stands at `remote` now; None: it does not.

        `known.file_id`: of a folder, as `folder_id` gives it. `over`: what is known of the file at `remote`,
        if it is to go on with this content."""
        if known.file_id is None:
            return None
        if known.is_dir:
            return Moved(None) if self._move_folder(known.file_id, remote) else None
        if over is not None and not self._stands(over, remote):
            return None  # somebody else has changed it: both stay
        file_id, version = known.file_id, known.version
        moved = self._done(
            lambda: self.receiver().move_file(file_id, remote, version, over=over is not None)
        )
        return None if moved is None else Moved(moved.id)

    def has_moved(self, known: Known, remote: str) -> Moved | None:
        """Whether what was known, and told to move to `remote`, has. `known.file_id` as for `move`."""
        if known.is_dir:
            is_it = known.file_id is not None and self.folder_id(remote) == known.file_id
            return Moved(None) if is_it else None
        there = standing_at(self.receiver(), remote)
        # One that moved over another goes on as that: its version tells.
        if isinstance(there, FileInfo) and there.version == known.version:
            return Moved(there.id)
        return None

    def put_aside(self, known: Known, below: Mapping[str, str | None] | None) -> bool:
        """Whether nothing stands at `known.remote` any more: it is in the trash or has a numbered name now,
        whoever changed it. `below`: of what may go to the trash, what is known in it; None: nothing may."""
        there = standing_at(self.receiver(), known.remote)
        if there is None or isinstance(there, FolderInfo) is not known.is_dir:
            return True
        if below is not None and (
            self.trash_folder(known.remote, below) if known.is_dir else self.trash(known)
        ):
            return True
        there_id = self.folder_id(known.remote) if known.is_dir else there.id
        if there_id is None:
            return known.is_dir
        moves = self._move_folder if known.is_dir else self._moves_to
        for name in (remote_path.numbered(known.remote, n) for n in range(2, MOST_NAMES)):
            if moves(there_id, name):
                return True
        return False

    def trash(self, known: Known) -> bool:
        """Whether a file as it was known is in the trash there; True also where it does not stand there."""
        if known.file_id is None:
            return True
        # By its place as well: it may have moved, here or there, and then it is not what was deleted.
        there = standing_at(self.receiver(), known.remote)
        if there is None or isinstance(there, FolderInfo):
            return True
        if there.id != known.file_id:
            return False
        file_id = known.file_id
        try:
            self.receiver().trash_file(file_id, known.version)
        except ProblemError as problem:
            if problem.code in ("file_not_found", "not_found"):
                return True
            if problem.code in _NOT_DONE:
                return False
            raise
        return True

    def trash_folder(self, remote: str, known: Mapping[str, str | None]) -> bool:
        """The same of a folder with all in it, if that is nothing but what was known: versions by paths.
        True also where there is none."""
        folder_id = self.folder_id(remote)
        if folder_id is None:
            return True
        if not self._holds_only(remote, known):
            return False
        return self._done(lambda: self.receiver().trash_folder(folder_id)) is not None

    def _holds_only(self, remote: str, known: Mapping[str, str | None]) -> bool:
        """Whether every file in a folder and below it is as it was known."""
        folders = [remote]
        while folders:
            folder, page, seen = folders.pop(), 1, 0
            while True:
                found = self.receiver().list(folder, page, MOST_PER_PAGE)
                for item in found.items:
                    if isinstance(item, FolderInfo):
                        folders.append(item.path)
                    elif known.get(item.path, "") != item.version:
                        return False
                seen += len(found.items)
                if not found.items or seen >= found.total:
                    break
                page += 1
        return True

    def _move_folder(self, folder_id: str, remote: str) -> bool:
        return self._done(lambda: self.receiver().move_folder(folder_id, remote)) is not None

    def _moves_to(self, file_id: str, remote: str) -> bool:
        return self._done(lambda: self.receiver().move_file(file_id, remote, None)) is not None

    def _stands(self, known: Known, remote: str) -> bool:
        """Whether a file stands at `remote` as it is known."""
        there = standing_at(self.receiver(), remote)
        return isinstance(there, FileInfo) and (there.id, there.version) == (
            known.file_id,
            known.version,
        )

    def _done(self, act: Callable[[], Result]) -> Result | None:
        try:
            return act()
        except ProblemError as problem:
            if problem.code in _NOT_DONE:
                return None
            raise
