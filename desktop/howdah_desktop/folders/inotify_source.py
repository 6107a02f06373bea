"""Hints as Linux tells them: probe, watch the tree, read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from howdah_desktop.folders import source
from howdah_desktop.folders.inotify import Event, Inotify
from howdah_desktop.folders.probe import probing
from howdah_desktop.folders.source import SILENT, Lost, NoEvents, identity_of, trouble
from howdah_desktop.folders.tree_watch import LIMBO_SECONDS, TreeWatch

GATHER_SECONDS = 0.05
"""Between two looks at the queue: what is written a thousand times a second is one hint then, and the kernel
merges what repeats. Its queue holds 16,384 events by default."""
_AT_ONCE = 256
"""Directories taken up between two looks at the queue."""


class _Stopped(Exception):
    pass


class InotifySource:
    """A Source of one thread."""

    def __init__(self, root: bytes, left_out: bytes | None, probe_seconds: float) -> None:
        """`root`: absolute. `left_out`: a directory that is not watched, relative to it."""
        self._root = root
        self._left_out = left_out
        self._probe_seconds = probe_seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards _inotify, so that a stop never wakes a closed one
        self._inotify: Inotify | None = None
        # What one look at the queue found, each thing once, in order.
        self._dirty: dict[bytes, None] = {}
        self._grown: dict[bytes, None] = {}
        self._closed: dict[bytes, None] = {}
        self.watched = 0

    def stop(self) -> None:
        self._stop.set()
        with self._lock:
            if self._inotify is not None:
                self._inotify.wake()

    def follow(
        self,
        started: Callable[[], None],
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        identity = identity_of(self._root)
        inotify = self._open()
        try:
            tree = self._set_up(inotify)
            started()
            self._go_on(inotify, tree, identity, dirty, grown, closed)
        except _Stopped:
            pass
        finally:
            with self._lock:
                self._inotify = None
            inotify.close()

    def _open(self) -> Inotify:
        try:
            inotify = Inotify()
        except OSError as error:
            raise trouble(error) from error
        with self._lock:
            self._inotify = inotify
            if self._stop.is_set():  # its wake came too early
                inotify.wake()
        return inotify

    def _set_up(self, inotify: Inotify) -> TreeWatch:
        try:
            tree = TreeWatch(
                self._root,
                inotify,
                self._dirty.setdefault,
                self._grown.setdefault,
                self._closed.setdefault,
                left_out=self._left_out,
            )
            self._look_whether_changes_are_told(inotify, tree)
            tree.begin()
            while tree.take_up(_AT_ONCE):
                self._read(inotify, tree, 0)
                self._forget()
        except OSError as error:
            raise trouble(error) from error
        self.watched = len(tree)
        self._forget()
        tree.tells_new = True
        return tree

    def _look_whether_changes_are_told(self, inotify: Inotify, tree: TreeWatch) -> None:
        with probing(self._root) as probe:
            until = time.monotonic() + self._probe_seconds
            while probe is not None:
                left = until - time.monotonic()
                if left <= 0:
                    raise NoEvents(SILENT)
                if any(event.name == probe for event in self._read(inotify, tree, left)):
                    return

    def _go_on(
        self,
        inotify: Inotify,
        tree: TreeWatch,
        identity: tuple[int, int],
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        is_left = False
        looked = time.monotonic()
        while True:
            events = self._read(inotify, tree, _seconds(is_left, tree.in_limbo))
            try:
                is_left = tree.take_up(_AT_ONCE)
            except OSError as error:
                raise trouble(error) from error
            self.watched = len(tree)
            self._tell(dirty, grown, closed)
            if events and not is_left:
                self._stop.wait(GATHER_SECONDS)
            if time.monotonic() - looked >= source.LOOK_SECONDS:
                looked = time.monotonic()
                if identity_of(self._root) != identity:
                    raise Lost("something else stands where the folder was")

    def _tell(
        self,
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        for folder in self._dirty:
            dirty(folder)
        for folder in self._grown.keys() - self._dirty.keys():
            grown(folder)
        for path in self._closed:
            closed(path)
        self._forget()

    def _forget(self) -> None:
        self._dirty.clear()
        self._grown.clear()
        self._closed.clear()

    def _read(self, inotify: Inotify, tree: TreeWatch, seconds: float) -> list[Event]:
        events = inotify.read(seconds)
        if self._stop.is_set():
            raise _Stopped
        tree.handle(events, time.monotonic())
        return events


def _seconds(is_left: bool, in_limbo: bool) -> float:
    """How long to wait for events."""
    if is_left:
        return 0
    return LIMBO_SECONDS if in_limbo else source.LOOK_SECONDS
