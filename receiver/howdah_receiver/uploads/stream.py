"""A chunk stream on its way to the disk: frames in, chunks that count out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from howdah_common.frames import FrameEnd, FrameError, FrameParser, FrameStart, Payload, Range
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.sources import Sources
from howdah_receiver.uploads.writers import ChunkChecker, ChunkWriter

_REMEMBERED = ("chunk_mismatch", "chunk_conflict", "recipe_source_missing")
"""These are about one chunk, and the stream goes on after it."""


class ChunkStream:
    """Not thread-safe: one call at a time, from any thread."""

    def __init__(self, session: Session, sources: Sources, on_checked: Callable[[], None]) -> None:
        """`sources` is what recipes take from, and ends with the stream. `on_checked` is called whenever a
        chunk was checked and waits to be committed."""
        self._session = session
        self._sources = sources
        self._on_checked = on_checked
        self._parser = FrameParser(session.upload.chunk_bytes)
        self._writer: ChunkWriter | ChunkChecker | None = None
        self._number = 0
        self._uncommitted: list[int] = []
        self.stored = RangeSet()
        """Chunks of this stream that count."""
        self._refused: dict[str, list[int]] = {}

    def feed(self, blocks: Sequence[bytes]) -> None:
        """Write what arrived. Chunks that did not arrive as sent are remembered, and the others go on.

        Raises ProblemError: bad_frame, chunk_out_of_range, upload_not_open, chunk_superseded,
        storage_full, storage_failed, body_too_large. What was whole by then counts after `end`.
        """
        payload: list[memoryview] = []
        try:
            for block in blocks:
                for event in self._parser.feed(block):
                    if isinstance(event, Payload):
                        payload.append(event.data)
                    elif isinstance(event, FrameStart):
                        self._writer = self._session.begin(event.number, event.length)
                        self._number = event.number
                    else:
                        self._write(payload)
                        if isinstance(event, FrameEnd):
                            self._finish(event.digest)
                        else:
                            self._compose(event)
        except FrameError as error:
            raise ProblemError("bad_frame", f"{error}.") from error
        self._write(payload)

    def finish(self) -> None:
        """The body has ended. Raises ProblemError: bad_frame, and what `feed` remembered."""
        try:
            self._parser.finish()
        except FrameError as error:
            raise ProblemError("bad_frame", f"{error}.") from error
        self._commit()
        for code, numbers in self._refused.items():
            raise ProblemError(code, extra={"chunks": numbers, "stored": self.stored.pairs()})

    def end(self) -> None:
        """However the stream ended: what was whole counts, what was not is let go."""
        self._sources.close()
        self._let_go()
        self._commit()

    def _write(self, payload: list[memoryview]) -> None:
        if payload and self._writer is not None:
            self._writer.write(payload)
        payload.clear()

    def _compose(self, wanted: Range) -> None:
        """Write what a recipe takes from elsewhere. Of a chunk for which that is not there nothing counts,
        whatever else comes for it."""
        if self._writer is None:
            return
        try:
            for block in self._sources.blocks(wanted):
                self._writer.write([block])
        except ProblemError as problem:
            self._remember(problem)
            self._let_go()

    def _finish(self, digest: bytes) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.finish(digest)
        except ProblemError as problem:
            self._remember(problem)
            return
        self._uncommitted.append(self._number)
        self._on_checked()

    def _remember(self, problem: ProblemError) -> None:
        """Raises what ends the stream."""
        if problem.code not in _REMEMBERED:
            raise problem
        self._refused.setdefault(problem.code, []).append(self._number)

    def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def _commit(self) -> None:
        self._session.commit(self._uncommitted)
        for number in self._uncommitted:
            self.stored.add(number)
        self._uncommitted.clear()
