"""Where hints come from: what every system's way of telling changes has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from howdah_desktop.folders.limits import Limit


class Lost(Exception):
    """What is watched is no longer the tree, or events were lost: watch anew, and compare everything."""

    def __init__(self, reason: str, *, is_there: bool = False) -> None:
        """`is_there`: whether the tree is where it was, so that a new watch of it soon says more."""
        super().__init__(reason)
        self.is_there = is_there


class NoEvents(Exception):
    """Changes are not told here. `why` is a sentence with {every} in it, for how often it is looked at."""

    def __init__(self, why: str, limit: Limit | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.limit = limit
        """Where this is the reason: once it is higher, watching is worth a try."""


class Source(Protocol):
    """One watch of one tree. Paths are relative to its root, with slashes, "" for the root itself."""

    @property
    def watched(self) -> int:
        """Directories."""

    def follow(
        self,
        started: Callable[[], None],
        dirty: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        """Call these in this thread until `stop`: `started` once, when all of the tree is watched.

        Raises Lost, NoEvents, and whatever the three raise.
        """

    def stop(self) -> None:
        """End `follow`, soon, or as soon as it begins. Any thread."""
