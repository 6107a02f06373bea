"""A file of bytes that nobody has sent before, and what it holds by SHA-256."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MB = 1_000_000


def write_random(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for at in range(0, size, MB):
            block = os.urandom(min(MB, size - at))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
