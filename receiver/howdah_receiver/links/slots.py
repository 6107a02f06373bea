"""So many of something at once, for each who asks."""

from __future__ import annotations

import threading
from collections import Counter


class Slots:
    """Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, key: str) -> bool:
        """Whether there was one left; whoever took it gives it back."""
        with self._lock:
            if self._taken[key] >= self._most:
                return False
            self._taken[key] += 1
            return True

    def give_back(self, key: str) -> None:
        with self._lock:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
