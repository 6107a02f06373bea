"""What a survey of a watched folder is told to do, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from howdah_common.problems import ProblemError
from howdah_desktop.folders.found import Task


@dataclass(frozen=True, slots=True)
class Order:
    """What a survey is to do."""

    tasks: Sequence[Task] = ()
    gone: Sequence[bytes] = ()
    """What was not there a moment ago: if it still is not, that counts as a deletion."""
    yes: bool = False
    """However much was deleted."""
    there: bool = False
    """Look whether what was agreed on is still there."""


@dataclass(slots=True)
class Report:
    """What a survey came to."""

    directories: int = 0
    files: int = 0
    """Entries that were looked at."""
    seconds: float = 0.0
    postponed: list[Task] = field(default_factory=list)
    gone_postponed: list[bytes] = field(default_factory=list)
    held_up: ProblemError | None = None
    unavailable: str = ""
    """A sentence; empty: the folder is there."""
    there_postponed: bool = False
    asks: int = 0
    """So many files were deleted that somebody has to say yes."""
    device: int | None = None
    rules: str = ""
