"""The limits as working threads meet them: whoever is about to send or fetch asks here, and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from howdah_desktop.engine.bandwidth import Bucket

LOOK_SECONDS = 0.1
"""Who waits looks so often whether they are to stop."""

Check = Callable[[], None]
"""Raises once its transfer is to stop. Is called with a lock held, and must be quick."""


class Gate:
    """One direction, for any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._bucket = Bucket(clock())  # guarded by the condition

    @property
    def bytes_per_second(self) -> float | None:
        """The limit; None: there is none."""
        return self._bucket.bytes_per_second

    def limit(self, bytes_per_second: float | None) -> None:
        """At once, also for who waits."""
        with self._changed:
            self._bucket.limit(bytes_per_second, self._clock())
            self._changed.notify_all()

    def __call__(self, count: int, check: Check) -> None:
        """Wait until `count` bytes may pass. Raises what `check` raises."""
        while count > 0:
            count -= self.some(count, check)

    def some(self, wanted: int, check: Check) -> int:
        """Wait until something may pass: how many bytes, `wanted` at most. Raises what `check` raises."""
        check()
        if self._bucket.bytes_per_second is None or wanted < 1:
            return wanted
        with self._changed:
            ticket = self._bucket.join()
            try:
                while not (granted := self._bucket.take(ticket, wanted, self._clock())):
                    left = self._bucket.seconds_left(ticket, wanted, self._clock())
                    self._changed.wait(LOOK_SECONDS if left is None else min(left, LOOK_SECONDS))
                    check()
                return granted
            finally:
                self._bucket.leave(ticket)
                self._changed.notify_all()  # the next in line is another one


class Limiter:
    """Both directions. `limiter.up(count, check)` before `count` bytes are handed to the line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.up = Gate(clock)
        self.down = Gate(clock)
