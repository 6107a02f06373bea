"""How fast uploads come: bytes per second over the last half minute. Takes the time as an argument."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

WINDOW_SECONDS = 30.0
MOST_UPLOADS = 1024
"""So many are remembered; of those that rest for longest nothing is known."""
_SAMPLE_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001

_Samples = deque[tuple[float, float, int]]
"""(began, ended, bytes): what came within about a second stands in one."""


class Pace:
    """Thread-safe. Memory is bounded, whatever comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: OrderedDict[str, _Samples] = OrderedDict()

    def add(self, upload_id: str, began: float, ended: float, count: int) -> None:
        """So many bytes came between two times (seconds, of a clock that never goes back)."""
        with self._lock:
            samples = self._samples.setdefault(upload_id, deque())
            self._samples.move_to_end(upload_id)
            if samples and ended - samples[-1][0] < _SAMPLE_SECONDS:
                first, last, before = samples.pop()
                began, ended, count = min(first, began), max(last, ended), before + count
            samples.append((began, ended, count))
            _drop_old(samples, ended)
            if len(self._samples) > MOST_UPLOADS:
                self._samples.popitem(last=False)

    def speed(self, upload_id: str, now: float) -> float | None:
        """Bytes per second; None where nothing came lately."""
        with self._lock:
            samples = self._samples.get(upload_id, deque())
            _drop_old(samples, now)
            if not samples:
                return None
            began = min(began for began, _, _ in samples)
            return sum(count for _, _, count in samples) / max(now - began, _SHORTEST_SECONDS)

    def forget(self, upload_id: str) -> None:
        """The upload has ended."""
        with self._lock:
            self._samples.pop(upload_id, None)


def _drop_old(samples: _Samples, now: float) -> None:
    while samples and now - samples[0][1] > WINDOW_SECONDS:
        samples.popleft()
