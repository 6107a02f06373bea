"""Passwords of links: Argon2id, a bounded number of them at once. Synchronous; called from threads."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from howdah_common.problems import ProblemError

AT_ONCE = 2
"""64 MiB of memory each."""
MOST_WAITING = 8
WAIT_SECONDS = 10.0


class Passwords:
    """Thread-safe. Raises ProblemError (unavailable) where too many wait for their turn already."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._room = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)

    def hash(self, password: str) -> str:
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def is_right(self, password_hash: str, password: str) -> bool:
        with self._turn():
            try:
                return self._hasher.verify(password_hash, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise ProblemError("unavailable")
        try:
            if not self._turns.acquire(timeout=WAIT_SECONDS):
                raise ProblemError("unavailable")
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._room.release()


def _bytes(password: str) -> bytes:
    """The same for every keyboard: some type an umlaut as one character, some as two."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
