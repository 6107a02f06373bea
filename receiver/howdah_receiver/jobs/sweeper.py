"""What is to be done again and again while the receiver runs: one thread, one task after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """`run` is called every `seconds`, first soon after the start; it may take its time, and looks at
    `stopping` between steps."""

    name: str
    seconds: float
    run: Callable[[threading.Event], None]


class Sweeper:
    """Thread-safe. A task that fails is logged and tried again at its next time."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._due = {task.name: 0.0 for task in tasks}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def soon(self, name: str) -> None:
        """Run that task now."""
        self._due[name] = 0.0
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """End after the step at hand; wait at most so long for it."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            for task in self._tasks:
                if self._due[task.name] <= time.monotonic() and not self._stopping.is_set():
                    self._due[task.name] = time.monotonic() + task.seconds
                    self._try(task)
            rest = min(self._due.values(), default=60.0) - time.monotonic()
            self._wake.wait(max(rest, 0.0))

    def _try(self, task: Task) -> None:
        try:
            task.run(self._stopping)
        except Exception:  # noqa: BLE001 - one task's failure never ends the others
            _log.exception("%s", task.name)
