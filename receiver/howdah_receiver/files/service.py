"""Files for reading: lists, contents, manifests, and reading one again. Synchronous; called from threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_common.remote_path import BadPath, check_folder, check_path
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import files as rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import listing, spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.listing import Listing
from howdah_receiver.catalogue.orders import BadCursor
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.files.checking import check
from howdah_receiver.files.wanted import NO_CURSOR, Wanted
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.tree import Tree

_TRIES = 3
"""How often a version may be somewhere else than a moment ago."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A descriptor and the row that its content matches. Whoever gets it closes it."""

    descriptor: int
    row: FileRow


class Files:
    """Thread-safe. A caller sees what is in its spaces; of everything else, that it is not there."""

    def __init__(self, catalogue: Catalogue, tree: Tree) -> None:
        self._catalogue = catalogue
        self._tree = tree
        self._outside = tree.outside

    def space(self, caller: Caller, wanted: str | None, need: Right = Right.READ) -> Space:
        """The space that the caller means. Raises ProblemError: not_found, not_allowed."""
        with self._catalogue.read() as connection:
            return spaces.space_for(connection, caller, wanted, need)

    def list(self, space: Space, path: str, wanted: Wanted) -> Listing | FileRow:
        """What stands at `path`: a page of what a folder holds, or of what is found in it; or the file
        itself.

        Raises ProblemError: bad_request, bad_path, file_not_found.
        """
        page = wanted.cut()
        try:
            check_folder(path)
        except BadPath as error:
            raise ProblemError("bad_path", str(error)) from error
        with self._catalogue.read() as connection:
            file = None if wanted.search else rows.at_path(connection, space.id, path)
            if file is not None:
                return file
            folder = folder_rows.at_path(connection, space.id, path)
            if folder is None:
                raise ProblemError("file_not_found")
            try:
                if wanted.search:
                    return listing.found(connection, folder, wanted.search, wanted.order, page)
                return listing.children(connection, folder, wanted.order, page)
            except BadCursor as error:
                raise ProblemError("bad_request", NO_CURSOR) from error

    def find(self, caller: Caller, file_id: str) -> tuple[Space, FileRow]:
        """Raises ProblemError (file_not_found), also for what is in another's space."""
        with self._catalogue.read() as connection:
            row = own_file(connection, caller, file_id, Right.READ)
            return spaces.by_id(connection, row.space_id), row

    def of_version(self, version_id: str) -> FileRow | None:
        """The file that an upload came to: the answer to its completion stays the same for good."""
        with self._catalogue.read() as connection:
            return rows.of_version(connection, version_id)

    def manifest(self, caller: Caller, file_id: str) -> tuple[FileRow, bytes]:
        """The file and the digests of its chunks."""
        with self._catalogue.read() as connection:
            row = own_file(connection, caller, file_id, Right.READ)
            return row, rows.digests(connection, row.version_id)

    def open(self, caller: Caller, file_id: str) -> OpenFile:
        """The file for reading, as it stands now; what other hands changed is read anew first.

        Raises ProblemError: file_not_found, file_damaged, unavailable, storage_failed.
        """
        return _whole(*self._open_current(partial(self.find, caller, file_id)))

    def at_paths(self, caller: Caller, space: Space, paths: Sequence[str]) -> dict[str, FileRow]:
        """Those of many that are there, by path, with one look. Raises ProblemError: not_found, not_allowed
        where the caller may not read the space."""
        with self._catalogue.read() as connection:
            spaces.space_for(connection, caller, space.id, Right.READ)
            return {row.path: row for row in rows.at_paths(connection, space.id, paths)}

    def open_unchanged(self, space: Space, row: FileRow) -> OpenFile | None:
        """A file whose row was just read; None where `open` has to look closer. The caller has seen to it
        that whoever asks may read the space."""
        if row.damaged:
            return None
        with disk_errors():
            descriptor = self._outside.open_unchanged(space, row)
        return None if descriptor is None else OpenFile(descriptor, row)

    def open_current(self, space: Space, file_id: str) -> OpenFile:
        """As `open`; the caller has seen to it that whoever asks may read the space."""

        def find() -> tuple[Space, FileRow]:
            with self._catalogue.read() as connection:
                row = rows.by_id(connection, file_id)
            if row is None or row.space_id != space.id:
                raise ProblemError("file_not_found")
            return space, row

        return _whole(*self._open_current(find))

    def _open_current(self, find: Callable[[], tuple[Space, FileRow]]) -> tuple[int, FileRow]:
        space, row = find()
        while True:
            try:
                with disk_errors():
                    return self._outside.open_current(space, row.path)
            except ProblemError:
                before = row
                space, row = find()
                if row.path == before.path:
                    raise  # else it was moved in this moment

    def open_version(self, space: Space, version_id: str, *, damaged_too: bool = False) -> OpenFile:
        """A version for reading, whether it stands at its path or was replaced; `damaged_too`: also one that
        is known to be damaged.

        The caller has seen to it that whoever asks may read the space. Raises ProblemError:
        file_not_found, file_damaged, unavailable, storage_failed.
        """
        for _ in range(_TRIES):
            with self._catalogue.read() as connection:
                row = rows.of_version(connection, version_id)
                kept = rows.is_kept(connection, version_id)
            if row is None or row.space_id != space.id:
                raise ProblemError("file_not_found")
            try:
                return self._open_version(space, row, kept=kept, damaged_too=damaged_too)
            except ProblemError as problem:
                with self._catalogue.read() as connection:
                    moved = rows.is_kept(connection, version_id) != kept
                if problem.code != "file_not_found" or not moved:
                    raise
        raise ProblemError("unavailable", "The file is being changed.")

    def open_trashed(self, version_id: str) -> OpenFile:
        """A version of a file in the trash, for those who look after what is stored; damaged ones too.

        Raises ProblemError: file_not_found, file_damaged, storage_failed.
        """
        with self._catalogue.read() as connection:
            row = rows.of_version(connection, version_id, trashed=True)
            place = None if row is None else trash_rows.lies(connection, row.id)
            kept = rows.is_kept(connection, version_id)
        if row is None or place is None:
            raise ProblemError("file_not_found")
        with disk_errors():
            opened = self._outside.open_kept(row) if kept else self._outside.open_trashed(place)
        return OpenFile(opened, row)

    def _open_version(
        self, space: Space, row: FileRow, *, kept: bool, damaged_too: bool
    ) -> OpenFile:
        wanted = row.version_id
        with disk_errors():
            if kept:
                descriptor = self._outside.open_kept(row)
            else:
                descriptor, row = self._outside.open_current(space, row.path)
        refused = row.damaged and not damaged_too
        if refused or row.version_id != wanted:
            os.close(descriptor)
            raise ProblemError("file_damaged" if refused else "file_not_found")
        return OpenFile(descriptor, row)

    def make_folder(self, space: Space, path: str, caller: Caller) -> tuple[FolderRow, bool]:
        """The folder and whether it is new; durable on return. Raises ProblemError: bad_path,
        path_conflict."""
        try:
            check_path(path)
        except BadPath as error:
            raise ProblemError("bad_path", str(error)) from error
        return self._tree.make_folder(space, path, caller.actor)

    def verify(self, caller: Caller, file_id: str) -> tuple[FileRow, RangeSet]:
        """Read the file again; the chunks that do not hold. It is marked as damaged, or as whole."""
        descriptor, row = self._open_current(partial(self.find, caller, file_id))
        try:
            return row, check(self._catalogue, descriptor, row, from_disk=False)
        finally:
            os.close(descriptor)


def _whole(descriptor: int, row: FileRow) -> OpenFile:
    """Raises ProblemError (file_damaged)."""
    if row.damaged:
        os.close(descriptor)
        raise ProblemError("file_damaged")
    return OpenFile(descriptor, row)


def own_file(connection: Connection, caller: Caller, file_id: str, need: Right) -> FileRow:
    """The file of that id. Raises ProblemError: file_not_found, also for what is in another's space;
    not_allowed where the caller sees it, and may do no more."""
    row = rows.by_id(connection, file_id)
    rights = Right.NONE if row is None else spaces.rights(connection, caller, row.space_id)
    if row is None or Right.READ not in rights:
        raise ProblemError("file_not_found")
    if need not in rights:
        raise ProblemError("not_allowed")
    return row
