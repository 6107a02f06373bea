"""A request's body: frames of chunks, read, hashed and handed to the line in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from howdah_common.digests import DIGEST_BYTES, hasher
from howdah_common.frames import FRAME_OVERHEAD_BYTES, HEADER_BYTES, frame_header
from howdah_desktop.engine.chunkwork import ChunkWork
from howdah_desktop.engine.source import READ_BYTES, Source

BUFFER_BYTES = READ_BYTES + FRAME_OVERHEAD_BYTES
"""A frame of 1 MiB leaves in one piece: header, payload and digest together."""


def new_buffer(file_bytes: int = READ_BYTES) -> memoryview:
    """For one thread at a time; small for a small file, as thousands of those are sent."""
    return memoryview(bytearray(min(BUFFER_BYTES, file_bytes + FRAME_OVERHEAD_BYTES)))


class ChunkStream:
    """The frames of some chunks of a file. To be iterated once.

    Pieces are views into `buffer`, good until the next one is asked for. `on_leaving` is called with how
    many bytes are ready, before the line gets any; it gives how many of them may leave now (at least one),
    waits until some may, and may raise to stop the stream.
    """

    def __init__(
        self,
        source: Source,
        work: ChunkWork,
        numbers: list[int],
        buffer: memoryview,
        on_leaving: Callable[[int], int],
    ) -> None:
        self._source = source
        self._work = work
        self._numbers = numbers
        self._buffer = buffer
        self._on_leaving = on_leaving
        self.sent_bytes = 0
        """Handed to the line so far; what arrived of it only the receiver knows."""
        payload = work.plan.bytes_in(numbers[0], numbers[-1])
        self.length = payload + len(numbers) * FRAME_OVERHEAD_BYTES

    def __iter__(self) -> Iterator[memoryview]:
        for number in self._numbers:
            self._work.leaves(number)
            for piece in self._frame(number):
                while piece:
                    count = self._on_leaving(len(piece))
                    self.sent_bytes += count
                    yield piece[:count]
                    piece = piece[count:]

    def _frame(self, number: int) -> Iterator[memoryview]:
        span = self._work.plan.span(number)
        state = hasher(self._work.algorithm)
        self._buffer[:HEADER_BYTES] = frame_header(number, span.length)
        begin, offset = HEADER_BYTES, span.offset
        while True:
            end = begin + min(READ_BYTES, span.end - offset)
            payload = self._buffer[begin:end]
            self._source.read_into(payload, offset)
            state.update(payload)
            offset += len(payload)
            if offset == span.end:
                break
            yield self._buffer[:end]
            begin = 0
        digest = state.digest()
        # Noted before the last piece leaves: whatever the receiver counts, we know the digest of.
        self._work.note(number, digest)
        self._buffer[end : end + DIGEST_BYTES] = digest
        yield self._buffer[: end + DIGEST_BYTES]
