"""What people do with their files: move, delete, bring back, remove for good. Synchronous; called from
threads. A caller needs the right to change the space; of what it may not see, it hears that it is not
there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from howdah_common.messages import MOST_PER_PAGE
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.trash import TrashRow
from howdah_receiver.files.service import own_file
from howdah_receiver.storage.moving import IfExists
from howdah_receiver.storage.tree import Rewound, Tree


@dataclass(frozen=True, slots=True)
class Emptied:
    """What went for good."""

    entries: int
    files: int
    bytes: int


class Changing:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue, tree: Tree) -> None:
        self._catalogue = catalogue
        self._tree = tree

    # -- files and folders

    def folder(self, caller: Caller, folder_id: str, need: Right = Right.READ) -> FolderRow:
        """Raises ProblemError: file_not_found, not_allowed."""
        with self._catalogue.read() as connection:
            return _own_folder(connection, caller, folder_id, need)

    def move_file(
        self,
        caller: Caller,
        file_id: str,
        to: str,
        *,
        space: str | None = None,
        if_exists: IfExists = "fail",
        if_version: str | None = None,
    ) -> FileRow:
        """The file that then stands there. Raises ProblemError: bad_path, file_not_found, not_allowed,
        version_conflict, path_conflict, other_space, storage_full, storage_failed."""
        with self._catalogue.read() as connection:
            row = own_file(connection, caller, file_id, Right.CHANGE)
        moved = self._move(caller, row, to, space, if_exists, if_version)
        with self._catalogue.read() as connection:
            return own_file(connection, caller, moved, Right.READ)

    def move_folder(
        self,
        caller: Caller,
        folder_id: str,
        to: str,
        *,
        space: str | None = None,
        if_exists: Literal["fail", "keep_both"] = "fail",
    ) -> FolderRow:
        """As `move_file`, with all that is in it."""
        row = self.folder(caller, folder_id, Right.CHANGE)
        moved = self._move(caller, _not_root(row), to, space, if_exists, None)
        return self.folder(caller, moved)

    def _move(
        self,
        caller: Caller,
        row: FileRow | FolderRow,
        to: str,
        space: str | None,
        if_exists: IfExists,
        if_version: str | None,
    ) -> str:
        if space not in (None, row.space_id):
            raise ProblemError("other_space")
        return self._tree.move(
            self._space(row.space_id),
            row,
            _checked(to),
            if_exists=if_exists,
            if_version=if_version,
            by=caller.actor,
        )

    def trash_file(
        self, caller: Caller, file_id: str, *, if_version: str | None = None
    ) -> TrashRow:
        """Raises ProblemError: file_not_found, not_allowed, version_conflict, storage_full,
        storage_failed."""
        with self._catalogue.read() as connection:
            row = own_file(connection, caller, file_id, Right.CHANGE)
        space = self._space(row.space_id)
        return self._tree.trash(space, row, if_version=if_version, by=caller.actor)

    def trash_folder(self, caller: Caller, folder_id: str) -> TrashRow:
        """With all that is in it. Raises ProblemError: file_not_found, not_allowed, path_conflict,
        storage_full, storage_failed."""
        row = _not_root(self.folder(caller, folder_id, Right.CHANGE))
        return self._tree.trash(self._space(row.space_id), row, by=caller.actor)

    def rewind(
        self, caller: Caller, space_id: str | None, path: str, at_ns: int, *, dry_run: bool
    ) -> Rewound:
        """A folder as it was at that time. Raises ProblemError: bad_path, not_found, not_allowed,
        file_not_found, path_conflict, unavailable, storage_full, storage_failed."""
        with self._catalogue.read() as connection:
            space = spaces.space_for(connection, caller, space_id, Right.CHANGE)
        path = _checked(path) if path else path
        return self._tree.rewind(space, path, at_ns, dry_run=dry_run, by=caller.actor)

    # -- the trash

    def trash(
        self, caller: Caller, space: str | None, *, page: int, per_page: int
    ) -> tuple[list[TrashRow], int]:
        """A page of it, the newest first, and how many entries there are. Raises ProblemError:
        bad_request, not_found, not_allowed."""
        if page < 1 or not 1 <= per_page <= MOST_PER_PAGE or page > 2**40:
            raise ProblemError("bad_request", f"page from 1, per_page from 1 to {MOST_PER_PAGE}.")
        with self._catalogue.read() as connection:
            found = spaces.space_for(connection, caller, space, Right.READ)
            first = (page - 1) * per_page
            return trash_rows.page(connection, found.id, first=first, count=per_page)

    def restore(
        self,
        caller: Caller,
        trash_id: str,
        to: str | None,
        if_exists: Literal["fail", "keep_both"],
    ) -> FileRow | FolderRow:
        """What came back. Raises ProblemError: bad_path, file_not_found, not_allowed, path_conflict,
        storage_full, storage_failed."""
        entry, space = self._entry(caller, trash_id)
        wanted = None if to is None else _checked(to)
        path = self._tree.restore(space, entry.id, wanted, if_exists=if_exists, by=caller.actor)
        with self._catalogue.read() as connection:
            file = file_rows.at_path(connection, space.id, path)
            folder = folder_rows.at_path(connection, space.id, path)
        if file is None and folder is None:
            raise ProblemError("file_not_found")  # moved on by somebody in this moment
        return file or folder  # type: ignore[return-value]

    def remove(self, caller: Caller, trash_id: str) -> None:
        """For good. Raises ProblemError: file_not_found, not_allowed, storage_full, storage_failed."""
        entry, space = self._entry(caller, trash_id)
        self._tree.remove_entry(space, entry.id, by=caller.actor)

    def empty(self, caller: Caller, space_id: str | None) -> Emptied:
        """All that is in the space's trash now. Raises ProblemError: not_found, not_allowed,
        storage_full, storage_failed."""
        with self._catalogue.read() as connection:
            space = spaces.space_for(connection, caller, space_id, Right.CHANGE)
            entries = trash_rows.all_in(connection, space.id)
        gone = []
        for trash_id in entries:
            try:
                gone.append(self._tree.remove_entry(space, trash_id, by=caller.actor))
            except ProblemError as problem:
                if problem.code != "file_not_found":  # else somebody was quicker
                    raise
        return Emptied(len(gone), sum(one.files for one in gone), sum(one.bytes for one in gone))

    def _entry(self, caller: Caller, trash_id: str) -> tuple[TrashRow, Space]:
        with self._catalogue.read() as connection:
            entry = trash_rows.by_id(connection, trash_id)
            rights = (
                Right.NONE if entry is None else spaces.rights(connection, caller, entry.space_id)
            )
            if entry is None or Right.READ not in rights:
                raise ProblemError("file_not_found", "It is not in the trash.")
            if Right.CHANGE not in rights:
                raise ProblemError("not_allowed")
            return entry, spaces.by_id(connection, entry.space_id)

    def _space(self, space_id: str) -> Space:
        with self._catalogue.read() as connection:
            return spaces.by_id(connection, space_id)


def _checked(path: str) -> str:
    try:
        return check_path(path)
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error


def _not_root(row: FolderRow) -> FolderRow:
    if not row.path:
        raise ProblemError("path_conflict", "It is the space's own folder.")
    return row


def _own_folder(connection: Connection, caller: Caller, folder_id: str, need: Right) -> FolderRow:
    row = folder_rows.by_id(connection, folder_id)
    rights = Right.NONE if row is None else spaces.rights(connection, caller, row.space_id)
    if row is None or Right.READ not in rights:
        raise ProblemError("file_not_found")
    if need not in rights:
        raise ProblemError("not_allowed")
    return row
