"""How often somebody may guess."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.attempts import network_of

ATTEMPTS = 10
SECONDS = 60
_MOST_KEPT = 10_000


class Attempts:
    """Wrong passwords, by link and address, over the last minute. Thread-safe; memory is bounded.

    An attempt is counted before it is looked at, and taken back where it was right: a hundred at the same
    time are not a hundred guesses.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[tuple[str, str], deque[float]] = {}

    def begin(self, link_id: str, address: str) -> None:
        """Raises ProblemError (too_many_attempts)."""
        now = self._clock()
        with self._lock:
            if len(self._times) >= _MOST_KEPT:
                self._forget(now)
            times = self._times.setdefault((link_id, network_of(address)), deque())
            while times and now - times[0] >= SECONDS:
                times.popleft()
            if len(times) >= ATTEMPTS:
                wait = max(1, round(SECONDS - (now - times[0])))
                raise ProblemError("too_many_attempts", extra={"retry_after_seconds": wait})
            times.append(now)

    def was_right(self, link_id: str, address: str) -> None:
        with self._lock:
            times = self._times.get((link_id, network_of(address)))
            if times:
                times.pop()

    def _forget(self, now: float) -> None:
        """Those of long ago; where that is not enough, the oldest half."""
        kept = {
            key: times for key, times in self._times.items() if times and now - times[-1] < SECONDS
        }
        while len(kept) >= _MOST_KEPT // 2:
            del kept[next(iter(kept))]
        self._times = kept
