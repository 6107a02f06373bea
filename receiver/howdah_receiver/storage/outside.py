"""Other hands: what people do in `files/` with their own programs.

A row remembers device, inode, size and mtime as they were when its content was last known to match. A
difference means: somebody changed, replaced or copied the file. It is read anew; what is the same stays
the same version, and what is not becomes a version *changed outside*. It is never bit rot, and never
served under the old digest.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.digests import BLAKE3
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow, NewVersion
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity, disk_errors
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.reading import Content, read_content

_TRIES = 3
_log = logging.getLogger(__name__)


class Outside:
    """Belongs to the tree, which says when nothing of its own is under way at a path (`quiet`): between
    the rename and the commit of a publication, disk and row differ without any other hands."""

    def __init__(
        self,
        catalogue: Catalogue,
        folder: DataFolder,
        quiet: Callable[[Space, str], AbstractContextManager[None]],
    ) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._quiet = quiet

    def open_current(self, space: Space, path: str) -> tuple[int, FileRow]:
        """A descriptor of the file at `path` and the row that its content matches.

        Raises ProblemError: file_not_found; unavailable while somebody is writing to it.
        """
        for _ in range(_TRIES):
            with self._catalogue.read() as connection:
                row = file_rows.at_path(connection, space.id, path)
            if row is None:
                raise ProblemError("file_not_found")
            try:
                descriptor = self._open(space, path)
            except ProblemError:
                # A small file that is in the catalogue gets its name in this moment.
                with self._quiet(space, path):
                    descriptor = self._open(space, path)
            if Identity.of(os.fstat(descriptor)) == row.identity:
                return descriptor, row
            os.close(descriptor)
            self.take_in(space, path)
        raise ProblemError("unavailable", "The file is being changed on the receiver's disk.")

    def open_unchanged(self, space: Space, row: FileRow) -> int | None:
        """A descriptor of what stands where the row says, if its content matches the row; None where
        `open_current` has to look."""
        try:
            descriptor = self._open(space, row.path)
        except ProblemError:
            return None
        if Identity.of(os.fstat(descriptor)) == row.identity:
            return descriptor
        os.close(descriptor)
        return None

    def open_kept(self, row: FileRow) -> int:
        """A descriptor of a version that was replaced. Raises ProblemError: file_not_found, and
        file_damaged where versions/ holds something else, which no program but ours should touch."""
        try:
            descriptor = disk.open_regular(
                row.version_id, os.O_RDONLY, dir_fd=self._folder.versions
            )
        except OSError as error:
            raise ProblemError("file_not_found", "It is gone from the receiver's disk.") from error
        if os.fstat(descriptor).st_size == row.size:
            return descriptor
        os.close(descriptor)
        raise ProblemError("file_damaged")

    def open_trashed(self, place: str) -> int:
        """A descriptor of what lies in the trash, `place` below the data folder. Raises ProblemError:
        file_not_found."""
        try:
            with disk.folder(self._folder.root, remote_path.parent(place)) as parent:
                return disk.open_regular(remote_path.name(place), os.O_RDONLY, dir_fd=parent)
        except OSError as error:
            raise ProblemError("file_not_found", "It is gone from the receiver's disk.") from error

    def take_in(self, space: Space, path: str) -> None:
        """Make the row at `path` tell what stands on the disk, where other hands made them differ.

        Nothing happens where they agree, where nothing stands, or where it is no regular file.
        Raises ProblemError: storage_full, storage_failed.
        """
        with disk_errors():
            try:
                descriptor = self._open(space, path)
            except ProblemError:
                return
            try:
                self._take_in(space, path, descriptor)
            finally:
                os.close(descriptor)

    def record_kept(self, space: Space, path: str, version_id: str, replaced_place: str) -> None:
        """A row for what `versions/VERSION_ID` holds, found while a publication was carried through.

        `replaced_place`: where the version is now that stood at the path as far as was known.
        """
        descriptor = disk.open_regular(version_id, os.O_RDONLY, dir_fd=self._folder.versions)
        try:
            status = os.fstat(descriptor)
            content = _read(descriptor, status, None)
        finally:
            os.close(descriptor)
        new = _new_version(space, path, content, status, version_id)
        with self._catalogue.change() as connection:
            folder_rows.add(connection, space.id, remote_path.parents(path))
            file_rows.put_version(connection, new, replaced_place=replaced_place)

    def record_earlier(self, space: Space, path: str, version_id: str, file_id: str) -> None:
        """A row for what `versions/VERSION_ID` holds, as an earlier version of the file: other hands put it
        at the path in the moment in which the file was to get its name."""
        descriptor = disk.open_regular(version_id, os.O_RDONLY, dir_fd=self._folder.versions)
        try:
            status = os.fstat(descriptor)
            content = _read(descriptor, status, None)
        finally:
            os.close(descriptor)
        new = _new_version(space, path, content, status, version_id)
        with self._catalogue.change() as connection:
            file_rows.add_version(connection, new, file_id, place="kept", kept_ns=new.added_ns)

    def _open(self, space: Space, path: str) -> int:
        try:
            with disk.folder(self._folder.files, _folder_of(space, path)) as parent:
                return disk.open_regular(remote_path.name(path), os.O_RDONLY, dir_fd=parent)
        except OSError as error:
            raise ProblemError("file_not_found", "It is gone from the receiver's disk.") from error

    def _take_in(self, space: Space, path: str, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        with self._catalogue.read() as connection:
            row = file_rows.at_path(connection, space.id, path)
        if row is not None and row.identity == Identity.of(status):
            return
        content = _read(descriptor, status, row)
        with self._quiet(space, path):
            if self._has_moved_on(space, path, status):
                return  # whoever asks next reads it again
            if row is None:  # a folder's row says that its name is durable
                with disk.made_folder(
                    self._folder.files,
                    _folder_of(space, path),
                    dress=self._folder.modes.dress_folder,
                ):
                    pass
            with self._catalogue.change() as connection:
                self._record(connection, space, path, row, content, status)

    def _has_moved_on(self, space: Space, path: str, status: os.stat_result) -> bool:
        """Whether something else stands there than what was read, or it is still being written."""
        try:
            with disk.folder(self._folder.files, _folder_of(space, path)) as parent:
                there = disk.look(remote_path.name(path), dir_fd=parent)
        except OSError:
            return True
        return there is None or Identity.of(there) != Identity.of(status)

    def _record(
        self,
        connection: Connection,
        space: Space,
        path: str,
        row: FileRow | None,
        content: Content,
        status: os.stat_result,
    ) -> None:
        now = file_rows.at_path(connection, space.id, path)
        if (now and now.version_id) != (row and row.version_id):
            return  # a publication came before; it kept what it found
        if row is not None and row.manifest_digest == content.manifest.digest():
            file_rows.set_identity(connection, row.version_id, Identity.of(status))
            return
        _log.warning("changed outside: %r", path)
        folder_rows.add(connection, space.id, remote_path.parents(path))
        new = _new_version(space, path, content, status, new_id())
        file_rows.put_version(connection, new, replaced_place="lost")


def _folder_of(space: Space, path: str) -> str:
    return f"{space.folder}/{remote_path.parent(path)}".rstrip("/")


def _read(descriptor: int, status: os.stat_result, row: FileRow | None) -> Content:
    """Read on the row's own grid where it fits, so that what is the same shows as the same."""
    same_size = row is not None and row.size == status.st_size
    chunk_bytes = row.chunk_bytes if row and same_size else default_chunk_bytes(status.st_size)
    algorithm = row.algorithm if row and same_size else BLAKE3
    return read_content(descriptor, ChunkPlan(status.st_size, chunk_bytes), algorithm)


def _new_version(
    space: Space, path: str, content: Content, status: os.stat_result, version_id: str
) -> NewVersion:
    return NewVersion(
        id=version_id,
        space_id=space.id,
        path=path,
        manifest=content.manifest,
        modified_ns=status.st_mtime_ns,
        added_ns=time.time_ns(),
        sha256=content.sha256,
        origin="outside",
        identity=Identity.of(status),
    )
