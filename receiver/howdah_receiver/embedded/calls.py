"""What is under way in the face, so that closing it waits, and nothing begins afterwards."""

from __future__ import annotations

import threading
from types import TracebackType

from howdah_common.problems import ProblemError


class Calls:
    """A context manager: each block is one call. Thread-safe."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        # Guarded by the condition:
        self._under_way = 0
        self._closed = False

    def __enter__(self) -> None:
        """Raises ProblemError (unavailable) once it is closed."""
        with self._news:
            if self._closed:
                raise ProblemError("unavailable", "It was closed.")
            self._under_way += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._news:
            self._under_way -= 1
            self._news.notify_all()

    def close(self) -> bool:
        """Let nothing begin any more, and wait for what is under way. False: it was closed before."""
        with self._news:
            first = not self._closed
            self._closed = True
            self._news.wait_for(lambda: not self._under_way)
        return first
