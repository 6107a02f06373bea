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


class Ground:
    """A watched folder on the disk. Every step below it is opened from the one above, and no link is
    followed, so that nobody who swaps a folder for a link leads out of it."""

    def __init__(self, root: bytes) -> None:
        """Raises OSError."""
        self.root = root
        self._fd = os.open(root, _OPEN)

    def close(self) -> None:
        os.close(self._fd)

    @property
    def device(self) -> int:
        return os.fstat(self._fd).st_dev

    @contextmanager
    def opened(self, folder: bytes) -> Iterator[int]:
        """A descriptor of the directory `folder`, "" being the root. Raises OSError."""
        if not folder:
            descriptor = os.open(self.root, _OPEN)
        else:
            descriptor = os.open(b".", _OPEN, dir_fd=self._fd)
            for name in folder.split(b"/"):
                try:
                    below = os.open(name, _OPEN | _NO_FOLLOW, dir_fd=descriptor)
                finally:
                    os.close(descriptor)
                descriptor = below
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def entries(self, folder: bytes) -> list[Entry]:
        """All entries of a directory; what vanishes meanwhile is left out. Raises OSError."""
        found = []
        with self.opened(folder) as descriptor, os.scandir(descriptor) as listing:
            for one in listing:
                try:
                    looked = one.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                found.append(entry_of(os.fsencode(one.name), looked))
        return found

    def look(self, folder: bytes, name: bytes) -> Entry | None:
        """What stands there now; None: nothing. Raises OSError, but not for a folder that is gone."""
        try:
            with self.opened(folder) as descriptor:
                return entry_of(name, os.stat(name, dir_fd=descriptor, follow_symlinks=False))
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
