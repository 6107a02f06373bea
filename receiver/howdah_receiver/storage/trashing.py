"""Deleting: a file or a whole folder is renamed to trash/ID, however much is in it."""

from __future__ import annotations

import os
import time

from howdah_common import remote_path
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import TrashIntent
from howdah_receiver.storage.unfinished import Pending


class Trashing:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def prepare(self, row: FileRow | FolderRow, by: Actor) -> TrashIntent:
        return TrashIntent(
            what="file" if isinstance(row, FileRow) else "folder",
            id=row.id,
            path=row.path,
            trash_id=new_id(),
            account_id=by.account_id,
            device_id=by.device_id,
        )

    def carry_out(self, pending: Pending) -> None:
        """Done is what stands in trash/, or is gone from where it was: other hands' deletion counts too."""
        ground, intent = self._ground, pending.intent
        assert isinstance(intent, TrashIntent)
        trash = ground.folder.trash
        try:
            with ground.open(pending.space, remote_path.parent(intent.path)) as folder:
                if disk.look(intent.trash_id, dir_fd=trash) is None:
                    name = remote_path.name(intent.path)
                    os.rename(name, intent.trash_id, src_dir_fd=folder, dst_dir_fd=trash)
                os.fsync(trash)
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError):
            os.fsync(trash)
        self._commit(pending, intent)

    def _commit(self, pending: Pending, intent: TrashIntent) -> None:
        put = trash_rows.put_file if intent.what == "file" else trash_rows.put_folder
        with self._ground.catalogue.change() as connection:
            put(connection, intent.id, intent.trash_id, time.time_ns(), intent.by)
            file_id = intent.id if intent.what == "file" else None
            record(
                connection, ChangeKind.TRASHED, pending.space.id, intent.path,
                file_id=file_id, by=intent.by,
            )  # fmt: skip
            intents.remove(connection, pending.id)
