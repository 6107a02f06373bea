"""Has this computer slept, or its clock been set? Pure: both clocks come in.

While a computer sleeps, its monotonic clock stands still (CLOCK_MONOTONIC of clock_gettime(2)), and the time
of day goes on; a program that was stopped finds both ahead. Whatever it was, connections may be dead and
hints may be lost.
"""

from __future__ import annotations

JUMP_SECONDS = 20.0
"""The time of day is set by less than this now and then, and nothing follows."""


class Wakes:
    """Asked again and again, at least every `longest_seconds`."""

    def __init__(self, longest_seconds: float, monotonic: float, wall: float) -> None:
        self._longest = longest_seconds
        self._monotonic = monotonic
        self._wall = wall

    def woke(self, monotonic: float, wall: float) -> bool:
        """Whether something happened to time since it was last asked. Seconds."""
        passed, day = monotonic - self._monotonic, wall - self._wall
        self._monotonic, self._wall = monotonic, wall
        return abs(day - passed) > JUMP_SECONDS or passed > self._longest + JUMP_SECONDS
