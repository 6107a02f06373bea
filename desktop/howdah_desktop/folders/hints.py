"""Stand-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    STARTING = "starting"
    EVENTS = "events"
    POLLING = "polling"


@dataclass(frozen=True)
class Dirty:
    folder: bytes


@dataclass(frozen=True)
class Closed:
    path: bytes


@dataclass(frozen=True)
class Doubtful:
    reason: str


Hint = Dirty | Closed | Doubtful


class Hints:
    def __init__(
        self, root: bytes, heard: Callable[[Hint], None], *, own_folder: bytes = b""
    ) -> None:
        self.mode = Mode.STARTING
        self.why = ""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def took(self, seconds: float) -> None: ...
