"""What a watcher says. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dirty:
    """List this directory again."""

    folder: bytes
    """Relative to the watched folder, with slashes; "" for the watched folder itself."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A file was closed by someone who had it open for writing: it may settle sooner."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Hints were lost, or may have been: compare everything."""

    reason: str


Hint = Dirty | Closed | Doubtful
