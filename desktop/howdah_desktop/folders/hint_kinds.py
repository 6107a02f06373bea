"""What a watcher says. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dirty:
    """List this directory again."""

    folder: bytes
    """Relative to the watched folder, with slashes; "" for the watched folder itself."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A file in this directory is being written to, and nothing else was heard of it: list it again once that
    rests."""

    folder: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """A file was closed by someone who had it open for writing: list its directory again; it may settle
    sooner."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Hints were lost, or may have been: compare everything."""

    reason: str


Hint = Dirty | Grown | Closed | Doubtful
