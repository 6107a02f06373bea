"""The one door for changes to what people see.

Every change takes the space's lock, commits an intent, does its work on the disk, and commits the result
together with the intent's removal; only then may anybody answer. A start carries every intent it finds
through (`recover`): each step can be done again. Which steps were done shows on the disk itself: a part
is named by its upload, a kept version and an entry of the trash by their ids, so a name that is gone or
there, and its inode, decide.

What is to be done, and how, is with each kind of change: `publishing`, `moving`, `trashing`, `restoring`,
`reverting`, `rewinding`, `removing`.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import names, spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.trash import TrashRow
from howdah_receiver.storage.batch import Batches, Outcome, SmallFile
from howdah_receiver.storage.copies import Copies
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.ground import GivenUp, Ground
from howdah_receiver.storage.intents import (
    Intent,
    MoveIntent,
    Publication,
    PublishIntent,
    RemoveIntent,
    RestoreIntent,
    RevertIntent,
    RewindIntent,
    TrashIntent,
)
from howdah_receiver.storage.moving import IfExists, Moving
from howdah_receiver.storage.outside import Outside
from howdah_receiver.storage.publishing import Publishing
from howdah_receiver.storage.removing import Removing, always
from howdah_receiver.storage.restoring import Restoring
from howdah_receiver.storage.reverting import Reverting
from howdah_receiver.storage.rewinding import Rewinding
from howdah_receiver.storage.small_files import SmallFiles
from howdah_receiver.storage.strays import Strays
from howdah_receiver.storage.then_plan import Plan
from howdah_receiver.storage.trashing import Trashing
from howdah_receiver.storage.unfinished import Pending, Unfinished


@dataclass(frozen=True, slots=True)
class Rewound:
    """What was done, or would be; `trash_id`: the entry of what did not stand there then."""

    plan: Plan
    trash_id: str | None = None


_TRIES = 10
"""How often a file may be somewhere else than a moment ago."""
_log = logging.getLogger(__name__)


class Tree:
    """Changes of the trees of all spaces. Thread-safe; one change of a space at a time."""

    def __init__(self, catalogue: Catalogue, folder: DataFolder) -> None:
        self._catalogue = catalogue
        self.outside = Outside(catalogue, folder, self._quiet)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._unfinished = Unfinished(catalogue)
        ground = Ground(catalogue, folder, self.outside, self._unfinished)
        self._ground = ground
        self.small_files = SmallFiles(ground)
        self._batches = Batches(ground, self.small_files)
        self.strays = Strays(ground, self._quiet)
        self._publishing, self._moving = Publishing(ground), Moving(ground)
        self._trashing, self._restoring = Trashing(ground), Restoring(ground)
        self._reverting, self._removing = Reverting(ground), Removing(ground)
        self._rewinding = Rewinding(ground)
        self._carry_out: dict[type[Intent], Callable[[Pending], None]] = {
            PublishIntent: self._publishing.carry_out,
            MoveIntent: self._moving.carry_out,
            TrashIntent: self._trashing.carry_out,
            RestoreIntent: self._restoring.carry_out,
            RevertIntent: self._reverting.carry_out,
            RewindIntent: self._rewinding.carry_out,
        }

    # -- changes, each durable on return

    def publish(self, publication: Publication) -> str:
        """Make the upload's part the file at its path; the id of the version that then stands there.

        The caller has fsynced the part, and nobody writes to it any more.
        Raises ProblemError: version_conflict and path_conflict (nothing was changed), storage_full and
        storage_failed (the next start, or the next change of the space, carries it through).
        """
        space, path = publication.space, publication.path
        self.outside.take_in(space, path)
        with self._quiet(space, path), disk_errors():
            prepared = self._publishing.prepare(publication)
            if isinstance(prepared, FileRow):
                self._publishing.keep_current(publication, prepared)
                return prepared.version_id
            self._check_through(space, prepared.path)
            self._do(space, prepared)
            return prepared.version_id

    def publish_many(self, space: Space, arrived: Sequence[SmallFile]) -> list[Outcome]:
        """Make small files, which are durable in a journal, those at their paths: in one durable step. What
        became of each, in order; None for those that are to go the ordinary way.

        Raises ProblemError (storage_full, storage_failed) and IntegrityError: see `Batches.publish`.
        """
        self.small_files.make_room()
        with self._quiet(space), disk_errors():
            return self._batches.publish(space, arrived)

    def make_folder(self, space: Space, path: str, by: Actor) -> tuple[FolderRow, bool]:
        """Make a folder and those above it; the folder, and whether it is new.

        It needs no intent: a folder that a crash leaves without its row is empty, and is taken as it is
        by whoever asks for it next.
        """
        with self._quiet(space, path), disk_errors():
            with self._catalogue.read() as connection:
                path = names.standing(connection, space, path)
                self._ground.check_parents(connection, space, f"{path}/.")
                there = folder_rows.at_path(connection, space.id, path)
            if there is not None:
                return there, False
            self._ground.check_on_disk(space, f"{path}/.")
            with self._ground.made(space, path):
                pass
            with self._catalogue.change() as connection:
                folder_rows.add(connection, space.id, [*remote_path.parents(path), path])
                record(connection, ChangeKind.FOLDER_MADE, space.id, path, by=by)
                made = folder_rows.at_path(connection, space.id, path)
            assert made is not None
            return made, True

    def move(
        self,
        space: Space,
        found: FileRow | FolderRow,
        to: str,
        *,
        if_exists: IfExists = "fail",
        if_version: str | None = None,
        by: Actor,
    ) -> str:
        """Give a file or a folder another path; the id of the file or folder that then stands there.

        Raises ProblemError: file_not_found, version_conflict, path_conflict, bad_path (nothing was
        changed), storage_full, storage_failed.
        """
        with self._at_rest(space, found, if_version) as row:
            while True:
                intent = self._moving.prepare(space, row, to, if_exists, by)
                if intent is None:
                    return row.id
                self._check_through(space, intent.to, all_below=True)
                try:
                    self._do(space, intent)
                except GivenUp as refused:
                    if if_exists == "keep_both" and refused.code == "path_conflict":
                        continue  # other hands took that name in this moment: another one
                    raise
                return intent.over_id or intent.id

    def trash(
        self, space: Space, found: FileRow | FolderRow, *, if_version: str | None = None, by: Actor
    ) -> TrashRow:
        """Put a file, or a folder with all in it, into the trash.

        Raises ProblemError: file_not_found, version_conflict, storage_full, storage_failed.
        """
        with self._at_rest(space, found, if_version) as row:
            intent = self._trashing.prepare(row, by)
            self._do(space, intent)
            with self._catalogue.read() as connection:
                entry = trash_rows.by_id(connection, intent.trash_id)
        assert entry is not None
        return entry

    def restore(
        self,
        space: Space,
        trash_id: str,
        to: str | None,
        *,
        if_exists: Literal["fail", "keep_both"] = "keep_both",
        by: Actor,
    ) -> str:
        """Bring an entry of the trash back, to where it stood or to `to`; the path that it got.

        Raises ProblemError: file_not_found, path_conflict, bad_path, storage_full, storage_failed.
        """
        with self._quiet(space), disk_errors():
            entry = self._entry(space, trash_id)
            intent = self._restoring.prepare(space, entry, to or entry.path, if_exists, by)
            self._check_through(space, intent.to, all_below=True)
            self._do(space, intent)
            return intent.to

    def revert(
        self,
        space: Space,
        found: FileRow,
        version_id: str,
        *,
        if_version: str | None = None,
        by: Actor,
    ) -> None:
        """Make a kept version of the file the one that stands at its path.

        Raises ProblemError: file_not_found, file_damaged, version_conflict, path_conflict, storage_full,
        storage_failed.
        """
        with self._at_rest(space, found, if_version) as row:
            assert isinstance(row, FileRow)
            intent = self._reverting.prepare(space, row, version_id, by)
            if intent is not None:
                self._do(space, intent)

    def remove_entry(
        self, space: Space, trash_id: str, *, by: Actor, go_on: Callable[[], bool] = always
    ) -> TrashRow:
        """Remove an entry of the trash for good; it is gone for everybody once this returns, or raises
        storage_full or storage_failed: then its room is freed later.

        Raises ProblemError (file_not_found) too.
        """
        with self._quiet(space), disk_errors():
            entry = self._entry(space, trash_id)
            pending = self._removing.begin(space, entry, by)
        self._removing.carry_out(pending, go_on)
        return entry

    def remove_versions(
        self, space: Space, version_ids: list[str], *, path: str = "", by: Actor
    ) -> int:
        """Remove kept versions for good, as far as they are; how many. Raises ProblemError:
        file_not_found where none is, storage_full, storage_failed."""
        with self._quiet(space), disk_errors():
            pending = self._removing.begin_versions(space, version_ids, path=path, by=by)
        self._removing.carry_out(pending)
        assert isinstance(pending.intent, RemoveIntent)
        return len(pending.intent.versions)

    def rewind(self, space: Space, path: str, at_ns: int, *, dry_run: bool, by: Actor) -> Rewound:
        """Make a folder as it was at that time; what was done, or would be.

        Raises ProblemError: file_not_found, path_conflict, unavailable while others change what it needs,
        storage_full, storage_failed.
        """
        self._rewinding.take_in(space, path)
        with closing(Copies(self._ground)) as copies:
            for _ in range(_TRIES):
                todo = self._rewinding.plan(space, path, at_ns)
                if dry_run:
                    return Rewound(todo)
                copies.make(space, todo.copied)
                with self._quiet(space), disk_errors():
                    self._check_through(space, path, all_below=True)
                    todo = self._rewinding.plan(space, path, at_ns)
                    if not copies.has(todo.copied):
                        continue  # something else is to be copied by now
                    intent = self._rewinding.intent(space, path, todo, copies, by)
                    if intent is not None:
                        self._do(space, intent)
                return Rewound(todo, intent.trash_id if intent and todo.trashed else None)
        raise ProblemError("unavailable", "What it needs is being changed.")

    # -- what is left half-way

    def settle(self, space: Space) -> None:
        """Try again to carry through what a disk error stopped half-way; `pending` tells what it still
        stops."""
        with self._locks[space.id]:
            self._settle(space)

    def recover(self) -> None:
        """Carry through every intent that concerns a path, before anything else uses the trees."""
        self.small_files.replay()
        with self._catalogue.read() as connection:
            self._unfinished.take_up(connection)
        self._removing.begin_orphans()
        for space in {one.space for one in self._unfinished.all_of_them()}:
            self.settle(space)

    def sync_small_files(self, go_on: Callable[[], bool] = always, *, rested: bool = True) -> None:
        """Sync what came in batches, and try again what the disk refused of it. `rested`: only what came a
        while ago."""
        if rested:
            self.small_files.sync_rested(go_on)
        else:
            self.small_files.sync_all(go_on)
        for space_id in self.small_files.spaces_left():
            with self._catalogue.read() as connection:
                space = spaces.find(connection, space_id)
            if space is not None and go_on():
                self.settle(space)

    def go_on_removing(self, go_on: Callable[[], bool] = always) -> None:
        """Carry through what was to be removed for good and is still there.

        Raises ProblemError: storage_full, storage_failed.
        """
        for one in self._unfinished.all_of_them():
            if not one.intent.paths and go_on():
                self._removing.carry_out(one, go_on)

    def pending(self) -> set[str]:
        """Uploads whose publication was stopped half-way."""
        return self._unfinished.uploads()

    def pending_parts(self) -> set[str]:
        """Names in parts/ that something half-way still needs."""
        return self._unfinished.parts()

    def _do(self, space: Space, intent: Intent) -> None:
        self._carry_through(self._unfinished.begin(space, intent))

    def _carry_through(self, pending: Pending) -> None:
        try:
            self._carry_out[type(pending.intent)](pending)
        except GivenUp:
            self._unfinished.end(pending)
            raise
        self._unfinished.end(pending)

    def _settle(self, space: Space) -> None:
        """One that cannot be carried through holds up its own paths, and not the whole space."""
        self.small_files.spread_left(space)
        for pending in self._unfinished.of(space):
            what = f"{pending.intent.kind} of {pending.intent.paths}"
            try:
                with disk_errors():
                    self._carry_through(pending)
            except ProblemError as problem:
                _log.error("%s waits: %s", what, problem)
            else:
                _log.info("carried through: %s", what)

    # -- who may go on

    @contextmanager
    def _quiet(self, space: Space, *paths: str) -> Iterator[None]:
        """The space's lock, with nothing left half-way at the paths. Raises ProblemError
        (storage_failed)."""
        with self._locks[space.id]:
            self._settle(space)
            for path in paths:
                self._check_through(space, path)
            yield

    def _check_through(self, space: Space, path: str, *, all_below: bool = False) -> None:
        if self._unfinished.holds_up(space, path, all_below=all_below):
            raise ProblemError(
                "storage_failed", "An earlier change of this path is not through yet."
            )
        self.small_files.settle(space, path, all_below=all_below)

    @contextmanager
    def _at_rest(
        self,
        space: Space,
        found: FileRow | FolderRow,
        if_version: str | None = None,
    ) -> Iterator[FileRow | FolderRow]:
        """The file or folder as it is now, with nothing under way at it, under the lock.

        What other hands did to a file becomes a version first. Raises ProblemError: file_not_found,
        version_conflict, storage_failed.
        """
        for _ in range(_TRIES):
            if isinstance(found, FileRow):
                self.outside.take_in(space, found.path)
            with self._quiet(space), disk_errors():
                row = self._again(found)
                if row.path == found.path:
                    is_folder = isinstance(row, FolderRow)
                    self._check_through(space, row.path, all_below=is_folder)
                    _check_version(row, if_version)
                    yield row
                    return
            found = row
        raise ProblemError("unavailable", "It is being moved about.")

    def _again(self, found: FileRow | FolderRow) -> FileRow | FolderRow:
        rows = file_rows if isinstance(found, FileRow) else folder_rows
        with self._catalogue.read() as connection:
            row: FileRow | FolderRow | None = rows.by_id(connection, found.id)
        if row is None:
            raise ProblemError("file_not_found")
        return row

    def _entry(self, space: Space, trash_id: str) -> TrashRow:
        with self._catalogue.read() as connection:
            entry = trash_rows.by_id(connection, trash_id)
        if entry is None or entry.space_id != space.id:
            raise ProblemError("file_not_found", "It is not in the trash any more.")
        return entry


def _check_version(row: FileRow | FolderRow, wanted: str | None) -> None:
    if wanted is not None and isinstance(row, FileRow) and wanted != row.version_id:
        raise ProblemError("version_conflict", extra={"version": row.version_id})
