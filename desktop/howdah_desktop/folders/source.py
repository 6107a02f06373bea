"""Where hints come from: what every system's way of telling changes has in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from howdah_desktop.folders.limits import Limit, limit_met

LOOK_SECONDS = 30.0
"""How often it is checked that the path still leads to what is watched. Nothing tells when a directory above
it is renamed, or a disk is mounted over it."""
SILENT = "This place reports no changes (a network drive?), so it is looked at every {every}."


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
        grown: Callable[[bytes], None],
        closed: Callable[[bytes], None],
    ) -> None:
        """Call these in this thread until `stop`: `started` once, when all of the tree is watched; the others
        with what Dirty, Grown and Closed hold.

        Raises Lost, NoEvents, and whatever the four raise.
        """

    def stop(self) -> None:
        """End `follow`, soon, or as soon as it begins. Any thread."""


def identity_of(root: bytes) -> tuple[int, int]:
    """By which a folder is known to be the same. Raises what `trouble` makes of it."""
    try:
        found = os.stat(root)
    except OSError as error:
        raise trouble(error) from error
    return found.st_dev, found.st_ino


def trouble(error: OSError) -> Exception:
    """What an error of the operating system about a watch means."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Lost("the folder is not there")
    limit = limit_met(error)
    if limit is not None:
        return NoEvents(limit.sentence("{every}"), limit)
    return Lost(f"the folder cannot be watched ({error.strerror})")
