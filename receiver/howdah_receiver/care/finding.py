"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` beside a good one is advice: nothing is wrong yet."""

    good: bool
    sentence: str
    remedy: str = ""
