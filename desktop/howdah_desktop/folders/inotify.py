"""The kernel's queue of changes, and the watches that fill it. Linux alone.

By watchdog's bindings of the C library, below its observers and its reader: these tell no application that
events were lost (watchdog 6) or only once for each watch (7), read on in the middle of a directory that is
being taken up, keep 0.6 KB for each watch and call back for each event, where what counts is whole batches.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from typing import NamedTuple

from watchdog.observers.inotify_c import InotifyConstants as Flag
from watchdog.observers.inotify_c import (
    Mask,
    WatchDescriptor,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
)

_HEAD = struct.Struct("iIII")  # wd, mask, cookie, length of the name (inotify(7))
_READ_BYTES = 64 * 1024  # some 2,000 events; a batch is never larger

DIRECTORY = Mask(
    Flag.IN_ATTRIB
    | Flag.IN_CLOSE_WRITE
    | Flag.IN_CREATE
    | Flag.IN_DELETE
    | Flag.IN_MODIFY
    | Flag.IN_MOVED_FROM
    | Flag.IN_MOVED_TO
    | Flag.IN_EXCL_UNLINK
    | Flag.IN_ONLYDIR
    | Flag.IN_DONT_FOLLOW
)
"""What is wanted of each directory."""
ROOT = Mask((DIRECTORY | Flag.IN_DELETE_SELF | Flag.IN_MOVE_SELF) & ~Flag.IN_DONT_FOLLOW)
"""Of the watched folder itself. That one may be a link: its user named it."""


class Event(NamedTuple):
    wd: int
    """-1 where the queue itself speaks."""
    mask: int
    cookie: int
    name: bytes
    """Empty where it is about the watched directory itself."""


class Inotify:
    """For one thread, but for `wake`."""

    def __init__(self) -> None:
        """Raises OSError: EMFILE where there are as many queues as the user may have."""
        self._queue = inotify_init()
        if self._queue < 0:
            raise _error("inotify_init")
        os.set_inheritable(self._queue, False)
        os.set_blocking(self._queue, False)
        try:
            self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError:
            os.close(self._queue)
            raise
        self._poll = select.poll()
        self._poll.register(self._queue, select.POLLIN)
        self._poll.register(self._waker, select.POLLIN)

    def watch(self, path: bytes, mask: int) -> int:
        """The watch of what stands at `path`: the same number for the same directory, however it is reached.

        Raises OSError: ENOSPC where there are as many watches as the user may have.
        """
        wd = inotify_add_watch(self._queue, path, mask)
        if wd < 0:
            raise _error(os.fsdecode(path))
        return wd

    def unwatch(self, wd: int) -> None:
        """It is no error if it is gone by itself."""
        inotify_rm_watch(self._queue, WatchDescriptor(wd))

    def read(self, seconds: float | None) -> list[Event]:
        """What happened since, waiting for it at most so long; nothing when woken."""
        if not self._poll.poll(None if seconds is None else seconds * 1000):
            return []
        try:
            return list(parse(self._read()))
        except BlockingIOError:  # woken
            return []

    def _read(self) -> bytes:
        return os.read(self._queue, _READ_BYTES)

    def wake(self) -> None:
        """Ends a `read` that waits, and every one from now on. Any thread, until `close`."""
        os.eventfd_write(self._waker, 1)

    def close(self) -> None:
        """The kernel lets go of all watches by itself."""
        os.close(self._queue)
        os.close(self._waker)


def parse(read: bytes) -> list[Event]:
    events = []
    at = 0
    while at < len(read):
        wd, mask, cookie, length = _HEAD.unpack_from(read, at)
        at += _HEAD.size
        events.append(Event(wd, mask, cookie, read[at : at + length].rstrip(b"\0")))
        at += length
    return events


def _error(what: str) -> OSError:
    number = ctypes.get_errno() or errno.EIO
    return OSError(number, os.strerror(number), what)
