"""Speed and time left. The clock comes in as an argument."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

AVERAGED_SECONDS = 4.0
LONGEST_STEP_SECONDS = 5.0
"""After sleep, a longer step would count the night as slowness."""
SHOWN_AFTER_SECONDS = 2.0
"""Before that a number would only jump."""


@dataclass(slots=True)
class Meter:
    """Averages how fast a position grows, the newest seconds counting most."""

    _position: int = 0
    _at: float | None = None
    _seen_seconds: float = 0.0
    _rate: float = 0.0

    def note(self, position_bytes: int, now: float) -> None:
        """The transfer stands at `position_bytes` at the monotonic time `now`, in seconds."""
        if self._at is None:
            self._position, self._at = position_bytes, now
            return
        step = min(now - self._at, LONGEST_STEP_SECONDS)
        if step <= 0:
            return
        # It may fall back: what a broken line carried did not count.
        rate = max(0, position_bytes - self._position) / step
        self._seen_seconds += step
        # At first a plain average, so that the first figures are right as well.
        weight = 1 - math.exp(-step / min(AVERAGED_SECONDS, self._seen_seconds))
        self._rate += (rate - self._rate) * max(weight, step / max(self._seen_seconds, step) / 2)
        self._position, self._at = position_bytes, now

    @property
    def bytes_per_second(self) -> float | None:
        return self._rate if self._seen_seconds >= SHOWN_AFTER_SECONDS else None

    def seconds_left(self, left_bytes: int) -> float | None:
        rate = self.bytes_per_second
        return left_bytes / rate if rate and rate >= 1 else None


class Traffic:
    """Bytes that went over the line in either direction, sent twice or not. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.up = 0
        self.down = 0

    def sent(self, count: int) -> None:
        with self._lock:
            self.up += count

    def fetched(self, count: int) -> None:
        with self._lock:
            self.down += count
