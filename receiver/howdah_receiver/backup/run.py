"""The course of a backup."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from howdah_receiver.backup.contents import Content, Contents, Journalled
from howdah_receiver.backup.index import Index
from howdah_receiver.catalogue.copies import copy, open_for_reading
from howdah_receiver.catalogue.database import FILE_NAME
from howdah_receiver.errors import StartRefused
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.folders import LOCK
from howdah_receiver.storage.journal import read_exactly
from howdah_receiver.storage.modes import PLAIN

TAKEN = f"{FILE_NAME}.taken"
"""The catalogue of a run that is not over."""
_NEW = ".howdah-new"
_WAIT_SECONDS = 0.05
_PATIENCE_SECONDS = 20
_TELL_SECONDS = 0.2
_BLOCK = 8 * 1024 * 1024


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    contents: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    missing: list[str] = field(default_factory=list)
    """Places of contents that were gone before they were copied."""


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int


class Backup:
    def __init__(self, data: Path, target: Path) -> None:
        """Raises StartRefused."""
        self._data = data.absolute()
        self._target = target.absolute()
        self._check()
        self.outcome = Outcome()

    def _check(self) -> None:
        catalogue = self._data / FILE_NAME
        if not catalogue.is_file():
            raise StartRefused(
                f"There is no catalogue {catalogue}.",
                "Name the receiver's data folder with --data or --config.",
            )
        if os.geteuid() != catalogue.stat().st_uid:
            # SQLite may make files beside it, which would then be another's.
            raise StartRefused(
                f"The catalogue {catalogue} belongs to another user.",
                "Run this as the receiver's user, with `sudo -u howdah` say.",
            )
        data, target = self._data.resolve(), self._target.resolve()
        if target.is_relative_to(data) or data.is_relative_to(target):
            raise StartRefused(
                f"A backup cannot lie in {target}, beside what it is a copy of.",
                "Name a folder on another disk.",
            )
        try:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StartRefused(
                f"The folder {target} cannot be used: {error.strerror}.",
                "Name a folder that this user may write to.",
            ) from error

    def run(self) -> Iterator[Progress]:
        """Make it, telling how far it is now and then; `outcome` is then known. Raises StartRefused."""
        try:
            yield from self._run()
        except (OSError, sqlite3.Error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise StartRefused(
                f"The backup to {self._target} is not whole: {reason}.",
                "See to the disk and run it again: it goes on with what is missing.",
            ) from error

    def _run(self) -> Iterator[Progress]:
        with ExitStack() as stack:
            self._idle = idle = _hold(stack, self._data)
            opened = open_for_reading(self._data / FILE_NAME, idle=idle)
            live = stack.enter_context(closing(opened))
            index = stack.enter_context(Index(self._target, _catalogue_id(live)))
            taken = stack.enter_context(closing(self._take_catalogue(idle)))
            self._source = _opened(stack, self._data)
            self._goal = _opened(stack, self._target)
            yield from self._copy_contents(Contents(taken), Contents(live), index)
            self._make_folders(Contents(taken))
            self._copy_tls()
            for place in index.stale():
                self._remove(place)
                index.forget(place)
            os.sync()
            (self._target / TAKEN).rename(self._target / FILE_NAME)
            os.fsync(self._goal)
            index.finish()

    def _take_catalogue(self, idle: bool) -> sqlite3.Connection:
        copy(self._data / FILE_NAME, self._target / TAKEN, idle=idle)
        taken = sqlite3.connect(self._target / TAKEN)
        # Parts and journals are not taken along: uploads begin anew with what a client still has, and what
        # came in batches is synced with all else before the backup is done.
        Contents(taken).forget_what_is_under_way()
        return taken

    # -- contents

    def _copy_contents(self, taken: Contents, live: Contents, index: Index) -> Iterator[Progress]:
        self.outcome.contents, self.outcome.bytes = taken.total()
        done, told = 0, 0.0
        for content in taken:
            if not self._is_there(content, index):
                self._copy(content, live, index)
            done += content.identity.size
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                yield Progress(done, self.outcome.bytes)

    def _is_there(self, content: Content, index: Index) -> bool:
        if not index.has(content.place, content.version_id):
            return False
        there = _look(self._goal, content.place)
        known = (content.identity.size, content.identity.modified_ns)
        # In a folder that was copied from elsewhere the catalogue's times are those of before.
        if there is None or there not in (known, _look(self._source, content.place)):
            return False
        index.note(content.place, content.version_id)
        return True

    def _copy(self, content: Content, live: Contents, index: Index) -> None:
        descriptor = self._find(content, live)
        if descriptor is None:
            self.outcome.missing.append(content.place)
            return
        try:
            index.forget(content.place)
            self.outcome.copied_bytes += self._put(descriptor, content.place)
            index.note(content.place, content.version_id)
            self.outcome.copied += 1
        finally:
            os.close(descriptor)

    def _find(self, content: Content, live: Contents) -> int | None:
        """The content, opened, wherever it stands by now; None if it is gone for good."""
        journalled = live.journalled(content.version_id)
        if self._idle and journalled is not None:
            # A receiver that was not stopped cleanly: what has its name may not be whole.
            return self._from_journal(content, journalled)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            under_way = (
                live.change_is_under_way() or live.journalled(content.version_id) is not None
            )
            now = live.find(content.version_id)
            for place in dict.fromkeys(
                (content.place, content.kept_place, now.place if now else "")
            ):
                descriptor = self._open(place)
                if descriptor is None:
                    continue
                if Identity.of(os.fstat(descriptor)) in (
                    content.identity,
                    now.identity if now else None,
                ):
                    return descriptor
                os.close(descriptor)
            if not under_way or time.monotonic() > deadline:
                # Other hands changed it, or all of the folder was copied from elsewhere: as it stands,
                # it is what the receiver will find again, and read anew.
                return self._open(now.place) if now is not None else None
            time.sleep(_WAIT_SECONDS)

    def _from_journal(self, content: Content, found: Journalled) -> int | None:
        """A file in memory: it is a small one."""
        journal = self._open(f"journal/{found.journal_id}")
        if journal is None:
            return self._open(content.place)
        try:
            data = read_exactly(journal, found.offset, content.identity.size)
        finally:
            os.close(journal)
        made = os.memfd_create("small file")
        disk.write_all(made, [data], 0)
        os.fchmod(made, PLAIN.file)
        os.utime(made, ns=(time.time_ns(), content.identity.modified_ns))
        return made

    def _open(self, place: str) -> int | None:
        folder, _, name = place.rpartition("/")
        if not name:
            return None
        try:
            with disk.folder(self._source, folder) as parent:
                return disk.open_regular(name, os.O_RDONLY, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL):
                return None
            raise

    def _put(self, source: int, place: str) -> int:
        """Copy what is opened to `place`, whole or not at all; how many bytes it has."""
        status = os.fstat(source)
        folder, _, name = place.rpartition("/")
        with _made_folder(self._goal, folder) as parent:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            made = os.open(_NEW, flags, 0o600, dir_fd=parent)
            try:
                size = _copy_bytes(source, made)
                os.fchmod(made, status.st_mode & 0o777)
                os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
            finally:
                os.close(made)
            os.rename(_NEW, name, src_dir_fd=parent, dst_dir_fd=parent)
        return size

    # -- the rest

    def _make_folders(self, taken: Contents) -> None:
        for place in ("files", "versions", "parts", "trash", "journal", *taken.folders()):
            with _made_folder(self._goal, place):
                pass

    def _copy_tls(self) -> None:
        """The receiver's own certificate: with it, clients know the receiver again."""
        if not (self._data / "tls").is_dir():
            return
        (self._target / "tls").mkdir(mode=0o700, exist_ok=True)
        for path in (self._data / "tls").glob("*.pem"):
            descriptor = self._open(f"tls/{path.name}")
            if descriptor is not None:
                self._put(descriptor, f"tls/{path.name}")
                os.close(descriptor)

    def _remove(self, place: str) -> None:
        folder, _, name = place.rpartition("/")
        try:
            with disk.folder(self._goal, folder) as parent:
                os.unlink(name, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return  # something else stands there by now, or nothing


@contextmanager
def _made_folder(root: int, place: str) -> Iterator[int]:
    """A folder of the backup, opened, made where it is missing."""
    here = os.dup(root)
    try:
        for name in place.split("/"):
            below = _step_into(here, name)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _step_into(parent: int, name: str) -> int:
    """A file of an earlier run that is a folder by now makes way."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        os.unlink(name, dir_fd=parent)
    os.mkdir(name, 0o700, dir_fd=parent)
    return os.open(name, flags, dir_fd=parent)


def _look(root: int, place: str) -> tuple[int, int] | None:
    """Size and time of what stands there."""
    folder, _, name = place.rpartition("/")
    try:
        with disk.folder(root, folder) as parent:
            there = disk.look(name, dir_fd=parent)
    except OSError:
        return None
    return None if there is None else (there.st_size, there.st_mtime_ns)


def _copy_bytes(source: int, target: int) -> int:
    """All of it; shared on disks that can. How many bytes there were."""
    size, at = os.fstat(source).st_size, 0
    while at < size:
        try:
            count = os.copy_file_range(source, target, min(_BLOCK, size - at), at, at)
        except OSError as error:
            if at or error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            return _copy_by_hand(source, target)
        if count == 0:
            break  # it was cut short meanwhile
        at += count
    return at


def _copy_by_hand(source: int, target: int) -> int:
    with open(source, "rb", closefd=False) as read, open(target, "wb", closefd=False) as write:
        shutil.copyfileobj(read, write, 1024 * 1024)
        return write.tell()


def _hold(stack: ExitStack, data: Path) -> bool:
    """Whether no receiver works on the folder; then none can start until the backup is made."""
    try:
        lock = os.open(data / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return True  # a folder that no receiver was ever started on, a backup say
    stack.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(stack: ExitStack, folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, descriptor)
    return descriptor


def _catalogue_id(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM meta WHERE name = 'catalogue'").fetchone()
    return str(row[0])
