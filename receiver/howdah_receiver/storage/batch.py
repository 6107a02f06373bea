"""Publishing many small files in one go: those that stand where nothing stood, and those that are there.

Whatever replaces something goes the ordinary way, one by one: see `publishing`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.file_frames import NOTHING, IfExists
from howdah_common.manifest import Manifest
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import batches, names, quotas
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.batches import NewFile
from howdah_receiver.catalogue.files import FileRow, NewVersion
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.small_files import SmallFiles


@dataclass(frozen=True, slots=True)
class SmallFile:
    """One that is whole and checked: durable in the journal, and as it shall stand in parts/VERSION_ID."""

    version_id: str
    identity: Identity
    journal_id: str
    offset: int
    """Of its bytes in the journal."""
    path: str
    if_exists: IfExists
    if_version: str | None
    manifest: Manifest
    modified_ns: int
    sha256: bytes
    by: Actor
    upload: UploadRow
    """As it will be once it is published, but for the version."""
    media_type: str | None = None
    flagged: bool = False
    replaces: Literal["any", "own"] = "any"


Outcome = FileRow | ProblemError | None
"""The file as it stands, why there is none, or None: it is to go the ordinary way."""


class Batches:
    """Used under the lock of the space."""

    def __init__(self, ground: Ground, small_files: SmallFiles) -> None:
        self._ground = ground
        self._small_files = small_files

    def publish(self, space: Space, arrived: Sequence[SmallFile]) -> list[Outcome]:
        """Durable on return: what became of each, in order. Their temporary files are the caller's, but for
        those that are published.

        Raises OSError and ProblemError (storage_full, storage_failed): then nothing has happened;
        IntegrityError likewise, where an upload of one of the client_ids was begun in this moment.
        """
        with self._ground.catalogue.read() as connection:
            places = _Places(self._ground, connection, space, arrived)
            outcomes = [places.find(file) for file in arrived]
            self._check_room(connection, space, arrived, outcomes)
        new = {
            at: _new_file(space, arrived[at], path)
            for at, path in enumerate(outcomes)
            if isinstance(path, str)
        }
        same = {at: row for at, row in enumerate(outcomes) if isinstance(row, FileRow)}
        found: list[Outcome] = [None if isinstance(one, str) else one for one in outcomes]
        if new or same:
            journal_id = arrived[0].journal_id
            try:
                paths = [file.version.path for file in new.values()]
                self._small_files.make_folders(space, paths, journal_id)
                found = self._commit(space, arrived, found, new, same)
            except BaseException:
                self._small_files.remove_folders(journal_id)
                raise
            named = [file for at, file in new.items() if isinstance(found[at], FileRow)]
            self._small_files.spread(space, named)
            for at, file in new.items():
                if self._small_files.is_left(file.version.id):
                    found[at] = ProblemError("storage_failed", "It waits for its name.")
        return found

    def _check_room(
        self,
        connection: Connection,
        space: Space,
        arrived: Sequence[SmallFile],
        outcomes: list[str | Outcome],
    ) -> None:
        """Before folders are made for what there is no room for; what counts is asked in the commit."""
        coming = [(at, path) for at, path in enumerate(outcomes) if isinstance(path, str)]
        sizes = [(path, arrived[at].manifest.size) for at, path in coming]
        for (at, _), problem in zip(coming, quotas.admit(connection, space.id, sizes), strict=True):
            if problem is not None:
                outcomes[at] = problem

    def _commit(
        self,
        space: Space,
        arrived: Sequence[SmallFile],
        found: list[Outcome],
        new: dict[int, NewFile],
        same: dict[int, FileRow],
    ) -> list[Outcome]:
        admitted: list[NewFile] = []
        with self._ground.catalogue.change() as connection:
            sizes = [(file.version.path, file.version.manifest.size) for file in new.values()]
            problems = quotas.admit(connection, space.id, sizes)
            for (at, file), problem in zip(new.items(), problems, strict=True):
                found[at] = problem or file.row
                if problem is None:
                    admitted.append(file)
            if admitted:
                batches.insert(connection, space.id, admitted)
            if same:
                upload_rows.insert_many(
                    connection,
                    [
                        replace(arrived[at].upload, version_id=row.version_id)
                        for at, row in same.items()
                    ],
                )
            uploads = [file.upload for file in admitted] + [arrived[at].upload for at in same]
            for upload in uploads[:1]:
                upload_rows.count_arrivals(
                    connection, upload.account_id, upload.device_id, len(uploads),
                    sum(one.size or 0 for one in uploads),
                )  # fmt: skip
        if admitted:
            self._small_files.committed(space, admitted[0].journal_id, admitted)
        return found


class _Places:
    """Where the files of a batch may stand, those before each considered."""

    def __init__(
        self,
        ground: Ground,
        connection: Connection,
        space: Space,
        arrived: Sequence[SmallFile],
    ) -> None:
        self._ground = ground
        self._connection = connection
        self._space = space
        self._standing = {
            file.path: names.standing(connection, space, file.path) for file in arrived
        }
        paths = set(self._standing.values())
        above = {step for path in paths for step in remote_path.parents(path)}
        self._files, self._folders = batches.standing(connection, space.id, [*paths | above])
        # Of this batch: files, and folders as they are written, by how they clash.
        self._coming: set[str] = set()
        self._coming_folders: dict[str, str] = {}
        self._by_folder: defaultdict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_folder[remote_path.parent(path)].append(remote_path.name(path))
        self._on_disk: dict[str, frozenset[str] | ProblemError] = {}

    def find(self, file: SmallFile) -> str | Outcome:
        """The path where nothing stands; or what is to be answered."""
        path = self._standing[file.path]
        if self._ground.unfinished.holds_up(self._space, path, all_below=False):
            return ProblemError(
                "storage_failed", "An earlier change of this path is not through yet."
            )
        taken = next((step for step in remote_path.parents(path) if step in self._files), None)
        if taken is not None:
            return ProblemError("path_conflict", f"{taken!r} is a file, and no folder.")
        if path in self._folders and file.if_exists != "keep_both":
            return ProblemError("path_conflict", f"{path!r} is a folder.")
        current = self._current(path)
        if file.if_version is not None and file.replaces == "any":
            standing = current.version_id if current else NOTHING
            if standing != file.if_version:
                return ProblemError("version_conflict", extra={"version": standing})
        if current is not None and file.replaces == "any" and self._is_the_same(current, file):
            return current
        return self._free(file, path)

    def _free(self, file: SmallFile, path: str) -> str | ProblemError | None:
        if not self._fits_folders(path):
            return None
        for candidate in _beside(path) if file.if_exists == "keep_both" else (path,):
            free = self._is_free(candidate)
            if isinstance(free, ProblemError):
                return free
            if free:
                self._take(candidate)
                return candidate
        return None

    def _is_free(self, path: str) -> bool | ProblemError:
        if self._key(path) in self._coming or self._key(path) in self._coming_folders:
            return False
        if path in self._files or path in self._folders:
            return False
        there = self._names_on_disk(remote_path.parent(path))
        if isinstance(there, ProblemError):
            return there
        if remote_path.name(path) in there:
            return False
        if path in self._standing:
            return True
        return self._ground.is_free(self._connection, self._space, path)

    def _names_on_disk(self, parent: str) -> frozenset[str] | ProblemError:
        """Of those that this batch asks for, which stand in the folder."""
        known = self._on_disk.get(parent)
        if known is None:
            try:
                self._ground.look_checked(self._space, remote_path.join(parent, "."))
                known = frozenset(self._look(parent))
            except ProblemError as problem:
                known = problem
            self._on_disk[parent] = known
        return known

    def _look(self, parent: str) -> Iterator[str]:
        wanted = self._by_folder[parent]
        try:
            with self._ground.open(self._space, parent) as folder:
                yield from (name for name in wanted if disk.look(name, dir_fd=folder) is not None)
        except FileNotFoundError:
            return

    def _fits_folders(self, path: str) -> bool:
        """Whether its folders are none of this batch's files, and written as this batch writes them."""
        return all(
            self._key(step) not in self._coming
            and self._coming_folders.get(self._key(step), step) == step
            for step in remote_path.parents(path)
        )

    def _take(self, path: str) -> None:
        self._coming.add(self._key(path))
        for step in remote_path.parents(path):
            self._coming_folders[self._key(step)] = step

    def _key(self, path: str) -> str:
        return remote_path.folded(path) if self._space.case_fold else path

    def _current(self, path: str) -> FileRow | None:
        if path not in self._files:
            return None
        return file_rows.at_path(self._connection, self._space.id, path)

    def _is_the_same(self, current: FileRow, file: SmallFile) -> bool:
        """On whatever grid: it is one chunk."""
        return (
            current.size == file.manifest.size
            and current.modified_ns == file.modified_ns
            and current.algorithm == file.manifest.algorithm
            and current.size <= current.chunk_bytes
            and file_rows.digests(self._connection, current.version_id) == file.manifest.digests
            and not current.damaged
            and self._ground.stands(self._space, current)
        )


def _beside(path: str) -> Iterator[str]:
    yield path
    for number in count(2):
        yield remote_path.numbered(path, number)


def _new_file(space: Space, file: SmallFile, path: str) -> NewFile:
    return NewFile(
        file_id=new_id(),
        version=NewVersion(
            id=file.version_id,
            space_id=space.id,
            path=path,
            manifest=file.manifest,
            modified_ns=file.modified_ns,
            added_ns=time.time_ns(),
            sha256=file.sha256,
            origin="upload",
            identity=file.identity,
            by=file.by,
            media_type=file.media_type,
            flagged=file.flagged,
        ),
        upload=replace(file.upload, version_id=file.version_id),
        journal_id=file.journal_id,
        offset=file.offset,
    )
