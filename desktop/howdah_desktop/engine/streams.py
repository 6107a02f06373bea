"""A request's body: frames of chunks, read, hashed and handed to the line in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from howdah_common.digests import DIGEST_BYTES, hasher
from howdah_common.frames import FRAME_OVERHEAD_BYTES, HEADER_BYTES, RECIPE, frame_header
from howdah_desktop.engine.chunkwork import ChunkWork
from howdah_desktop.engine.piece_notes import PieceNotes
from howdah_desktop.engine.recipes import Recipe, Recipes
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
        *,
        recipes: Recipes | None = None,
        notes: PieceNotes | None = None,
    ) -> None:
        """`recipes`: of chunks that need not be sent whole. `notes`: who takes note of what is read."""
        self._source = source
        self._work = work
        self._numbers = numbers
        self._buffer = buffer
        self._on_leaving = on_leaving
        self.sent_bytes = 0
        """Handed to the line so far; what arrived of it only the receiver knows."""
        self._notes = notes
        # As they are now: what the length was said for is what is sent.
        found = {number: recipes.of(number) for number in numbers} if recipes else {}
        self._recipes = {number: recipe for number, recipe in found.items() if recipe is not None}
        self.length = sum(self._payload_bytes(number) + FRAME_OVERHEAD_BYTES for number in numbers)

    @property
    def has_recipes(self) -> bool:
        return bool(self._recipes)

    def _payload_bytes(self, number: int) -> int:
        recipe = self._recipes.get(number)
        return self._work.plan.span(number).length if recipe is None else recipe.length

    def __iter__(self) -> Iterator[memoryview]:
        for number in self._numbers:
            self._work.leaves(number)
            recipe = self._recipes.get(number)
            for piece in self._frame(number) if recipe is None else self._made(number, recipe):
                while piece:
                    count = self._on_leaving(len(piece))
                    self.sent_bytes += count
                    yield piece[:count]
                    piece = piece[count:]

    def _frame(self, number: int) -> Iterator[memoryview]:
        span = self._work.plan.span(number)
        state = hasher(self._work.algorithm)
        cutter = None if self._notes is None else self._notes.begin(span.offset)
        self._buffer[:HEADER_BYTES] = frame_header(number, span.length)
        begin, offset = HEADER_BYTES, span.offset
        while True:
            end = begin + min(READ_BYTES, span.end - offset)
            payload = self._buffer[begin:end]
            self._source.read_into(payload, offset)
            state.update(payload)
            if cutter is not None:
                cutter.feed(payload)
            offset += len(payload)
            if offset == span.end:
                break
            yield self._buffer[:end]
            begin = 0
        if self._notes is not None and cutter is not None:
            self._notes.end(cutter, span.offset)
        digest = state.digest()
        # Noted before the last piece leaves: whatever the receiver counts, we know the digest of.
        self._work.note(number, digest)
        self._buffer[end : end + DIGEST_BYTES] = digest
        yield self._buffer[: end + DIGEST_BYTES]

    def _made(self, number: int, recipe: Recipe) -> Iterator[memoryview]:
        """What the receiver makes the chunk of, and the digest that was taken when it was read."""
        yield memoryview(frame_header(number, recipe.length, RECIPE) + recipe.head())
        for part, there in recipe.steps:
            yield memoryview(recipe.step_head(part, there))
            if there is not None:
                continue
            for offset in range(part.offset, part.end, len(self._buffer)):
                piece = self._buffer[: min(len(self._buffer), part.end - offset)]
                self._source.read_into(piece, offset)
                yield piece
        digest = self._work.hashed(number)
        if digest is None:
            raise AssertionError("a recipe was written for a chunk that was never read")
        yield memoryview(digest)
