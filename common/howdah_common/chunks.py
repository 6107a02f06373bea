"""How a file is cut into numbered chunks.

A chunk is the unit of digest, of resuming and of reuse. All chunks of an upload are equal but the
last, which is what remains. Sizes are powers of two, so that the grid of a growing file stays the
same over long stretches and what was sent before can be used again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

SMALLEST_CHUNK_BYTES = 64 * KIB
SMALLEST_DEFAULT_CHUNK_BYTES = 1 * MIB
UNKNOWN_SIZE_CHUNK_BYTES = 8 * MIB
"""What a pipe is cut into: its length, and so the best grid, shows only at its end."""
DEFAULT_MOST_CHUNKS = 8_192
MOST_CHUNKS = 65_536
MOST_BYTES = 2**62
"""Sizes stay well inside what a signed 64-bit file offset and SQLite's integers hold."""


class ChunkPlanError(ValueError):
    """The sizes asked for make no plan; the message says which limit they break."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a chunk stands in its file, in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The grid of one file: `size` bytes in chunks of `chunk_bytes`. An empty file has no chunk."""

    size: int
    chunk_bytes: int

    def __post_init__(self) -> None:
        check_chunk_bytes(self.chunk_bytes)
        check_size(self.size)
        if self.total_chunks > MOST_CHUNKS:
            raise ChunkPlanError(
                f"{self.size} bytes in chunks of {self.chunk_bytes} are {self.total_chunks} chunks;"
                f" {MOST_CHUNKS} are the most"
            )

    @property
    def total_chunks(self) -> int:
        return -(-self.size // self.chunk_bytes)

    def span(self, number: int) -> Span:
        """Where chunk `number` (0-based) stands. Raises IndexError beyond the last one."""
        if not 0 <= number < self.total_chunks:
            raise IndexError(f"chunk {number} of {self.total_chunks}")
        offset = number * self.chunk_bytes
        return Span(offset, min(self.chunk_bytes, self.size - offset))

    def spans(self) -> Iterator[Span]:
        return (self.span(number) for number in range(self.total_chunks))

    def bytes_in(self, first: int, last: int) -> int:
        """Bytes in the chunks `first` to `last`, both included."""
        return self.span(last).end - self.span(first).offset


def check_size(size: int) -> None:
    if not 0 <= size <= MOST_BYTES:
        raise ChunkPlanError(f"{size} is not a file size between 0 and {MOST_BYTES} bytes")


def check_chunk_bytes(chunk_bytes: int) -> None:
    power_of_two = chunk_bytes > 0 and chunk_bytes & (chunk_bytes - 1) == 0
    if not power_of_two or not SMALLEST_CHUNK_BYTES <= chunk_bytes <= MOST_BYTES:
        raise ChunkPlanError(
            f"a chunk of {chunk_bytes} bytes is not a power of two"
            f" from {SMALLEST_CHUNK_BYTES} to {MOST_BYTES}"
        )


def default_chunk_bytes(size: int | None) -> int:
    """The smallest power of two from 1 MiB up that gives at most 8,192 chunks."""
    if size is None:
        return UNKNOWN_SIZE_CHUNK_BYTES
    check_size(size)
    chunk_bytes = SMALLEST_DEFAULT_CHUNK_BYTES
    while -(-size // chunk_bytes) > DEFAULT_MOST_CHUNKS:
        chunk_bytes *= 2
    return chunk_bytes


def smallest_chunk_bytes(size: int) -> int:
    """The smallest chunk that a file of `size` bytes may be cut into, for links that break often."""
    check_size(size)
    chunk_bytes = SMALLEST_CHUNK_BYTES
    while -(-size // chunk_bytes) > MOST_CHUNKS:
        chunk_bytes *= 2
    return chunk_bytes
