"""A clock that only a simulation moves, in the place of `time` in every module of the engine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

BEGAN = 1_800_000_000.0
"""Seconds since 1970, at the begin of a simulation."""
_PARTS = ("howdah_desktop.engine", "howdah_desktop.folders")


class SimClock:
    """Stands in for the module `time`; its two clocks go alike. Seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.on_sleep: Callable[[float], None] = self.advance

    def begin(self) -> None:
        """Of another simulation."""
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    # -- what modules ask of `time`

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return BEGAN + self.now

    def time_ns(self) -> int:
        return int((BEGAN + self.now) * 1e9)

    def sleep(self, seconds: float) -> None:
        self.on_sleep(seconds)


def install(monkeypatch: pytest.MonkeyPatch) -> SimClock:
    """In every module of the engine that has `time`."""
    clock = SimClock()
    for name, module in list(sys.modules.items()):
        if name.startswith(_PARTS) and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    return clock
