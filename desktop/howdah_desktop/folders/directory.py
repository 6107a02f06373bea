"""One directory as the disk has it: opened without following links, listed, looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NamedTuple

_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_MOST_IGNORE_BYTES = 1024 * 1024


class What(IntEnum):
    FILE = 0
    FOLDER = 1
    LINK = 2
    OTHER = 3
    """A pipe, a socket, a device."""


class Entry(NamedTuple):
    """What a name in a directory stands for, as lstat gives it. Times in nanoseconds since 1970."""

    name: bytes
    what: What
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def _what(mode: int) -> What:
    if stat.S_ISREG(mode):
        return What.FILE
    if stat.S_ISDIR(mode):
        return What.FOLDER
    return What.LINK if stat.S_ISLNK(mode) else What.OTHER


def entry_of(name: bytes, found: os.stat_result) -> Entry:
    return Entry(
        name,
        _what(found.st_mode),
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


Listed = tuple[bytes, os.stat_result]
"""A name, and what lstat says of it."""


class Ground:
    """A watched folder on the disk; for one thread. Every step below it is opened from the one above, and no
    link is followed, so that nobody who swaps a folder for a link leads out of it."""

    def __init__(self, root: bytes) -> None:
        """Raises OSError."""
        self.root = root
        self._fd = os.open(root, _OPEN)
        self._parent: tuple[bytes, int] | None = None
        """The directory that was last stepped through: its entries are opened one after the other."""

    def close(self) -> None:
        self._leave()
        os.close(self._fd)

    @property
    def device(self) -> int:
        return os.fstat(self._fd).st_dev

    def listing(self, folder: bytes) -> list[Listed]:
        """All entries of a directory; what vanishes meanwhile is left out. Raises OSError."""
        found = []
        descriptor = self._open(folder)
        try:
            with os.scandir(descriptor) as entries:
                for one in entries:
                    try:
                        looked = one.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    # os.fsencode, but for its questions: this line runs for every file.
                    found.append((one.name.encode("utf-8", "surrogateescape"), looked))
        finally:
            os.close(descriptor)
        return found

    def entries(self, folder: bytes) -> list[Entry]:
        """The same as entries. Raises OSError."""
        return [entry_of(name, looked) for name, looked in self.listing(folder)]

    @contextmanager
    def opened(self, folder: bytes) -> Iterator[int]:
        """A descriptor of the directory `folder`, "" being the root. Raises OSError."""
        descriptor = self._open(folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, folder: bytes) -> int:
        if not folder:
            return os.open(b".", _OPEN, dir_fd=self._fd)
        above, name = parted(folder)
        return os.open(name, _OPEN | _NO_FOLLOW, dir_fd=self._through(above))

    def _through(self, folder: bytes) -> int:
        if self._parent is not None and self._parent[0] == folder:
            return self._parent[1]
        self._leave()
        descriptor = os.open(b".", _OPEN, dir_fd=self._fd)
        for name in folder.split(b"/") if folder else ():
            try:
                below = os.open(name, _OPEN | _NO_FOLLOW, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = below
        self._parent = folder, descriptor
        return descriptor

    def _leave(self) -> None:
        if self._parent is not None:
            os.close(self._parent[1])
            self._parent = None

    def look(self, folder: bytes, name: bytes) -> Entry | None:
        """What stands there now; None: nothing. Raises OSError, but not for a folder that is gone."""
        found = self.stat(joined(folder, name))
        return None if found is None else entry_of(name, found)

    def stat(self, path: bytes) -> os.stat_result | None:
        """lstat of what stands there; None: nothing. Raises OSError as `look` does."""
        folder, name = parted(path)
        try:
            with self.opened(folder) as descriptor:
                return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_small(self, folder: bytes, name: bytes) -> str | None:
        """A small text file; None where there is none, or none that can be read."""
        try:
            with self.opened(folder) as descriptor:
                flags = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0)
                fd = os.open(name, flags, dir_fd=descriptor)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    return None
                return os.read(fd, _MOST_IGNORE_BYTES).decode("utf-8", "replace")
            finally:
                os.close(fd)
        except OSError:
            return None


def joined(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def parted(path: bytes) -> tuple[bytes, bytes]:
    """Directory and name."""
    folder, _, name = path.rpartition(b"/")
    return folder, name
