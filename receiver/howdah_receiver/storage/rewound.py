"""Rows of a folder that is as it was: the result of `rewinding`, in one transaction."""

from __future__ import annotations

import time

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.manifest import Manifest
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves
from howdah_receiver.catalogue import rewinds as rows
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.files import NewVersion
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import RewindIntent, Taken
from howdah_receiver.storage.unfinished import Pending

ASIDE = "Put aside"
"""What the entry is called where the whole space went back: a space's own folder has no name."""


class Rewound:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def commit(self, pending: Pending) -> None:
        ground, space, intent = self._ground, pending.space, pending.intent
        assert isinstance(intent, RewindIntent)
        for one in intent.ins:
            if one.swap is not None:
                ground.record_unknown(space, one.path, one.swap)
        now_ns = time.time_ns()
        with ground.catalogue.change() as connection:
            self._put_away(connection, space, intent, now_ns)
            for one in intent.ins:
                self._bring(connection, space, intent, one, now_ns)
            record(connection, ChangeKind.FOLDER_RESTORED, space.id, intent.path, by=intent.by)
            intents.remove(connection, pending.id)

    def _put_away(
        self, connection: Connection, space: Space, intent: RewindIntent, now_ns: int
    ) -> None:
        """All that went, and the folders that are gone; those that come back do so from there."""
        back = {one.file_id for one in intent.ins if one.copy_of is None}
        away = [(file_id, path) for file_id, path in intent.outs if file_id not in back]
        rows.take_out(connection, [file_id for file_id, _ in intent.outs], intent.trash_id, now_ns)
        if self._is_entry(intent.trash_id):
            top = intent.path or ASIDE
            rows.put_into(connection, space.id, intent.trash_id, top, intent.path, away, now_ns)
            trash_rows.add_entry(
                connection, intent.trash_id, space.id, top, "folder", now_ns, intent.by,
                only=[file_id for file_id, _ in away],
            )  # fmt: skip
        gone = [path for path in intent.folders if self._ground.look(space, path) is None]
        rows.drop_folders(connection, space.id, gone)

    def _is_entry(self, trash_id: str) -> bool:
        return disk.look(trash_id, dir_fd=self._ground.folder.trash) is not None

    def _bring(
        self,
        connection: Connection,
        space: Space,
        intent: RewindIntent,
        one: Taken,
        now_ns: int,
    ) -> None:
        folder_rows.add(connection, space.id, remote_path.parents(one.path))
        if one.copy_of is not None:
            self._add_copy(connection, space, intent, one)
            return
        if one.swap is not None:
            place = "kept" if self._ground.is_kept(one.swap) else "lost"
            version_rows.make_current(connection, one.file_id, one.version_id, now_ns, place)
            return
        if one.aside is not None:
            place = "kept" if self._ground.is_kept(one.aside_id) else "lost"
            rows.exchange(connection, one.file_id, one.version_id, now_ns, place)
        rows.leave_trash(connection, one.file_id, intent.trash_id)
        moves.place(connection, one.file_id, one.path, trash_id=None, since_ns=now_ns)

    def _add_copy(
        self, connection: Connection, space: Space, intent: RewindIntent, one: Taken
    ) -> None:
        """A file of its own, with what the original held."""
        there = self._ground.look(space, one.path)
        original = rows.original(connection, str(one.copy_of))
        if there is None or original is None:
            return  # taken away by other hands; or removed for good, between the copy and now
        digests = file_rows.digests(connection, str(one.copy_of))
        manifest = Manifest(original.size, original.chunk_bytes, original.algorithm, digests)
        file_rows.put_version(
            connection,
            NewVersion(
                id=one.version_id,
                space_id=space.id,
                path=one.path,
                manifest=manifest,
                modified_ns=original.modified_ns,
                added_ns=time.time_ns(),
                sha256=original.sha256,
                origin="upload",
                identity=Identity.of(there),
                by=intent.by,
            ),
            replaced_place="lost",
        )
