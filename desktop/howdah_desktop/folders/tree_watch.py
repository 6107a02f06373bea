"""The watches of a tree of directories, and what their events mean for it.

inotify(7) knows no trees: each directory has a watch of its own, which knows neither its path nor that a
directory above it was renamed. So the watches form a tree here: a rename moves one node, and paths are put
together when they are needed. Directories that appear are taken up a few at a time between two looks at the
queue, so that a big tree that arrives does not make the queue overflow.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from watchdog.observers.inotify_c import InotifyConstants as Flag

from howdah_desktop.folders.default_rules import PROBE_PREFIX
from howdah_desktop.folders.inotify import DIRECTORY, ROOT, Event, Inotify
from howdah_desktop.folders.source import Lost

LIMBO_SECONDS = 1.0
"""So long may a directory that was moved away take to come out elsewhere in the tree. The kernel tells both
at once; only a full read buffer parts them."""
_PROBE = os.fsencode(PROBE_PREFIX)
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}  # by now, or a link stands there
_UNREADABLE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}  # whoever lists says so


class Node:
    """A watched directory."""

    __slots__ = ("children", "name", "parent", "wd")

    def __init__(self, wd: int, name: bytes, parent: Node | None) -> None:
        self.wd = wd
        self.name = name
        self.parent = parent
        self.children: dict[bytes, Node] | None = None


class TreeWatch:
    """For one thread. What it finds goes to `dirty` and `grown` (directories) and `closed` (a file; nothing
    else tells of its directory), relative to the root, with slashes, "" for the root itself."""

    def __init__(
        self,
        root: bytes,
        inotify: Inotify,
        dirty: Callable[[bytes], None],
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
        *,
        left_out: bytes | None = None,
    ) -> None:
        """Watches the root alone; `take_up` does the rest. `left_out`: a directory that is not watched,
        relative to the root. Raises OSError: what `Inotify.watch` raises, or there is no such directory."""
        self._path = root.rstrip(b"/") or b"/"
        self._inotify = inotify
        self._dirty = dirty
        self._grown = grown
        self._closed = closed
        self._left_out = left_out
        self._root = Node(inotify.watch(self._path, ROOT), b"", None)
        self._nodes = {self._root.wd: self._root}
        self._limbo: dict[int, tuple[Node, float]] = {}
        """By cookie; of one whose place another has taken, by its wd below zero."""
        self._now = 0.0
        self._to_take_up: list[tuple[Node, bytes]] = []
        self.tells_new = False
        """Whether a directory that is taken up is dirty: not at the start, when everything is compared."""

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def in_limbo(self) -> bool:
        return bool(self._limbo)

    # ---- taking up

    def begin(self) -> None:
        self._list(self._root, b"")

    def take_up(self, count: int) -> bool:
        """Watch up to `count` more directories; whether there are still some left.

        Raises OSError: ENOSPC.
        """
        for _ in range(count):
            if not self._to_take_up:
                return False
            self._take_up(*self._to_take_up.pop())
        return bool(self._to_take_up)

    def _take_up(self, parent: Node, name: bytes) -> None:
        above = self._path_of(parent)
        if above is None:
            return  # moved out of the tree by now
        path = _join(above, name)
        if path == self._left_out:
            return
        try:
            wd = self._inotify.watch(self._full(path), DIRECTORY)
        except OSError as error:
            if error.errno in _GONE | _UNREADABLE:
                return
            raise
        node = self._nodes.get(wd)
        if node is None:
            node = self._nodes[wd] = Node(wd, name, None)
            if self.tells_new:
                self._dirty(path)
        elif _holds(node, parent):
            return  # a folder that is mounted inside itself
        self._attach(node, parent, name)
        # After the watch: what came before is listed, what comes after is told.
        self._list(node, path)

    def _list(self, node: Node, path: bytes) -> None:
        try:
            with os.scandir(self._full(path)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        self._to_take_up.append((node, entry.name))
        except OSError:
            return  # gone or unreadable: whoever lists it says so

    # ---- events

    def handle(self, events: list[Event], now: float) -> None:
        """`now`: monotonic. Raises Lost."""
        self._now = now
        for event in events:
            self._handle(event, now)
        if self._limbo:
            self.clear_limbo(now)

    def _handle(self, event: Event, now: float) -> None:
        if event.mask & Flag.IN_Q_OVERFLOW:
            raise Lost("more changed at once than the system could tell", is_there=True)
        node = self._nodes.get(event.wd)
        if node is None:
            return
        if event.mask & Flag.IN_UNMOUNT:
            raise Lost("a disk was unmounted")
        if node is self._root and event.mask & (
            Flag.IN_DELETE_SELF | Flag.IN_MOVE_SELF | Flag.IN_IGNORED
        ):
            raise Lost("the folder was moved or deleted")
        if event.mask & Flag.IN_IGNORED:
            self._forget(node)
            return
        if event.name.startswith(_PROBE):
            return  # ours, and gone again
        folder = self._path_of(node)
        if folder is not None:
            self._tell(event, node, folder, now)
        elif event.mask & Flag.IN_ISDIR and event.name:
            # No longer in the tree; but what moves out of it and into it must not be thought to be there.
            self._of_move(event, node, now)

    def _tell(self, event: Event, node: Node, folder: bytes, now: float) -> None:
        if event.mask & Flag.IN_MODIFY:
            self._grown(folder)
        elif event.mask & Flag.IN_CLOSE_WRITE:
            self._closed(_join(folder, event.name))
        else:
            self._dirty(folder)
            if event.mask & Flag.IN_ISDIR and event.name:
                self._of_directory(event, node, now)

    def _of_move(self, event: Event, node: Node, now: float) -> bool:
        """Whether what is known of it was brought to its new place, or is on the way there."""
        if event.mask & Flag.IN_MOVED_FROM:
            child = (node.children or {}).pop(event.name, None)
            if child is not None:
                child.parent = None
                self._limbo[event.cookie] = child, now
            return True
        if event.mask & Flag.IN_MOVED_TO and event.cookie in self._limbo:
            child, _ = self._limbo.pop(event.cookie)
            self._attach(child, node, event.name)
            return True
        return False

    def _of_directory(self, event: Event, node: Node, now: float) -> None:
        if self._of_move(event, node, now):
            if event.mask & Flag.IN_MOVED_FROM:
                return
            self._dirty(_join(self._path_of(node) or b"", event.name))
            # Also what is known is gone through: taking it up may have been under way at its old place.
            self._to_take_up.append((node, event.name))
        elif event.mask & (Flag.IN_CREATE | Flag.IN_MOVED_TO):
            self._to_take_up.append((node, event.name))
        elif event.mask & Flag.IN_ATTRIB and event.name not in (node.children or {}):
            self._to_take_up.append((node, event.name))  # it may have become readable

    def clear_limbo(self, now: float) -> None:
        """Let go of what was moved out of the tree."""
        for cookie, (node, since) in list(self._limbo.items()):
            if now - since >= LIMBO_SECONDS:
                del self._limbo[cookie]
                if node.parent is None:  # else it came back by another rename
                    self._let_go(node)

    def _let_go(self, node: Node) -> None:
        left = [node]
        while left:
            node = left.pop()
            left += (node.children or {}).values()
            self._inotify.unwatch(node.wd)
            self._nodes.pop(node.wd, None)

    # ---- the tree of nodes

    def _attach(self, node: Node, parent: Node, name: bytes) -> None:
        self._detach(node)
        node.parent, node.name = parent, name
        if parent.children is None:
            parent.children = {}
        before = parent.children.get(name)
        if before is not None:
            # It went elsewhere, which is told later: taking up runs ahead of what is told. Out of the tree,
            # nobody would ever tell of it.
            before.parent = None
            self._limbo[-before.wd] = before, self._now
        parent.children[name] = node

    def _detach(self, node: Node) -> None:
        siblings = node.parent.children if node.parent is not None else None
        # Another may stand under its name by now: a rename over an empty directory is told before that
        # one's end.
        if siblings is not None and siblings.get(node.name) is node:
            del siblings[node.name]
        node.parent = None

    def _forget(self, node: Node) -> None:
        del self._nodes[node.wd]
        self._detach(node)
        for child in (node.children or {}).values():
            # A directory that is gone was empty: whatever is known in it is gone as well, or elsewhere.
            child.parent = None
            self._limbo[-child.wd] = child, self._now

    def _path_of(self, node: Node) -> bytes | None:
        """None for what was moved out of the tree."""
        steps = []
        while node.parent is not None:
            steps.append(node.name)
            node = node.parent
        return b"/".join(reversed(steps)) if node is self._root else None

    def _full(self, path: bytes) -> bytes:
        return os.path.join(self._path, path) if path else self._path


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _holds(node: Node, inner: Node | None) -> bool:
    while inner is not None:
        if inner is node:
            return True
        inner = inner.parent
    return False
