"""Publishing: a whole part becomes the file at its path, and what stood there a version."""

from __future__ import annotations

import os
import time
from itertools import count
from typing import NoReturn

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import names
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.ground import GivenUp, Ground
from howdah_receiver.storage.intents import Publication, PublishIntent
from howdah_receiver.storage.unfinished import Pending


class Publishing:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def prepare(self, publication: Publication) -> PublishIntent | FileRow:
        """What is to be done, or the file that stands there already, the very same.

        Raises ProblemError: version_conflict and path_conflict.
        """
        ground, space = self._ground, publication.space
        with ground.catalogue.read() as connection:
            path = names.standing(connection, space, publication.path)
            if publication.replaces != "any":
                path = self._beside(connection, publication, path)
            current = file_rows.at_path(connection, space.id, path)
            self._check(connection, publication, path, current)
        if current and _is_the_same(current, publication) and ground.stands(space, current):
            return current
        ground.check_on_disk(space, path)
        # An id of its own for what other hands put there in this moment.
        known = current is not None and ground.stands(space, current)
        replaced_id = current.version_id if current and known else new_id()
        return PublishIntent.of(publication, path, version_id=new_id(), replaced_id=replaced_id)

    def _beside(self, connection: Connection, publication: Publication, path: str) -> str:
        """The path, or a numbered one, where nothing stands or what its own account put there."""
        found = path
        for number in count(2):
            current = file_rows.at_path(connection, publication.space.id, found)
            if current is None and self._ground.is_free(connection, publication.space, found):
                return found
            if current is not None and _may_end_in(current, publication):
                return found
            found = remote_path.numbered(path, number)
        raise AssertionError("there is always a next number")

    def _check(
        self,
        connection: Connection,
        publication: Publication,
        path: str,
        current: FileRow | None,
    ) -> None:
        self._ground.check_parents(connection, publication.space, path)
        if folder_rows.among(connection, publication.space.id, [path]):
            raise ProblemError("path_conflict", f"{path!r} is a folder.")
        wanted = publication.if_version if publication.replaces == "any" else None
        standing = current.version_id if current else "none"
        if wanted is not None and wanted != standing:
            raise ProblemError("version_conflict", extra={"version": standing})

    def keep_current(self, publication: Publication, current: FileRow) -> None:
        """The very same stands there already: the upload ends in it, and its part goes."""
        with self._ground.catalogue.change() as connection:
            upload_rows.set_published(
                connection, publication.upload_id, current.version_id, current.size
            )
        try:
            os.unlink(publication.upload_id, dir_fd=self._ground.folder.parts)
        except FileNotFoundError:
            pass

    def carry_out(self, pending: Pending) -> None:
        """Every step can be done again: after a crash, or after a disk error in a later step."""
        ground, space, intent = self._ground, pending.space, pending.intent
        assert isinstance(intent, PublishIntent)
        parent, name = remote_path.parent(intent.path), remote_path.name(intent.path)
        parts = ground.folder.parts
        with ground.made(space, parent) as folder:
            if disk.look(intent.upload_id, dir_fd=parts) is not None:
                kept_id = ground.keep(
                    folder,
                    name,
                    intent.replaced_id,
                    lambda new: ground.unfinished.change(pending, replaced_id=new),
                )
                os.rename(intent.upload_id, name, src_dir_fd=parts, dst_dir_fd=folder)
            else:
                kept_id = intent.replaced_id
            os.fsync(folder)
            published = disk.look(name, dir_fd=folder)
        if published is None:
            self._give_up(pending, intent)
        ground.record_unknown(space, intent.path, kept_id)
        self._commit(pending, intent, kept_id, Identity.of(published))

    def _commit(
        self, pending: Pending, intent: PublishIntent, kept_id: str, identity: Identity
    ) -> None:
        space = pending.space
        with self._ground.catalogue.change() as connection:
            manifest = intent.manifest(upload_rows.all_digests(connection, intent.upload_id))
            folder_rows.add(connection, space.id, remote_path.parents(intent.path))
            file_rows.put_version(
                connection,
                file_rows.NewVersion(
                    id=intent.version_id,
                    space_id=space.id,
                    path=intent.path,
                    manifest=manifest,
                    modified_ns=intent.modified_ns,
                    added_ns=time.time_ns(),
                    sha256=intent.sha256,
                    origin="upload",
                    identity=identity,
                    by=intent.by,
                    media_type=intent.media_type,
                    flagged=intent.flagged,
                ),
                replaced_place="kept" if self._ground.is_kept(kept_id) else "lost",
            )
            upload_rows.set_published(connection, intent.upload_id, intent.version_id, intent.size)
            intents.remove(connection, pending.id)

    def _give_up(self, pending: Pending, intent: PublishIntent) -> NoReturn:
        """Neither the part nor the file is there: other hands took it before it was answered for."""
        with self._ground.catalogue.write() as connection:
            upload_rows.reopen_empty(connection, intent.upload_id)
            intents.remove(connection, pending.id)
        raise GivenUp("upload_incomplete", "What was received is gone from the disk.")


def _may_end_in(current: FileRow, publication: Publication) -> bool:
    """Whether an upload that may not replace all may replace this, or be this."""
    own = current.account_id is not None and current.account_id == publication.by.account_id
    same = publication.if_version is None or _is_the_same(current, publication)
    return publication.replaces == "own" and own and same


def _is_the_same(current: FileRow, publication: Publication) -> bool:
    manifest = publication.manifest
    return (
        current.size == manifest.size
        and current.modified_ns == publication.modified_ns
        and current.chunk_bytes == manifest.chunk_bytes
        and current.algorithm == manifest.algorithm
        and current.manifest_digest == manifest.digest()
        and not current.damaged
    )
