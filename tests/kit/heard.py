"""What a watcher said, to be waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from howdah_desktop.folders.hints import Closed, Dirty, Doubtful, Grown, Hint, Hints

SECONDS = 20.0


class Heard:
    """Call it with hints, from any thread."""

    def __init__(self) -> None:
        self._hints: list[Hint] = []
        self.first: list[Hint] = []
        """What `watching` heard before it began."""
        self._changed = threading.Condition()
        self.hold = threading.Event()
        """Cleared, whoever tells is kept waiting."""
        self.hold.set()

    def __call__(self, hint: Hint) -> None:
        with self._changed:
            self._hints.append(hint)
            self._changed.notify_all()
        self.hold.wait(SECONDS)

    @property
    def hints(self) -> list[Hint]:
        """Without Grown: whether a write is told before its close is chance."""
        with self._changed:
            return [hint for hint in self._hints if not isinstance(hint, Grown)]

    def forget(self) -> None:
        with self._changed:
            self._hints.clear()

    def wait(self, holds: Callable[[list[Hint]], bool], seconds: float = SECONDS) -> list[Hint]:
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self._hints), seconds):
                raise AssertionError(f"not heard in {seconds:.0f} s, but: {self._hints[-20:]}")
            return list(self._hints)

    def wait_for(self, *hints: Hint) -> list[Hint]:
        return self.wait(lambda heard: all(hint in heard for hint in hints))

    def wait_for_doubt(self, reason: str) -> list[Hint]:
        """The reason contains `reason`."""
        return self.wait(
            lambda heard: any(isinstance(h, Doubtful) and reason in h.reason for h in heard)
        )


def dirty(*folders: str) -> list[Hint]:
    return [Dirty(folder.encode()) for folder in folders]


def grown(*folders: str) -> list[Hint]:
    return [Grown(folder.encode()) for folder in folders]


def closed(*paths: str) -> list[Hint]:
    return [Closed(path.encode()) for path in paths]


@contextmanager
def watching(root: Path, **options: Any) -> Iterator[tuple[Hints, Heard]]:
    """Hints of `root` from when everything is watched (or polled) on."""
    heard = Heard()
    options = {"pauses_seconds": (0.05,), **options}
    hints = Hints(str(root).encode(), heard, **options)
    hints.start()
    try:
        heard.first = heard.wait(lambda told: bool(told))
        heard.forget()
        yield hints, heard
    finally:
        heard.hold.set()
        hints.stop()


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    """For what nobody tells of."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not so in {seconds:.0f} s")
        time.sleep(0.01)
