"""How fast it comes in: counted in memory, a few numbers an account."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

NOW_SECONDS = 10
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Speed:
    bytes_per_second: int = 0
    """Over the last ten seconds."""
    hour_bytes: int = 0
    hour_seconds: int = 0
    """Of the last hour, those in which something came."""

    @property
    def hour_bytes_per_second(self) -> int:
        return self.hour_bytes // max(self.hour_seconds, 1)

    def __add__(self, other: Speed) -> Speed:
        return Speed(
            self.bytes_per_second + other.bytes_per_second,
            self.hour_bytes + other.hour_bytes,
            max(self.hour_seconds, other.hour_seconds),
        )


@dataclass(slots=True)
class _Counted:
    """Bytes by second for what is now, by minute (with the seconds that had some) for the hour."""

    seconds: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=NOW_SECONDS + 1))
    minutes: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_MINUTES))


class Speeds:
    """Thread-safe. Counts what came to count, whoever sent it and however often it was sent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: defaultdict[str, _Counted] = defaultdict(_Counted)

    def add(self, account_id: str, count: int) -> None:
        second = int(self._clock())
        with self._lock:
            counted = self._accounts[account_id]
            fresh = not counted.seconds or counted.seconds[-1][0] != second
            before = 0 if fresh else counted.seconds.pop()[1]
            counted.seconds.append((second, before + count))
            minute, total, busy = second // 60, 0, 0
            if counted.minutes and counted.minutes[-1][0] == minute:
                _, total, busy = counted.minutes.pop()
            counted.minutes.append((minute, total + count, busy + fresh))

    def of(self, account_id: str) -> Speed:
        now = int(self._clock())
        with self._lock:
            counted = self._accounts.get(account_id)
            if counted is None:
                return Speed()
            recent = sum(n for second, n in counted.seconds if second > now - NOW_SECONDS)
            hour = [found for found in counted.minutes if found[0] > now // 60 - _MINUTES]
        return Speed(recent // NOW_SECONDS, sum(f[1] for f in hour), sum(f[2] for f in hour))
