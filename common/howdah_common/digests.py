"""Digests by name, and their header form (RFC 9530 `Content-Digest`, `Repr-Digest`).

`blake3` is what Howdah's own programs use between themselves: some five times as fast as SHA-256,
which everyone else has. Both give 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

DIGEST_BYTES = 32
BLAKE3 = "blake3"
SHA256 = "sha-256"

Buffer = bytes | bytearray | memoryview


class Hasher(Protocol):
    """What is used of a hashlib object."""

    def update(self, data: Buffer, /) -> object: ...
    def digest(self) -> bytes: ...


_HASHERS: dict[str, Callable[[], Hasher]] = {BLAKE3: blake3, SHA256: hashlib.sha256}
ALGORITHMS = frozenset(_HASHERS)


class UnknownAlgorithm(ValueError):
    """A digest algorithm that this version does not know."""


class BadDigestField(ValueError):
    """A digest header that cannot be read."""


def hasher(algorithm: str) -> Hasher:
    """A fresh hasher. Raises UnknownAlgorithm."""
    try:
        return _HASHERS[algorithm]()
    except KeyError:
        raise UnknownAlgorithm(
            f"{algorithm!r} is none of {', '.join(sorted(ALGORITHMS))}"
        ) from None


def digest(algorithm: str, data: Buffer) -> bytes:
    """The digest of `data`, 32 bytes. Raises UnknownAlgorithm."""
    state = hasher(algorithm)
    state.update(data)
    return state.digest()


def to_field(algorithm: str, value: bytes) -> str:
    """One member of a digest field: `sha-256=:BASE64:` (RFC 9530, section 2)."""
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"


_MEMBER = re.compile(r"\s*([a-z][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*")


def from_field(field: str) -> dict[str, bytes]:
    """The members of a digest field whose algorithm is known here; others are passed over.

    Raises BadDigestField for what is not a list of `name=:BASE64:`, or has a digest of a wrong length.
    """
    found: dict[str, bytes] = {}
    for member in field.split(","):
        match = _MEMBER.fullmatch(member)
        if match is None:
            raise BadDigestField(f"{member.strip()[:80]!r} is not of the form name=:BASE64:")
        name, encoded = match.groups()
        if name not in ALGORITHMS:
            continue
        try:
            value = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise BadDigestField(f"the digest of {name} is not base64") from error
        if len(value) != DIGEST_BYTES:
            raise BadDigestField(f"a digest of {name} has {DIGEST_BYTES} bytes, not {len(value)}")
        found[name] = value
    return found
