"""Moving: a file or a whole folder gets another path in its space. On the disk it is one rename."""

from __future__ import annotations

import os
import stat
import time
from typing import Literal

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves, names
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.ground import GivenUp, Ground
from howdah_receiver.storage.intents import MoveIntent
from howdah_receiver.storage.unfinished import Pending

IfExists = Literal["fail", "keep_both", "version"]


class Moving:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def prepare(
        self, space: Space, row: FileRow | FolderRow, to: str, if_exists: IfExists, by: Actor
    ) -> MoveIntent | None:
        """What is to be done; None where it stands there already.

        Raises ProblemError: path_conflict, bad_path (what lies in the folder would get too long a path),
        file_not_found where the disk has it not.
        """
        ground = self._ground
        is_file = isinstance(row, FileRow)
        with ground.catalogue.read() as connection:
            to, over = self._target(connection, space, row, to, if_exists)
            if to == row.path:
                return None
            if not is_file:
                moves.check_lengths(connection, space.id, row.path, to)
        there = ground.look(space, row.path)
        if there is None or stat.S_ISDIR(there.st_mode) == is_file:
            raise ProblemError("file_not_found", "It is gone from the receiver's disk.")
        known = over is not None and ground.stands(space, over)
        return MoveIntent(
            what="file" if is_file else "folder",
            id=row.id,
            path=row.path,
            to=to,
            inode=there.st_ino,
            over_id=over.id if over else None,
            replaced_id=over.version_id if over and known else new_id(),
            account_id=by.account_id,
            device_id=by.device_id,
        )

    def _target(
        self,
        connection: Connection,
        space: Space,
        row: FileRow | FolderRow,
        to: str,
        if_exists: IfExists,
    ) -> tuple[str, FileRow | None]:
        """Where it goes, and the file that goes on there with its content."""
        ground = self._ground
        own_name = names.in_standing(connection, space, to)
        to = self._standing(connection, space, row, to)
        if isinstance(row, FolderRow) and f"{to}/".startswith(f"{row.path}/") and to != row.path:
            raise ProblemError("path_conflict", "A folder cannot be moved into itself.")
        ground.check_parents(connection, space, to)
        itself = names.standing(connection, space, to) == row.path
        if itself or ground.is_free(connection, space, to):
            return to, None  # itself: it stands there, or gets its name in another case
        if if_exists == "keep_both":
            return ground.free_beside(connection, space, own_name), None
        over = file_rows.at_path(connection, space.id, to)
        if if_exists == "fail" or over is None or isinstance(row, FolderRow):
            raise ProblemError("path_conflict", f"Something stands at {to!r} already.")
        ground.check_on_disk(space, to)
        return to, over

    @staticmethod
    def _standing(connection: Connection, space: Space, row: FileRow | FolderRow, to: str) -> str:
        """In a space that folds case, what is only written in another case gets that name."""
        found = names.standing(connection, space, to)
        if found != row.path:
            return found
        return names.in_standing(connection, space, to)

    def carry_out(self, pending: Pending) -> None:
        """Done is what stands at its target by its inode, or is gone from where it was."""
        ground, space, intent = self._ground, pending.space, pending.intent
        assert isinstance(intent, MoveIntent)
        kept_id = intent.replaced_id
        with ground.made(space, remote_path.parent(intent.to)) as target:
            name = remote_path.name(intent.to)
            there = disk.look(name, dir_fd=target)
            if there is None or there.st_ino != intent.inode:
                kept_id = self._rename(pending, intent, target, name)
            os.fsync(target)
            self._sync(space, remote_path.parent(intent.path))
        if intent.over_id is not None:
            ground.record_unknown(space, intent.to, kept_id)
        self._commit(pending, intent, kept_id)

    def _rename(self, pending: Pending, intent: MoveIntent, target: int, name: str) -> str:
        ground, space = self._ground, pending.space
        old = remote_path.name(intent.path)
        kept_id = intent.replaced_id
        try:
            with ground.open(space, remote_path.parent(intent.path)) as source:
                if intent.over_id is None:
                    ground.rename_into(
                        source, old, target, name, lambda why: self._give_up(pending, why)
                    )
                elif disk.look(old, dir_fd=source) is not None:
                    kept_id = ground.keep(
                        target,
                        name,
                        kept_id,
                        lambda new: ground.unfinished.change(pending, replaced_id=new),
                    )
                    os.rename(old, name, src_dir_fd=source, dst_dir_fd=target)
        except (FileNotFoundError, NotADirectoryError):
            pass  # taken away by other hands: its row goes where it was asked to go
        return kept_id

    def _sync(self, space: Space, path: str) -> None:
        try:
            with self._ground.open(space, path) as folder:
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError):
            pass  # nor is there a name in it that could come back

    def _commit(self, pending: Pending, intent: MoveIntent, kept_id: str) -> None:
        space, now_ns = pending.space, time.time_ns()
        file_id = None
        with self._ground.catalogue.change() as connection:
            folder_rows.add(connection, space.id, remote_path.parents(intent.to))
            if intent.what == "folder":
                moves.move_folder(connection, intent.id, intent.to, now_ns)
            elif intent.over_id is None:
                file_id = intent.id
                moves.move_file(connection, intent.id, intent.to, now_ns)
            else:
                file_id = intent.over_id
                place = "kept" if self._ground.is_kept(kept_id) else "lost"
                moves.move_over(connection, intent.id, intent.over_id, now_ns, place)
            record(
                connection, ChangeKind.MOVED, space.id, intent.to,
                from_path=intent.path, file_id=file_id, by=intent.by,
            )  # fmt: skip
            intents.remove(connection, pending.id)

    def _give_up(self, pending: Pending, why: str) -> GivenUp:
        with self._ground.catalogue.write() as connection:
            intents.remove(connection, pending.id)
        return GivenUp("path_conflict", why)
