"""Short-lived notes that the receiver writes for itself into cookies: sealed, so that nobody else can."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from sqlalchemy import select

from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import meta

_NAME = "links_key"


class Seals:
    """Thread-safe. What was sealed holds over restarts: the key is kept in the catalogue."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], float] = time.time) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._key = b""

    def seal(self, words: str, seconds: float) -> str:
        """A note that holds for these words, for so long."""
        expires = int(self._clock() + seconds)
        return f"{expires}.{self._code(words, expires)}"

    def holds(self, words: str, note: str) -> bool:
        """Whether the note is one of ours, for these words, and its time is not over."""
        expires, _, code = note.partition(".")
        if not expires.isdecimal() or len(expires) > 12 or not code.isascii():
            return False
        if int(expires) <= self._clock():
            return False
        return hmac.compare_digest(code, self._code(words, int(expires)))

    def digest(self, words: str) -> bytes:
        """What stands for these words where they are not to be kept."""
        return hmac.digest(self._load_key(), f"digest\0{words}".encode(), hashlib.sha256)

    def _code(self, words: str, expires: int) -> str:
        message = f"seal\0{expires}\0{words}".encode()
        return hmac.digest(self._load_key(), message, hashlib.sha256).hex()

    def _load_key(self) -> bytes:
        if not self._key:
            self._key = self._kept_key() or self._make_key()
        return self._key

    def _kept_key(self) -> bytes:
        with self._catalogue.read() as connection:
            value = connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()
        return bytes.fromhex(value or "")

    def _make_key(self) -> bytes:
        with self._catalogue.write() as connection:
            there = connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()
            if there is None:  # else another thread was first
                there = secrets.token_hex(32)
                connection.execute(meta.insert().values(name=_NAME, value=there))
        return bytes.fromhex(there)
