"""Restoring a version: what was replaced stands at its path again, under the same id, and what stands
there now is kept. As when a part is published, the path is never empty."""

from __future__ import annotations

import os
import time

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import RevertIntent
from howdah_receiver.storage.unfinished import Pending


class Reverting:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def prepare(
        self, space: Space, row: FileRow, version_id: str, by: Actor
    ) -> RevertIntent | None:
        """None where it is the version that stands there. Raises ProblemError: file_not_found,
        file_damaged, path_conflict."""
        ground = self._ground
        if version_id == row.version_id:
            return None
        with ground.catalogue.read() as connection:
            version = version_rows.of_file(connection, row.id, version_id)
        if version is None or version.place != "kept" or not ground.is_kept(version_id):
            raise ProblemError("file_not_found", "This version is not there any more.")
        if version.damaged:
            raise ProblemError("file_damaged")
        ground.check_on_disk(space, row.path)
        return RevertIntent(
            file_id=row.id,
            path=row.path,
            version_id=version_id,
            replaced_id=row.version_id if ground.stands(space, row) else new_id(),
            account_id=by.account_id,
            device_id=by.device_id,
        )

    def carry_out(self, pending: Pending) -> None:
        """Done is what is gone from versions/."""
        ground, space, intent = self._ground, pending.space, pending.intent
        assert isinstance(intent, RevertIntent)
        parent, name = remote_path.parent(intent.path), remote_path.name(intent.path)
        versions, kept_id = ground.folder.versions, intent.replaced_id
        with ground.made(space, parent) as folder:
            if disk.look(intent.version_id, dir_fd=versions) is not None:
                kept_id = ground.keep(
                    folder,
                    name,
                    kept_id,
                    lambda new: ground.unfinished.change(pending, replaced_id=new),
                )
                os.rename(intent.version_id, name, src_dir_fd=versions, dst_dir_fd=folder)
            os.fsync(folder)
            os.fsync(versions)
        ground.record_unknown(space, intent.path, kept_id)
        self._commit(pending, intent, kept_id)

    def _commit(self, pending: Pending, intent: RevertIntent, kept_id: str) -> None:
        place = "kept" if self._ground.is_kept(kept_id) else "lost"
        with self._ground.catalogue.change() as connection:
            version_rows.make_current(
                connection, intent.file_id, intent.version_id, time.time_ns(), place
            )
            record(
                connection, ChangeKind.VERSION_RESTORED, pending.space.id, intent.path,
                file_id=intent.file_id, version_id=intent.version_id, by=intent.by,
            )  # fmt: skip
            intents.remove(connection, pending.id)
