"""Which folders to list again, and when: not while they still change, but not too late either. Pure.

A folder is due when nothing new was heard of it for half a second, and longer, up to one and a half, the
longer it has been changing; and after a minute at the latest, however busy it is. Folders wait for themselves
alone: one with a log that never rests holds up no other. And in one folder, what is only being written to
waits for itself: a log that grows, or a download, holds up none of its neighbours. Times are monotonic, in
seconds, and arguments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from howdah_desktop.folders.hint_kinds import Doubtful

QUIET_SECONDS = 0.5
LONGEST_QUIET_SECONDS = 1.5
LATEST_SECONDS = 60.0
MOST_BELOW = 128
"""Of so many folders directly in one each is listed for itself; if it are more, that one is gone through with
all that is in it: one listing after the other with a look at what is known costs more then."""
MOST = 512
"""If more wait, everything is compared."""
_GROWTH = 0.5


@dataclass(frozen=True, slots=True)
class Due:
    """List this folder now."""

    folder: bytes
    """Relative to the watched folder; "" for the watched folder itself."""
    recursive: bool
    """With all that is in it."""


_Span = tuple[float, float]
"""When something was heard first, and last."""


class _Wait:
    __slots__ = ("changed", "grown", "recursive")

    def __init__(self, changed: _Span | None, grown: _Span | None, recursive: bool) -> None:
        """One of the two at least."""
        self.changed = changed
        self.grown = grown
        self.recursive = recursive

    @property
    def due_at(self) -> float:
        return min(_due(span) for span in (self.changed, self.grown) if span is not None)

    @property
    def last(self) -> float:
        return max(span[1] for span in (self.changed, self.grown) if span is not None)

    def take_in(self, other: _Wait) -> None:
        self.changed = _both(self.changed, other.changed)
        self.grown = _both(self.grown, other.grown)


def _due(span: _Span) -> float:
    first, last = span
    quiet = QUIET_SECONDS + _GROWTH * (last - first)
    return min(last + min(quiet, LONGEST_QUIET_SECONDS), first + LATEST_SECONDS)


def _both(one: _Span | None, other: _Span | None) -> _Span | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


class Quiet:
    """The folders that wait, at most `MOST`."""

    def __init__(self) -> None:
        self._waits: dict[bytes, _Wait] = {}
        self._below: Counter[bytes] = Counter()  # how many wait directly in a folder
        self._everything: tuple[_Wait, str] | None = None  # then nothing else waits

    def __len__(self) -> int:
        return len(self._waits) + (self._everything is not None)

    def dirty(self, folder: bytes, now: float, *, recursive: bool = False) -> None:
        """Something in `folder` may have changed; `recursive`: or anywhere below it."""
        self._hear(folder, _Wait((now, now), None, recursive))

    def grown(self, folder: bytes, now: float) -> None:
        """A file in `folder` is being written to."""
        self._hear(folder, _Wait(None, (now, now), False))

    def _hear(self, folder: bytes, wait: _Wait) -> None:
        if self._everything is not None:
            self._everything[0].take_in(wait)
        elif (holder := self._holder(folder)) is not None:
            holder.take_in(wait)
        else:
            self._add(folder, wait)

    def doubtful(self, reason: str, now: float) -> None:
        """Anything may have changed."""
        wait = _Wait((now, now), None, True)
        for other in self._waits.values():
            wait.take_in(other)
        if self._everything is not None:
            wait.take_in(self._everything[0])
            reason = self._everything[1]
        self._waits.clear()
        self._below.clear()
        self._everything = wait, reason

    def next_due(self) -> float | None:
        """When to ask `due`; None if nothing waits. What is heard after this is due `QUIET_SECONDS` later at
        the earliest, so that nobody needs to ask with every hint."""
        if self._everything is not None:
            return self._everything[0].due_at
        return min((wait.due_at for wait in self._waits.values()), default=None)

    def due(self, now: float) -> list[Due | Doubtful]:
        """What is to be done now. It no longer waits then."""
        if self._everything is not None:
            wait, reason = self._everything
            if wait.due_at > now:
                return []
            self._everything = None
            return [Doubtful(reason)]
        found = [folder for folder, wait in self._waits.items() if wait.due_at <= now]
        return [Due(folder, self._remove(folder).recursive) for folder in found]

    # ---- what waits

    def _holder(self, folder: bytes) -> _Wait | None:
        """The wait of a folder above that takes in everything in it."""
        while folder:
            folder = _parent(folder)
            wait = self._waits.get(folder)
            if wait is not None and wait.recursive:
                return wait
        return None

    def _add(self, folder: bytes, wait: _Wait) -> None:
        known = self._waits.get(folder)
        if known is None:
            self._waits[folder] = wait
            if folder:
                self._below[_parent(folder)] += 1
        else:
            known.take_in(wait)
            wait.recursive |= known.recursive
        if wait.recursive:
            self._swallow(folder)
        if folder and self._below[_parent(folder)] > MOST_BELOW:
            self._add(_parent(folder), _Wait(wait.changed, wait.grown, True))
        if len(self._waits) > MOST:
            self.doubtful(f"more than {MOST} folders changed at once", wait.last)

    def _swallow(self, folder: bytes) -> None:
        """Make the wait of `folder` that of all below it too."""
        holder = self._waits[folder]
        holder.recursive = True
        beginning = folder + b"/" if folder else b""
        for other in [
            name for name in self._waits if name.startswith(beginning) and name != folder
        ]:
            holder.take_in(self._remove(other))

    def _remove(self, folder: bytes) -> _Wait:
        if folder:
            parent = _parent(folder)
            self._below[parent] -= 1
            if not self._below[parent]:
                del self._below[parent]
        return self._waits.pop(folder)


def _parent(folder: bytes) -> bytes:
    return folder.rpartition(b"/")[0]
