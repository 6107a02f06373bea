"""Argon2id, a few at once: each takes 64 MiB and some 0.2 s of a processor. Called from threads."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from howdah_receiver.accounts.passwords import MOST_BYTES, as_hashed


class Hasher:
    """Thread-safe. More callers than may hash at once wait for each other; who may come at all is decided
    before (see `attempts`)."""

    def __init__(self, at_once: int, argon2: PasswordHasher | None = None) -> None:
        """`argon2`: with other parameters than the library's defaults, which follow RFC 9106."""
        self._argon2 = argon2 or PasswordHasher()
        self._turns = threading.BoundedSemaphore(at_once)
        self._nobodys = _hash_of_nobody(self._argon2)

    def hash(self, password: str) -> str:
        with self._turns:
            return self._argon2.hash(as_hashed(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the hash of that password. None, for an account that is not there or has no
        password, takes as long as one that does not match."""
        wanted = as_hashed(password)
        if len(wanted.encode(errors="replace")) > MOST_BYTES:  # none that was ever hashed
            password_hash, wanted = None, ""
        with self._turns:
            try:
                return self._argon2.verify(password_hash or self._nobodys, wanted)
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than new ones are."""
        return self._argon2.check_needs_rehash(password_hash)


def _hash_of_nobody(argon2: PasswordHasher) -> str:
    """One that nothing matches, and that costs what a real one costs."""
    parameters = f"m={argon2.memory_cost},t={argon2.time_cost},p={argon2.parallelism}"
    salt, content = "A" * 22, "A" * (-(-argon2.hash_len * 4 // 3))
    return f"$argon2id$v=19${parameters}${salt}${content}"
