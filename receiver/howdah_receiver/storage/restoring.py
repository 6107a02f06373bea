"""Restoring: an entry of the trash gets a path again."""

from __future__ import annotations

import os
import time
from typing import Literal

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves, names
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.trash import TrashRow
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.ground import GivenUp, Ground
from howdah_receiver.storage.intents import RestoreIntent
from howdah_receiver.storage.unfinished import Pending


class Restoring:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def prepare(
        self,
        space: Space,
        entry: TrashRow,
        to: str,
        if_exists: Literal["fail", "keep_both"],
        by: Actor,
    ) -> RestoreIntent:
        """Raises ProblemError: path_conflict, bad_path."""
        ground = self._ground
        with ground.catalogue.read() as connection:
            to = names.in_standing(connection, space, to)
            ground.check_parents(connection, space, to)
            if if_exists == "keep_both":
                to = ground.free_beside(connection, space, to)
            elif not ground.is_free(connection, space, to):
                raise ProblemError("path_conflict", f"Something stands at {to!r} already.")
            moves.check_lengths_of_trash(connection, entry.id, entry.path, to)
        ground.look_checked(space, to)
        return RestoreIntent(
            trash_id=entry.id, to=to, account_id=by.account_id, device_id=by.device_id
        )

    def carry_out(self, pending: Pending) -> None:
        """Done is what is gone from trash/."""
        ground, intent = self._ground, pending.intent
        assert isinstance(intent, RestoreIntent)
        trash = ground.folder.trash
        with ground.made(pending.space, remote_path.parent(intent.to)) as folder:
            if disk.look(intent.trash_id, dir_fd=trash) is not None:
                ground.rename_into(
                    trash,
                    intent.trash_id,
                    folder,
                    remote_path.name(intent.to),
                    lambda why: self._give_up(pending, why),
                )
            os.fsync(folder)
            os.fsync(trash)
        self._commit(pending, intent)

    def _commit(self, pending: Pending, intent: RestoreIntent) -> None:
        space = pending.space
        with self._ground.catalogue.change() as connection:
            entry = trash_rows.by_id(connection, intent.trash_id)
            assert entry is not None
            folder_rows.add(connection, space.id, remote_path.parents(intent.to))
            top = trash_rows.bring_back(connection, entry, intent.to, time.time_ns())
            record(
                connection, ChangeKind.RESTORED, space.id, intent.to,
                file_id=top if entry.kind == "file" else None, by=intent.by,
            )  # fmt: skip
            intents.remove(connection, pending.id)

    def _give_up(self, pending: Pending, why: str) -> GivenUp:
        with self._ground.catalogue.write() as connection:
            intents.remove(connection, pending.id)
        return GivenUp("path_conflict", why)
