"""Reads a content from an opened file and says what it is: its manifest, and its whole-file SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import hasher
from howdah_common.manifest import Manifest
from howdah_receiver.storage.disk import read_blocks


@dataclass(frozen=True, slots=True)
class Content:
    manifest: Manifest
    sha256: bytes


def read_content(descriptor: int, plan: ChunkPlan, algorithm: str) -> Content:
    """One pass over the file, in constant memory. Raises OSError (EIO if it is shorter than the plan)."""
    whole = hashlib.sha256()
    digests = bytearray()
    for span in plan.spans():
        chunk = hasher(algorithm)
        for block in read_blocks(descriptor, span.offset, span.length):
            chunk.update(block)
            whole.update(block)
        digests += chunk.digest()
    manifest = Manifest(plan.size, plan.chunk_bytes, algorithm, bytes(digests))
    return Content(manifest, whole.digest())


def chunk_digest(descriptor: int, offset: int, length: int, algorithm: str) -> bytes:
    """The digest of what stands in the file there. Raises OSError."""
    state = hasher(algorithm)
    for block in read_blocks(descriptor, offset, length):
        state.update(block)
    return state.digest()
