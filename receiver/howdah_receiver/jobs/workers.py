"""The threads that work for requests, and how many of them are at work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ThreadPoolExecutor):
    def __init__(self, count: int) -> None:
        super().__init__(count, thread_name_prefix="work")
        self._count = count
        self._lock = threading.Lock()
        self._under_way = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            self._under_way += 1
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._over(None)
            raise
        future.add_done_callback(self._over)
        return future

    def _over(self, _future: Future[T] | None) -> None:
        with self._lock:
            self._under_way -= 1

    @property
    def busy(self) -> int:
        """Threads that are at work."""
        return min(self._under_way, self._count)

    @property
    def waiting(self) -> int:
        """What no thread is free for yet."""
        return max(0, self._under_way - self._count)
