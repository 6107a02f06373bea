"""The one door for changes to what people see.

Every change takes the space's lock, commits an intent, does its work on the disk, and commits the result
together with the intent's removal; only then may anybody answer. A start carries every intent it finds
through (`recover`): each step can be done again. Which steps were done shows on the disk itself: a part
is named by its upload and a kept version by its id, so a name that is gone or there, and its inode,
decide.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import msgspec
from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk, intents
from howdah_receiver.storage.disk import Identity, disk_errors
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.intents import Publication, PublishIntent
from howdah_receiver.storage.outside import Outside

FILE_MODE = 0o644
_log = logging.getLogger(__name__)


class Tree:
    """Changes of the trees of all spaces. Thread-safe; one change of a space at a time."""

    def __init__(self, catalogue: Catalogue, folder: DataFolder) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self.outside = Outside(catalogue, folder, self._quiet)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        # Spaces whose own folder was made durable by this process.
        self._durable_spaces: set[str] = set()
        # Guarded by the lock of its space: what a disk error stopped half-way, by intent.
        self._unfinished: dict[str, tuple[Space, PublishIntent]] = {}

    def publish(self, publication: Publication) -> str:
        """Make the upload's part the file at its path; the id of the version that then stands there.

        Durable on return. The caller has fsynced the part, and nobody writes to it any more.
        Raises ProblemError: version_conflict and path_conflict (nothing was changed), storage_full and
        storage_failed (the next start, or the next change of the space, carries it through).
        """
        space, path = publication.space, publication.path
        self.outside.take_in(space, path)
        with self._quiet(space, path), disk_errors():
            with self._catalogue.read() as connection:
                current = file_rows.at_path(connection, space.id, path)
                self._check(connection, publication, current)
            if current and _is_the_same(current, publication) and self._stands(space, current):
                return self._keep_current(publication, current)
            self._check_on_disk(space, path)
            intent_id, intent = self._intend(publication, current)
            self._unfinished[intent_id] = (space, intent)
            self._carry_out(space, intent_id, intent)
            return intent.version_id

    def make_folder(self, space: Space, path: str, by: Actor) -> bool:
        """Make a folder and those above it; whether it is new. Durable on return.

        It needs no intent: a folder that a crash leaves without its row is empty, and is taken as it is
        by whoever asks for it next.
        """
        with self._locks[space.id], disk_errors():
            with self._catalogue.read() as connection:
                self._check_parents(connection, space, f"{path}/.")
                if path in folder_rows.among(connection, space.id, [path]):
                    return False
            self._check_on_disk(space, f"{path}/.")
            with self._made_folder(space, path):
                pass
            with self._catalogue.change() as connection:
                folder_rows.add(connection, space.id, [*remote_path.parents(path), path])
                record(connection, ChangeKind.FOLDER_MADE, space.id, path, by=by)
            return True

    def settle(self, space: Space) -> None:
        """Try again to carry through what a disk error stopped half-way; `pending` tells what it still
        stops."""
        with self._locks[space.id]:
            self._settle(space)

    def recover(self) -> None:
        """Carry every intent through, before anything else uses the trees."""
        with self._catalogue.read() as connection:
            for intent_id, space_id, intent in intents.all_of_them(connection):
                self._unfinished[intent_id] = (spaces.by_id(connection, space_id), intent)
        for space in {space for space, _ in self._unfinished.values()}:
            self.settle(space)

    def pending(self) -> set[str]:
        """Uploads whose publication was stopped half-way."""
        return {intent.upload_id for _, intent in self._unfinished.copy().values()}

    def _settle(self, space: Space) -> None:
        """One that cannot be carried through holds up its own path, and not the whole space."""
        for intent_id, (place, intent) in list(self._unfinished.items()):
            if place != space:
                continue
            try:
                with disk_errors():
                    self._carry_out(space, intent_id, intent)
            except ProblemError as problem:
                _log.error("upload %s to %r waits: %s", intent.upload_id, intent.path, problem)
            else:
                _log.info("carried through: upload %s to %r", intent.upload_id, intent.path)

    @contextmanager
    def _quiet(self, space: Space, path: str) -> Iterator[None]:
        """The space's lock, with nothing left half-way at `path`. Raises ProblemError (storage_failed)."""
        with self._locks[space.id]:
            self._settle_path(space, path)
            yield

    def _settle_path(self, space: Space, path: str) -> None:
        self._settle(space)
        unfinished = self._unfinished.copy().values()  # other spaces go on meanwhile
        if any((at, intent.path) == (space, path) for at, intent in unfinished):
            raise ProblemError(
                "storage_failed", "An earlier change of this path is not through yet."
            )

    # -- the checks, which change nothing

    def _check(
        self,
        connection: Connection,
        publication: Publication,
        current: file_rows.FileRow | None,
    ) -> None:
        self._check_parents(connection, publication.space, publication.path)
        if folder_rows.among(connection, publication.space.id, [publication.path]):
            raise ProblemError("path_conflict", f"{publication.path!r} is a folder.")
        wanted = publication.if_version
        standing = current.version_id if current else "none"
        if wanted is not None and wanted != standing:
            raise ProblemError("version_conflict", extra={"version": standing})

    @staticmethod
    def _check_parents(connection: Connection, space: Space, path: str) -> None:
        parents = remote_path.parents(path)
        taken = file_rows.among(connection, space.id, parents)
        if taken:
            raise ProblemError("path_conflict", f"{taken[0]!r} is a file, and no folder.")

    def _check_on_disk(self, space: Space, path: str) -> None:
        """What other hands put where the catalogue knows nothing: a link, a pipe, a folder."""
        folder, name = remote_path.parent(path), remote_path.name(path)
        try:
            with disk.folder(self._folder.files, f"{space.folder}/{folder}".rstrip("/")) as parent:
                there = None if name == "." else disk.look(name, dir_fd=parent)
        except FileNotFoundError:
            return
        except NotADirectoryError as error:
            raise ProblemError("path_conflict", f"{folder!r} is no folder on the disk.") from error
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise ProblemError("path_conflict", f"{path!r} is no regular file on the disk.")

    def _stands(self, space: Space, row: file_rows.FileRow) -> bool:
        """Whether the very file that the row tells of is on the disk, and not taken away by other hands."""
        folder = f"{space.folder}/{remote_path.parent(row.path)}".rstrip("/")
        try:
            with disk.folder(self._folder.files, folder) as parent:
                there = disk.look(remote_path.name(row.path), dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return there is not None and Identity.of(there) == row.identity

    # -- the change itself

    def _keep_current(self, publication: Publication, current: file_rows.FileRow) -> str:
        """The very same stands there already: the upload ends in it, and its part goes."""
        with self._catalogue.change() as connection:
            upload_rows.set_published(
                connection, publication.upload_id, current.version_id, current.size
            )
        self._remove_part(publication.upload_id)
        return current.version_id

    def _intend(
        self, publication: Publication, current: file_rows.FileRow | None
    ) -> tuple[str, PublishIntent]:
        # An id of its own for what other hands put there in this moment.
        known = current is not None and self._stands(publication.space, current)
        replaced_id = current.version_id if current and known else new_id()
        intent = PublishIntent.of(publication, version_id=new_id(), replaced_id=replaced_id)
        with self._catalogue.write() as connection:
            return intents.insert(connection, publication.space.id, intent), intent

    def _carry_out(self, space: Space, intent_id: str, intent: PublishIntent) -> None:
        """Every step can be done again: after a crash, or after a disk error in a later step."""
        parent, name = remote_path.parent(intent.path), remote_path.name(intent.path)
        with self._made_folder(space, parent) as folder:
            if disk.look(intent.upload_id, dir_fd=self._folder.parts) is not None:
                intent = self._keep_replaced(folder, name, intent_id, intent)
                os.rename(intent.upload_id, name, src_dir_fd=self._folder.parts, dst_dir_fd=folder)
            os.fsync(folder)
            published = disk.look(name, dir_fd=folder)
        if published is None:
            self._give_up(intent_id, intent)
        self._record_unknown(space, intent)
        self._commit_result(space, intent_id, intent, Identity.of(published))
        del self._unfinished[intent_id]

    @contextmanager
    def _made_folder(self, space: Space, path: str) -> Iterator[int]:
        """The folder `path` of a space, durable. A folder with a row was made durable before its row was."""
        above = [*remote_path.parents(f"{path}/.")] if path else []
        with self._catalogue.read() as connection:
            known = set(folder_rows.among(connection, space.id, above))
        steps = next((at for at, step in enumerate(above) if step not in known), len(above))
        whole = f"{space.folder}/{path}".rstrip("/")
        durable = 1 + steps if space.id in self._durable_spaces else 0
        with disk.made_folder(self._folder.files, whole, durable_steps=durable) as folder:
            self._durable_spaces.add(space.id)
            yield folder

    def _keep_replaced(
        self, folder: int, name: str, intent_id: str, intent: PublishIntent
    ) -> PublishIntent:
        """Give what stands at the path a second name in versions/, durably.

        A hard link: the path is never empty, and nothing is copied. Where the id is taken by another
        inode, other hands have put something there since the intent was written: that is kept as well,
        under an id that the intent names first.
        """
        while (there := disk.look(name, dir_fd=folder)) is not None:
            try:
                os.link(name, intent.replaced_id, src_dir_fd=folder,
                        dst_dir_fd=self._folder.versions, follow_symlinks=False)  # fmt: skip
            except FileExistsError:
                kept = disk.look(intent.replaced_id, dir_fd=self._folder.versions)
                if kept is None or kept.st_ino != there.st_ino:
                    intent = msgspec.structs.replace(intent, replaced_id=new_id())
                    with self._catalogue.write() as connection:
                        intents.put(connection, intent_id, intent)
                    continue
            os.fsync(self._folder.versions)
            break
        return intent

    def _record_unknown(self, space: Space, intent: PublishIntent) -> None:
        """A row for what was kept, where it is of other hands."""
        if not self._is_kept(intent.replaced_id):
            return
        with self._catalogue.read() as connection:
            known = file_rows.has_version(connection, intent.replaced_id)
            current = file_rows.at_path(connection, space.id, intent.path)
        if not known:
            place = "kept" if current and self._is_kept(current.version_id) else "lost"
            self.outside.record_kept(space, intent.path, intent.replaced_id, place)

    def _is_kept(self, version_id: str) -> bool:
        return disk.look(version_id, dir_fd=self._folder.versions) is not None

    def _commit_result(
        self, space: Space, intent_id: str, intent: PublishIntent, identity: Identity
    ) -> None:
        with self._catalogue.change() as connection:
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
                replaced_place="kept" if self._is_kept(intent.replaced_id) else "lost",
            )
            upload_rows.set_published(connection, intent.upload_id, intent.version_id, intent.size)
            intents.remove(connection, intent_id)

    def _give_up(self, intent_id: str, intent: PublishIntent) -> NoReturn:
        """Neither the part nor the file is there: other hands took it before it was answered for."""
        with self._catalogue.write() as connection:
            upload_rows.reopen_empty(connection, intent.upload_id)
            intents.remove(connection, intent_id)
        del self._unfinished[intent_id]
        raise ProblemError("upload_incomplete", "What was received is gone from the disk.")

    def _remove_part(self, upload_id: str) -> None:
        try:
            os.unlink(upload_id, dir_fd=self._folder.parts)
        except FileNotFoundError:
            pass


def _is_the_same(current: file_rows.FileRow, publication: Publication) -> bool:
    manifest = publication.manifest
    return (
        current.size == manifest.size
        and current.modified_ns == publication.modified_ns
        and current.chunk_bytes == manifest.chunk_bytes
        and current.algorithm == manifest.algorithm
        and current.manifest_digest == manifest.digest()
        and not current.damaged
    )
