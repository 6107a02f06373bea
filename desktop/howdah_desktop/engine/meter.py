"""Speed and time left. The clock comes in as an argument."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

AVERAGED_SECONDS = 4.0
LONGEST_STEP_SECONDS = 5.0
"""A longer one says nothing: the machine slept, or nobody looked."""
SHOWN_AFTER_SECONDS = 2.0
"""Before that a number would only jump."""
STANDS_AFTER_SECONDS = 5.0
"""Without a byte for so long, nobody knows how long it takes."""
STILL_AFTER_SECONDS = 10.0
"""Without a byte for so long, there is no speed."""


@dataclass(slots=True)
class Meter:
    """Averages how fast a position grows, the newest seconds counting most."""

    _position: int = 0
    _at: float | None = None
    _seen_seconds: float = 0.0
    _still_seconds: float = 0.0
    _rate: float = 0.0

    def note(self, position_bytes: int, now: float) -> None:
        """The transfer stands at `position_bytes` at the monotonic time `now`, in seconds."""
        step = now - self._at if self._at is not None else math.inf
        if step <= 0:
            return
        # It may fall back: what a broken line carried did not count.
        grown = max(0, position_bytes - self._position)
        self._position, self._at = position_bytes, now
        if step > LONGEST_STEP_SECONDS:
            return
        self._still_seconds = 0.0 if grown else self._still_seconds + step
        if not grown and not self._seen_seconds:
            return  # what comes before the first byte is no slowness
        self._seen_seconds += step
        # At first a plain average, so that the first figures are right as well.
        weight = max(step / self._seen_seconds, 1 - math.exp(-step / AVERAGED_SECONDS))
        self._rate += (grown / step - self._rate) * weight

    @property
    def bytes_per_second(self) -> float | None:
        """None: not known yet; 0: nothing gets through."""
        if self._still_seconds >= STILL_AFTER_SECONDS:
            return 0.0
        return self._rate if self._seen_seconds >= SHOWN_AFTER_SECONDS else None

    def seconds_left(self, left_bytes: int) -> float | None:
        rate = self.bytes_per_second
        stands = self._still_seconds >= STANDS_AFTER_SECONDS
        return left_bytes / rate if rate and rate >= 1 and not stands else None


def at_least(whole: float | None, parts: Iterable[float | None]) -> float | None:
    """Seconds left of a whole whose parts may move one after the other: none ends after it."""
    return None if whole is None else max([whole, *(part for part in parts if part is not None)])


def shares(unsent_bytes: int, handed: Sequence[int]) -> list[int]:
    """What has not left, over all connections, as parts of what each transfer has handed to the line."""
    total = sum(handed)
    # Over TLS, and with requests' heads, a few more than are ours.
    unsent_bytes = min(unsent_bytes, total)
    return [unsent_bytes * own // total if total else 0 for own in handed]


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
