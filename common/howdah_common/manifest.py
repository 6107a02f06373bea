"""The manifest: what a file is, in the words that both sides check."""

from __future__ import annotations

from dataclasses import dataclass

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import DIGEST_BYTES, digest, hasher
from howdah_common.ranges import RangeSet

_DOMAIN = b"howdah-manifest-1\0"
"""Names what is hashed, so that a manifest's digest can never be taken for that of a chunk."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Size in bytes, chunk size in bytes, algorithm, and the digest of every chunk, in order."""

    size: int
    chunk_bytes: int
    algorithm: str
    digests: bytes
    """The 32-byte digests of all chunks, one after the other. Raises ValueError if too few or many."""

    def __post_init__(self) -> None:
        expected = self.plan.total_chunks * DIGEST_BYTES
        if len(self.digests) != expected:
            raise ValueError(f"{len(self.digests)} bytes of digests where {expected} are needed")

    @property
    def plan(self) -> ChunkPlan:
        return ChunkPlan(self.size, self.chunk_bytes)

    def chunk_digest(self, number: int) -> bytes:
        """The digest of chunk `number` (0-based). Raises IndexError beyond the last one."""
        at = number * DIGEST_BYTES
        if not 0 <= at < len(self.digests):
            raise IndexError(f"chunk {number} of {len(self.digests) // DIGEST_BYTES}")
        return self.digests[at : at + DIGEST_BYTES]

    def differing(self, other: Manifest) -> RangeSet:
        """The chunks whose digests differ from those of `other`, which is on the same grid."""
        numbers = range(self.plan.total_chunks)
        return RangeSet.of(n for n in numbers if self.chunk_digest(n) != other.chunk_digest(n))

    def digest(self) -> bytes:
        """H("howdah-manifest-1\\0" + algorithm + "\\0" + u64be(size) + u64be(chunk_bytes) + digests)."""
        state = hasher(self.algorithm)
        state.update(_DOMAIN + self.algorithm.encode() + b"\0")
        state.update(self.size.to_bytes(8, "big") + self.chunk_bytes.to_bytes(8, "big"))
        state.update(self.digests)
        return state.digest()


def manifest_of(data: bytes, chunk_bytes: int, algorithm: str) -> Manifest:
    """That of a content which is in memory. Raises ChunkPlanError, UnknownAlgorithm."""
    plan = ChunkPlan(len(data), chunk_bytes)
    digests = b"".join(digest(algorithm, data[span.offset : span.end]) for span in plan.spans())
    return Manifest(plan.size, plan.chunk_bytes, algorithm, digests)
