"""Small files: many at once, with one durable step for all.

Their bytes are durable in a journal before anything else happens; then one commit makes the files what
stands at their paths and names their places in the journal; then each gets its own name, which nobody
waits for to be synced. That is done beside everything else, and a journal goes when all of its files are.

Until then the journal stands behind them: a start gives back what a power cut took (`replay`), a file whose
fsync failed is written anew from it, and whatever else is to be done with such a file syncs it first
(`settle`). What could not be given its name yet holds up its own path, as an intent does.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from howdah_common import digests, remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import batches, spaces
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import unsynced as rows
from howdah_receiver.catalogue.batches import NewFile
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.unsynced import UnsyncedRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity, disk_errors
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.journal import Journals, read_exactly
from howdah_receiver.storage.removing import always

REST_SECONDS = 3.0
"""So long a journal is left alone: what comes next is more urgent than what is safe already."""
MOST_UNSYNCED = 20_000
"""Files; beyond that whoever brings more helps to sync first, so that a start never has long to read."""
_OTHERS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.EISDIR})
"""What opening says where other hands have taken a name, or put something there that is no file."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Given:
    """What became of a file that was to get its name again."""

    version_id: str
    identity: Identity | None
    """None: other hands have something else there by now."""


class SmallFiles:
    """Thread-safe; what changes the tree of a space is called with its lock held."""

    def __init__(self, ground: Ground, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ground = ground
        self._clock = clock
        self.journals = Journals(ground.folder.journal)
        self._lock = threading.Lock()
        # Guarded by the lock: when each journal was committed; versions that are to be written anew from
        # their journal, and the space of each.
        self._committed: dict[str, float] = {}
        self._left: dict[str, str] = {}
        self._syncing = threading.Lock()
        with ground.catalogue.read() as connection:
            self._count = rows.count(connection)

    # -- on their way in

    def write_temporary(self, version_id: str, content: bytes, modified_ns: int) -> Identity:
        """The file as it shall stand, under a name of its own in parts/, not synced. Raises OSError."""
        parts = self._ground.folder.parts
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(version_id, flags, 0o600, dir_fd=parts)
        try:
            disk.write_all(descriptor, [content], 0)
            if read_exactly(descriptor, 0, len(content)) != content:
                raise OSError(errno.EIO, "the disk gives back other bytes than it took")
            try:
                os.utime(descriptor, ns=(time.time_ns(), modified_ns))
            except OverflowError:
                pass  # a time that no disk holds is kept in the catalogue alone
            self._ground.folder.modes.dress_file(descriptor)
            return Identity.of(os.fstat(descriptor))
        except BaseException:
            self.remove_temporary(version_id)
            raise
        finally:
            os.close(descriptor)

    def remove_temporary(self, version_id: str) -> None:
        try:
            os.unlink(version_id, dir_fd=self._ground.folder.parts)
        except OSError:
            pass  # the next start removes what belongs to nothing

    def make_folders(self, space: Space, paths: Sequence[str], journal_id: str) -> None:
        """The folders above `paths`, durable: each of their parents is synced once. Raises OSError.

        The journal notes them: if they are never committed, the next start takes them away again.
        """
        above = {step for path in paths for step in remote_path.parents(path)}
        with self._ground.catalogue.read() as connection:
            _, known = batches.standing(connection, space.id, sorted(above))
        with self._ground.made(space, ""):
            pass
        changed: dict[str, None] = {}
        if above - known:
            self.journals.note_folders(journal_id, space.id, sorted(above - known))
        for step in sorted(above - known):
            with self._ground.open(space, remote_path.parent(step)) as parent:
                self._make_folder(parent, remote_path.name(step))
            changed[remote_path.parent(step)] = None
        for path in changed:
            with self._ground.open(space, path) as folder:
                os.fsync(folder)

    def remove_folders(self, journal_id: str) -> None:
        """Those that were made for a batch that did not come to its commit, if they are empty and in no list;
        under the lock of its space, or before anything else uses the trees."""
        for space_id, paths in self.journals.noted_folders(journal_id):
            with self._ground.catalogue.read() as connection:
                space = spaces.find(connection, space_id)
                _, known = batches.standing(connection, space_id, paths)
            if space is None:
                continue
            for path in sorted(set(paths) - known, reverse=True):
                try:
                    with self._ground.open(space, remote_path.parent(path)) as parent:
                        os.rmdir(remote_path.name(path), dir_fd=parent)
                except OSError:
                    pass  # it is gone, or something is in it
        self.journals.remove_note(journal_id)

    def _make_folder(self, parent: int, name: str) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            return
        with disk.folder(parent, name) as made:
            self._ground.folder.modes.dress_folder(made)

    def committed(self, space: Space, journal_id: str, new_files: Sequence[NewFile]) -> None:
        """They are in the catalogue: from now on they hold up their paths until they have their names."""
        with self._lock:
            self._committed[journal_id] = self._clock()
            self._count += len(new_files)
            self._left.update((new.version.id, space.id) for new in new_files)

    def spread(self, space: Space, new_files: Sequence[NewFile]) -> None:
        """Give them their names. What the disk refuses is left; see `is_left`."""
        done: list[str] = []
        for parent, group in groupby(sorted(new_files, key=_parent_of_new), key=_parent_of_new):
            try:
                with self._ground.open(space, parent) as folder:
                    done += (new.version.id for new in group if self._name(folder, space, new))
            except OSError as error:
                _log.error("files in %r wait for their names: %s", parent, error.strerror)
        with self._lock:
            for version_id in done:
                self._left.pop(version_id, None)

    def _name(self, folder: int, space: Space, new: NewFile) -> bool:
        name, parts = remote_path.name(new.version.path), self._ground.folder.parts
        try:
            disk.rename_new(new.version.id, name, src_dir_fd=parts, dst_dir_fd=folder)
        except FileExistsError:
            try:
                self._name_over(folder, name, space, new)
            except (OSError, ProblemError) as error:
                _log.error("%r waits for its name: %s", new.version.path, error)
                return False
        except OSError as error:
            _log.error("%r waits for its name: %s", new.version.path, error.strerror)
            return False
        return True

    def _name_over(self, folder: int, name: str, space: Space, new: NewFile) -> None:
        """Other hands put something there in this very moment: it becomes an earlier version."""
        kept_id = self._ground.keep(folder, name, new_id(), lambda _: None)
        os.rename(new.version.id, name, src_dir_fd=self._ground.folder.parts, dst_dir_fd=folder)
        self._ground.outside.record_earlier(space, new.version.path, kept_id, new.file_id)

    def is_left(self, version_id: str) -> bool:
        """Whether it waits for its name, or to be written anew."""
        with self._lock:
            return version_id in self._left

    # -- before anything else is done with them

    def settle(self, space: Space, path: str, *, all_below: bool = False) -> None:
        """Sync those at the path, and below it where asked for; under the lock of the space.

        Raises ProblemError (storage_full, storage_failed) where one cannot be.
        """
        if not self._count:
            return
        with self._ground.catalogue.read() as connection:
            found = rows.at(connection, space.id, path, all_below=all_below)
        if not found:
            return
        with disk_errors():
            failed = self._sync(found)
            if failed:
                self._give_back(failed, anew=True)
                with self._ground.catalogue.read() as connection:
                    again = rows.of_versions(connection, [row.version_id for row in failed])
                failed = self._sync(again)
        if failed:
            raise ProblemError("storage_failed", f"{failed[0].path!r} is not on the disk yet.")
        with self._ground.catalogue.write() as connection:
            rows.synced(connection, [row.version_id for row in found])

    def spread_left(self, space: Space) -> None:
        """Try again what the disk refused; under the lock of the space. What it still refuses is left."""
        with self._lock:
            left = [version for version, of in self._left.items() if of == space.id]
        if not left:
            return
        with self._ground.catalogue.read() as connection:
            found = rows.of_versions(connection, left)
        with self._lock:
            for version_id in set(left) - {row.version_id for row in found}:
                self._left.pop(version_id, None)  # replaced or taken away by other hands
        for row in found:
            try:
                self._give_back([row], anew=True)
            except (OSError, ProblemError) as error:
                _log.error("%r waits for its name: %s", row.path, error)

    def spaces_left(self) -> set[str]:
        """Ids of spaces where something is left."""
        with self._lock:
            return set(self._left.values())

    # -- after a crash

    def replay(self) -> None:
        """Before anything else uses the trees: files that the last run left without a sync stand again as
        they were, at their present paths. Journals that nothing names go."""
        with self._ground.catalogue.read() as connection:
            named = set(rows.journals(connection))
        for journal_id in sorted(named):
            self._replay(journal_id)
        with disk_errors():
            for journal_id in self.journals.ids() - named:
                self.remove_folders(journal_id)
                self.journals.remove(journal_id)

    def _replay(self, journal_id: str) -> None:
        with self._ground.catalogue.read() as connection:
            found = rows.of_journal(connection, journal_id)
        with self._lock:
            self._committed[journal_id] = self._clock()
        try:
            self._give_back(found, anew=False)
        except (OSError, ProblemError) as error:
            _log.error("the journal %s is not through yet: %s", journal_id, error)
            with self._lock:
                self._left.update((row.version_id, row.space.id) for row in found)
        else:
            if found:
                _log.info("looked at %d small files that were not synced", len(found))

    def _give_back(self, found: Sequence[UnsyncedRow], *, anew: bool) -> None:
        """Files as their rows tell of them, not synced. `anew`: also where they stand, as after a failed
        fsync nobody knows what the disk has of them. Raises OSError, ProblemError."""
        given: list[_Given] = []
        for journal_id, of_one in groupby(
            sorted(found, key=lambda row: row.journal_id), key=lambda row: row.journal_id
        ):
            with self._opened(journal_id) as journal:
                for row in of_one:
                    given.append(self._give_one(row, journal, anew=anew))
        changed = [one for one in given if one.identity is not None]
        if changed:
            with self._ground.catalogue.write() as connection:
                for one in changed:
                    assert one.identity is not None
                    file_rows.set_identity(connection, one.version_id, one.identity)
        with self._lock:
            for one in given:
                self._left.pop(one.version_id, None)

    @contextmanager
    def _opened(self, journal_id: str) -> Iterator[int | None]:
        try:
            descriptor = self.journals.open(journal_id)
        except FileNotFoundError:
            yield None  # a data folder that was copied without it
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _give_one(self, row: UnsyncedRow, journal: int | None, *, anew: bool) -> _Given:
        name = remote_path.name(row.path)
        try:
            with self._ground.open(row.space, remote_path.parent(row.path)) as folder:
                there = _Standing.of(folder, name, row.size)
                if there is not None and there.is_of(row) and not anew:
                    return _Given(row.version_id, there.identity)
                content = self._content(row, journal)
                if content is None or (there is not None and not there.is_rest_of(content)):
                    return _Given(row.version_id, None)  # whoever asks for it reads it anew
                return _Given(row.version_id, self._put(folder, name, row, content))
        except OSError as error:
            if error.errno not in _OTHERS:
                raise
            return _Given(row.version_id, None)

    def _content(self, row: UnsyncedRow, journal: int | None) -> bytes | None:
        if journal is None:
            _log.error("%r is not as it was, and its journal is gone", row.path)
            return None
        content = read_exactly(journal, row.offset, row.size)
        if row.digest and digests.digest(row.algorithm, content) != row.digest:
            raise OSError(errno.EIO, "the journal gives back other bytes than it took")
        return content

    def _put(self, folder: int, name: str, row: UnsyncedRow, content: bytes) -> Identity:
        parts = self._ground.folder.parts
        self.remove_temporary(row.version_id)
        identity = self.write_temporary(row.version_id, content, row.modified_ns)
        os.rename(row.version_id, name, src_dir_fd=parts, dst_dir_fd=folder)
        return identity

    # -- beside everything else

    def sync_rested(self, go_on: Callable[[], bool] = always) -> None:
        """Sync what was left alone for a while, journal by journal, and let go of those that are through."""
        before = self._clock() - REST_SECONDS
        with self._lock:
            due = [journal for journal, at in self._committed.items() if at <= before]
        for journal_id in due:
            if go_on():
                self._sync_journal(journal_id)

    def sync_all(self, go_on: Callable[[], bool] = always) -> None:
        """As `sync_rested`, but all."""
        with self._lock:
            due = list(self._committed)
        for journal_id in due:
            if go_on():
                self._sync_journal(journal_id)

    def make_room(self) -> None:
        """Where very much is not synced: help, the oldest first, before more comes."""
        while True:
            with self._lock:
                oldest = next(iter(self._committed), None)
                if self._count <= MOST_UNSYNCED or oldest is None:
                    return
            if not self._sync_journal(oldest):
                return

    def _sync_journal(self, journal_id: str) -> bool:
        """Whether it is through, and gone."""
        with self._syncing:
            with self._ground.catalogue.read() as connection:
                found = rows.of_journal(connection, journal_id)
            failed = [row.version_id for row in self._sync(found)]
            try:
                with self._ground.catalogue.write() as connection:
                    more = rows.journal_is_over(connection, journal_id, failed)
                    count = rows.count(connection)
            except ProblemError as problem:
                _log.error("the journal %s is not through yet: %s", journal_id, problem)
                return False
            with self._lock:
                self._count = count
                if more:
                    return False
                self._committed.pop(journal_id, None)
            self.journals.remove_note(journal_id)
            self.journals.remove(journal_id)
            return True

    def _sync(self, found: Sequence[UnsyncedRow]) -> list[UnsyncedRow]:
        """Sync these files and their names; those that could not be, which are left to be written anew.

        What other hands have moved or replaced is not looked for: all is synced where there is such.
        """
        failed: list[UnsyncedRow] = []
        strange = False
        for _, group in groupby(found, key=lambda r: (r.space.id, remote_path.parent(r.path))):
            in_folder = list(group)
            try:
                with self._ground.open(
                    in_folder[0].space, remote_path.parent(in_folder[0].path)
                ) as folder:
                    outcomes = [(row, self._sync_one(folder, row)) for row in in_folder]
                    os.fsync(folder)
                failed += (row for row, outcome in outcomes if outcome is False)
                strange |= any(outcome is None for _, outcome in outcomes)
            except (FileNotFoundError, NotADirectoryError):
                failed += (row for row in in_folder if self.is_left(row.version_id))
                strange = True
            except OSError as error:
                _log.error("%r: %s", in_folder[0].path, error.strerror)
                failed += in_folder
        if strange:
            os.sync()
        with self._lock:
            self._left.update((row.version_id, row.space.id) for row in failed)
        return failed

    def _sync_one(self, folder: int, row: UnsyncedRow) -> bool | None:
        """Whether it is synced; None where something else stands there."""
        if self.is_left(row.version_id):
            return False
        try:
            descriptor = disk.open_regular(remote_path.name(row.path), os.O_RDONLY, dir_fd=folder)
        except OSError as error:
            return None if error.errno in _OTHERS else False
        try:
            if Identity.of(os.fstat(descriptor)) != row.identity:
                return None
            os.fsync(descriptor)
        except OSError as error:
            # The pages are marked clean by now: it is never synced again and believed, but written anew.
            _log.error("%r: %s", row.path, error.strerror)
            return False
        finally:
            os.close(descriptor)
        return True


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands under a name: a regular file and as much of it as the row's file has, and one more."""

    identity: Identity
    content: bytes

    @classmethod
    def of(cls, folder: int, name: str, size: int) -> _Standing | None:
        """None where nothing stands. Raises OSError for what is no regular file."""
        try:
            descriptor = disk.open_regular(name, os.O_RDONLY, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            identity = Identity.of(os.fstat(descriptor))
            length = min(identity.size, size + 1)
            return cls(identity, read_exactly(descriptor, 0, length))
        finally:
            os.close(descriptor)

    def is_of(self, row: UnsyncedRow) -> bool:
        if self.identity.size != row.size:
            return False
        return not row.digest or digests.digest(row.algorithm, self.content) == row.digest

    def is_rest_of(self, content: bytes) -> bool:
        """Whether a power cut may have left this of it: no longer, and each byte its own or zero."""
        return len(self.content) <= len(content) and all(
            found in (0, wanted) for found, wanted in zip(self.content, content, strict=False)
        )


def _parent_of_new(new: NewFile) -> str:
    return remote_path.parent(new.version.path)
