"""Why an entry of a watched folder is left out. By itself, as many read it who match nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What to show someone who asks why an entry is left out."""

    source: str
    """"default", "settings", "only", or the path of the .howdahignore, relative to the watched folder."""
    line: int
    """From 1 on; 0 where there are no lines ("default", "only")."""
    pattern: str
    """As written."""
