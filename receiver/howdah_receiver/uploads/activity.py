"""What came of each upload lately, as this process saw it: how fast, and how long ago.

By the monotonic clock, so that a wall clock that jumps makes nothing idle that is at work.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

SPEED_SECONDS = 10


@dataclass(slots=True)
class _Seen:
    first: float
    last: float
    # Whole seconds, and the bytes that came in each; not more than `SPEED_SECONDS` of them.
    seconds: deque[list[int]] = field(default_factory=deque)


class Activity:
    """Thread-safe. Holds something for uploads that are open and of which something came, and no others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def came(self, upload_id: str, count: int = 0) -> None:
        """So many bytes of it; none is a sign of life, too."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(upload_id)
            if seen is None:
                seen = self._seen[upload_id] = _Seen(now, now)
            seen.last = now
            if count:
                _count(seen, int(now), count)

    def idle_seconds(self, upload_id: str) -> float:
        """Since something came of it; infinite where nothing did in this process."""
        with self._lock:
            seen = self._seen.get(upload_id)
            return math.inf if seen is None else self._clock() - seen.last

    def bytes_per_second(self, upload_id: str) -> float:
        """Over the last ten seconds, or since it began where that is less."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(upload_id)
            if seen is None:
                return 0.0
            came = sum(count for second, count in seen.seconds if second > now - SPEED_SECONDS)
            return came / min(max(now - seen.first, 1.0), SPEED_SECONDS)

    def forget(self, upload_id: str) -> None:
        """It has ended, or rests."""
        with self._lock:
            self._seen.pop(upload_id, None)

    def tidy(self, idle_seconds: float) -> None:
        """Forget those of which nothing came for so long."""
        before = self._clock() - max(idle_seconds, SPEED_SECONDS)
        with self._lock:
            self._seen = {id_: seen for id_, seen in self._seen.items() if seen.last >= before}


def _count(seen: _Seen, second: int, count: int) -> None:
    if seen.seconds and seen.seconds[-1][0] == second:
        seen.seconds[-1][1] += count
    else:
        seen.seconds.append([second, count])
    while seen.seconds[0][0] <= second - SPEED_SECONDS:
        seen.seconds.popleft()
