"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The values stand in `--json`."""

    OK = "ok"
    WARNING = "warning"
    """It works, but somebody should know."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    about: str
    """A word or two: "ledger", "receiver"."""
    level: Level
    sentence: str
    remedy: str = ""


def ok(about: str, sentence: str) -> Finding:
    return Finding(about, Level.OK, sentence)


def warning(about: str, sentence: str, remedy: str = "") -> Finding:
    return Finding(about, Level.WARNING, sentence, remedy)


def problem(about: str, sentence: str, remedy: str) -> Finding:
    return Finding(about, Level.PROBLEM, sentence, remedy)
