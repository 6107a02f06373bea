"""Secrets that we make: random, so that a plain hash of them is enough to keep. There is nothing to guess
from a dictionary."""

from __future__ import annotations

import hashlib
import secrets

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 of them, five bits each; none that is taken for another."""


def new_token() -> str:
    """256 bits."""
    return secrets.token_urlsafe(32)


def new_code(groups: int) -> str:
    """For people to read and type: 20 bits a group."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(4 * groups))
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def typed(code: str) -> str:
    """A code as it was made, from one that was typed carelessly."""
    return code.strip().upper()


def sha256_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()
