"""What a program gives as the bytes of a chunk, in blocks: memory stays flat, whatever comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Protocol

from howdah_common.digests import Buffer

BLOCK_BYTES = 1024 * 1024
"""Written and digested at a time."""


class Readable(Protocol):
    """A file, or the body of a request."""

    def read(self, size: int, /) -> bytes: ...


Data = Buffer | Readable | Iterable[Buffer]


def length_of(data: Data) -> int | None:
    """How many bytes it holds, where that shows without reading it."""
    if isinstance(data, bytes | bytearray | memoryview):
        return memoryview(data).nbytes
    return None


def blocks_of(data: Data) -> Iterator[Buffer]:
    """Its bytes, in order. A block is good until the next is asked for. Raises TypeError for what holds no
    bytes, and whatever reading it raises."""
    if isinstance(data, bytes | bytearray | memoryview):
        return _cut(memoryview(data).cast("B"))
    read = getattr(data, "read", None)
    if read is not None:
        return iter(partial(read, BLOCK_BYTES), b"")
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise TypeError(
            f"a chunk is bytes, a file or an iterable of bytes, not {type(data).__name__}"
        )
    return _gathered(data)


def _cut(view: memoryview) -> Iterator[Buffer]:
    for at in range(0, len(view), BLOCK_BYTES):
        yield view[at : at + BLOCK_BYTES]


def _gathered(blocks: Iterable[Buffer]) -> Iterator[Buffer]:
    """Small writes would cost more in calls than they save in memory. Copied at once: whoever gives them
    may use the same memory for the next."""
    held = bytearray()
    for block in blocks:
        held += block
        if len(held) >= BLOCK_BYTES:
            yield held
            held = bytearray()
    if held:
        yield held
