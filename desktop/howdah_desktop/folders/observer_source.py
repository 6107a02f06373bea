"""Hints as systems other than Linux tell them: by watchdog's observers.

These tell of no events that the system lost (ReadDirectoryChangesW whose buffer overflowed, FSEvents that ask
for a rescan): there the full comparison now and then is what finds them.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from howdah_desktop.folders import source
from howdah_desktop.folders.default_rules import PROBE_PREFIX
from howdah_desktop.folders.probe import probing
from howdah_desktop.folders.source import SILENT, Lost, NoEvents, identity_of, trouble

GATHER_SECONDS = 0.05
"""What comes within it is told once."""
MOST_GATHERED = 10_000
_PROBE = os.fsencode(PROBE_PREFIX)
_LOOKING = {EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE}


class _Found:
    """What a few events came to: each thing once, in order."""

    def __init__(self) -> None:
        self.dirty: dict[bytes, None] = {}
        self.grown: dict[bytes, None] = {}
        self.closed: dict[bytes, None] = {}

    def add(self, event: FileSystemEvent, path: bytes) -> None:
        """`path`: relative to the root."""
        above = path.rpartition(b"/")[0]
        if event.event_type == EVENT_TYPE_CLOSED:
            self.closed[path] = None
        elif event.event_type == EVENT_TYPE_MODIFIED and not event.is_directory:
            self.grown[above] = None
        else:
            self.dirty[above] = None
            if event.is_directory and event.event_type != "deleted":
                self.dirty[path] = None


class ObserverSource(FileSystemEventHandler):
    """A Source of the threads that watchdog brings."""

    def __init__(self, root: bytes, left_out: bytes | None, probe_seconds: float) -> None:
        """`root`: absolute. `left_out`: a directory of which nothing is told, relative to it."""
        self._root = root
        self._left_out = left_out
        self._probe_seconds = probe_seconds
        self._told: queue.SimpleQueue[FileSystemEvent | None] = queue.SimpleQueue()
        self._is_stopped = False
        self.watched = 0
        """Not known here, but for the root."""

    def stop(self) -> None:
        self._is_stopped = True
        self._told.put(None)

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _LOOKING:
            self._told.put(event)

    def follow(
        self,
        started: Callable[[], None],
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        identity = identity_of(self._root)
        observer = Observer()
        try:
            try:
                observer.schedule(self, os.fsdecode(self._root), recursive=True)
                observer.start()
            except OSError as error:
                raise trouble(error) from error
            self._look_whether_changes_are_told()
            self.watched = 1
            if not self._is_stopped:
                started()
            self._go_on(observer, identity, dirty, grown, closed)
        finally:
            if observer.is_alive():
                observer.stop()
                observer.join()

    def _look_whether_changes_are_told(self) -> None:
        with probing(self._root) as probe:
            until = time.monotonic() + self._probe_seconds
            while probe is not None and not self._is_stopped:
                left = until - time.monotonic()
                if left <= 0:
                    raise NoEvents(SILENT)
                if any(
                    path.endswith(probe) for event in self._gather(left) for path in _paths(event)
                ):
                    return

    def _go_on(
        self,
        observer: BaseObserver,
        identity: tuple[int, int],
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        while not self._is_stopped:
            found = _Found()
            for event in self._gather(source.LOOK_SECONDS):
                for path in filter(None, map(self._inside, _paths(event))):
                    found.add(event, path)
            for folder in found.dirty:
                dirty(folder)
            for folder in found.grown.keys() - found.dirty.keys():
                grown(folder)
            for path in found.closed:
                closed(path)
            if identity_of(self._root) != identity:
                raise Lost("something else stands where the folder was")
            if not (observer.is_alive() and all(e.is_alive() for e in observer.emitters)):
                raise Lost("the system stopped telling changes")

    def _gather(self, seconds: float) -> list[FileSystemEvent]:
        """What is told within `seconds`, and then within a moment."""
        found: list[FileSystemEvent] = []
        try:
            while len(found) < MOST_GATHERED and not self._is_stopped:
                event = self._told.get(timeout=GATHER_SECONDS if found else seconds)
                if event is not None:
                    found.append(event)
        except queue.Empty:
            pass
        return found

    def _inside(self, path: bytes) -> bytes | None:
        """Relative to the root; None for what is not to be told."""
        path = os.path.relpath(path, self._root)
        if os.sep != "/":
            path = path.replace(os.fsencode(os.sep), b"/")
        if path == b"." or path.startswith((b"../", _PROBE)):
            return None
        if self._left_out is not None and (path + b"/").startswith(self._left_out + b"/"):
            return None
        return path


def _paths(event: FileSystemEvent) -> list[bytes]:
    return [os.fsencode(path) for path in (event.src_path, event.dest_path) if path]
