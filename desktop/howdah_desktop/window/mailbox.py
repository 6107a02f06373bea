"""Between the threads that speak with the engine and the one that paints: one box, emptied now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Mailbox:
    """Letters are calls to be made in the GUI thread. May be used from any thread."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        """In the putting thread, `on_first` is called when a letter comes into an empty box, and
        `on_urgent` when one must not wait for the next round."""
        self.on_first = on_first
        self.on_urgent: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._letters: list[Callable[[], None]] = []  # guarded by the lock

    def put(self, letter: Callable[[], None], *, urgent: bool = False) -> None:
        with self._lock:
            first = not self._letters
            self._letters.append(letter)
        if urgent:
            self.on_urgent()
        elif first:
            self.on_first()

    def take(self) -> list[Callable[[], None]]:
        with self._lock:
            letters, self._letters = self._letters, []
        return letters
