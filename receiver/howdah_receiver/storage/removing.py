"""Removing for good: entries of the trash with all versions of their files, and versions by themselves.

First nobody can ask for it any more, in the transaction that commits the intent; then the names go, then
the rows, in steps. Nothing waits for it, and each step can be done again: by the next start, or by the
sweeper after a disk error.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.caller import NOBODY, Actor
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.trash import TrashRow
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import RemoveIntent
from howdah_receiver.storage.unfinished import Pending

STEP_FILES = 500
"""Rows that go in one transaction: others write meanwhile."""


def always() -> bool:
    return True


class Removing:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._one_at_a_time = threading.Lock()

    def begin(self, space: Space, entry: TrashRow, by: Actor) -> Pending:
        """From now on the entry is gone, whatever happens. Under the lock of the space."""
        intent = RemoveIntent(
            trash_id=entry.id, path=entry.path, account_id=by.account_id, device_id=by.device_id
        )
        with self._ground.catalogue.change() as connection:
            trash_rows.drop_entry(connection, entry.id)
            record(connection, ChangeKind.REMOVED, space.id, entry.path, by=by)
            _note(connection, space, entry.path, by, files=entry.files)
            intent_id = intents.insert(connection, space.id, intent)
        return self._ground.unfinished.begun(space, intent, intent_id)

    def begin_versions(
        self, space: Space, version_ids: list[str], *, path: str = "", by: Actor = NOBODY
    ) -> Pending:
        """Kept versions by themselves: their rows go first. Under the lock of the space.

        What is no kept version any more is passed over; ProblemError (file_not_found) where none is.
        """
        with self._ground.catalogue.change() as connection:
            dropped = version_rows.drop_kept(connection, version_ids)
            if not dropped:
                raise ProblemError("file_not_found", "This version is not kept any more.")
            intent = RemoveIntent(
                versions=tuple(dropped), account_id=by.account_id, device_id=by.device_id
            )
            if path:
                record(
                    connection, ChangeKind.REMOVED, space.id, path,
                    version_id=version_ids[0], by=by,
                )  # fmt: skip
                _note(connection, space, path, by, version=version_ids[0])
            intent_id = intents.insert(connection, space.id, intent)
        return self._ground.unfinished.begun(space, intent, intent_id)

    def begin_orphans(self) -> None:
        """What is in the trash as part of an entry that there is not: a backup was made while that was
        being removed."""
        with self._ground.catalogue.write() as connection:
            removing = {
                one.intent.trash_id
                for one in self._ground.unfinished.all_of_them()
                if isinstance(one.intent, RemoveIntent)
            }
            for space_id, trash_id in trash_rows.orphans(connection):
                if trash_id in removing:
                    continue
                intent = RemoveIntent(trash_id=trash_id)
                intent_id = intents.insert(connection, space_id, intent)
                space = spaces.by_id(connection, space_id)
                self._ground.unfinished.begun(space, intent, intent_id)

    def carry_out(self, pending: Pending, go_on: Callable[[], bool] = always) -> bool:
        """Whether it came to its end. Not under the lock of the space: it may take long.

        Raises ProblemError: storage_full, storage_failed.
        """
        intent = pending.intent
        assert isinstance(intent, RemoveIntent)
        with self._one_at_a_time, disk_errors():
            if pending not in self._ground.unfinished.all_of_them():
                return True
            self._unlink_versions(intent.versions)
            if intent.trash_id is not None and not self._remove_entry(intent.trash_id, go_on):
                return False
            with self._ground.catalogue.change() as connection:
                if intent.trash_id is not None:
                    trash_rows.drop_folders(connection, intent.trash_id)
                intents.remove(connection, pending.id)
            self._ground.unfinished.end(pending)
        return True

    def _remove_entry(self, trash_id: str, go_on: Callable[[], bool]) -> bool:
        ground = self._ground
        if not disk.remove_tree(trash_id, dir_fd=ground.folder.trash, go_on=go_on):
            return False
        os.fsync(ground.folder.trash)
        while go_on():
            with ground.catalogue.read() as connection:
                file_ids = trash_rows.some_files(connection, trash_id, STEP_FILES)
                kept = trash_rows.kept_of(connection, file_ids)
            if not file_ids:
                return True
            self._unlink_versions(kept)
            with ground.catalogue.change() as connection:
                trash_rows.drop_files(connection, file_ids)
        return False

    def _unlink_versions(self, version_ids: list[str] | tuple[str, ...]) -> None:
        versions = self._ground.folder.versions
        for version_id in version_ids:
            try:
                os.unlink(version_id, dir_fd=versions)
            except FileNotFoundError:
                pass  # done before
        if version_ids:
            os.fsync(versions)


def _note(connection: Connection, space: Space, path: str, by: Actor, **detail: str | int) -> None:
    """In the audit log, where somebody did it: that a time is over is no deed."""
    if by.account_id is not None:
        audit.note(
            connection, What.REMOVED_FOR_GOOD, account_id=by.account_id, device_id=by.device_id,
            path=path, space=space.id, **detail,
        )  # fmt: skip
