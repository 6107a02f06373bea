"""One at a time for each upload: what ends it, lets it rest or takes it up again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Thread-safe. Which lock is up to the upload's id, so that there are few of them."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(64)]

    @contextmanager
    def of(self, upload_id: str) -> Iterator[None]:
        with self._locks[hash(upload_id) % len(self._locks)]:
            yield
