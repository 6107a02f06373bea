"""The secret of a link: 160 random bits, of which only the SHA-256 is stored.

It is random, so a plain hash is enough: there is nothing to guess from a dictionary.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

_BYTES = 20


def new_secret() -> str:
    """32 letters and digits that survive being read aloud: lower case, without 0, 1, 8 and 9."""
    return base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()


def sha256_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
