"""What other hands moved about or took away in `files/`, brought into the rows. Nothing is done on the disk:
it has been, so no intent is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.ground import Ground

Quiet = Callable[..., AbstractContextManager[None]]


class Strays:
    """Belongs to the tree, which says when nothing of its own is under way (`quiet`)."""

    def __init__(self, ground: Ground, quiet: Quiet) -> None:
        self._ground = ground
        self._quiet = quiet

    def moved(self, space: Space, row: FileRow, to: str) -> bool:
        """The very file of the row stands at `to` now, where nothing was known: it keeps its id and its
        versions. Whether that is so.

        Raises ProblemError: storage_full, storage_failed, path_conflict.
        """
        with self._quiet(space, row.path, to):
            if not self._is_at(space, row, to):
                return False
            with self._ground.made(space, remote_path.parent(to)):
                pass  # a folder's row says that its name is durable
            with self._ground.catalogue.change() as connection:
                if file_rows.at_path(connection, space.id, to) is not None:
                    return False
                self._ground.check_parents(connection, space, to)
                folder_rows.add(connection, space.id, remote_path.parents(to))
                moves.move_file(connection, row.id, to, time.time_ns())
                record(
                    connection, ChangeKind.MOVED, space.id, to, from_path=row.path, file_id=row.id
                )
        return True

    def _is_at(self, space: Space, row: FileRow, to: str) -> bool:
        there = self._ground.look(space, to)
        with self._ground.catalogue.read() as connection:
            now = file_rows.by_id(connection, row.id)
        return (
            now == row
            and there is not None
            and Identity.of(there) == row.identity
            and self._ground.look(space, row.path) is None
        )

    def taken_away(self, space: Space, row: FileRow) -> bool:
        """The file is gone, and nothing of it is kept: so is its row. Whether that is so.

        Raises ProblemError: storage_full, storage_failed.
        """
        with self._quiet(space, row.path):
            if self._ground.look(space, row.path) is not None:
                return False
            with self._ground.catalogue.change() as connection:
                now = file_rows.by_id(connection, row.id)
                if now != row or trash_rows.kept_of(connection, [row.id]):
                    return False
                trash_rows.drop_files(connection, [row.id])
                record(connection, ChangeKind.REMOVED, space.id, row.path, file_id=row.id)
        return True

    def folder_taken_away(self, space: Space, row: FolderRow) -> bool:
        """The folder is gone, and nothing stands in it any more: so is its row. Whether that is so.

        Raises ProblemError: storage_full, storage_failed.
        """
        with self._quiet(space, row.path):
            try:
                with self._ground.open(space, row.path):
                    return False
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise ProblemError("storage_failed", f"{error.strerror}.") from error
            with self._ground.catalogue.change() as connection:
                now = folder_rows.by_id(connection, row.id)
                if now is None or now.own_files or now.own_folders:
                    return False
                folder_rows.drop(connection, row.id)
                record(connection, ChangeKind.REMOVED, space.id, row.path)
        return True
