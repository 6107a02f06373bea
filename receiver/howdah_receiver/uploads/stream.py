"""A chunk stream on its way to the disk: frames in, chunks that count out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from howdah_common.frames import FrameEnd, FrameError, FrameParser, FrameStart
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.writers import ChunkChecker, ChunkWriter


class ChunkStream:
    """Not thread-safe: one call at a time, from any thread."""

    def __init__(self, session: Session, on_checked: Callable[[], None]) -> None:
        """`on_checked` is called whenever a chunk was checked and waits to be committed."""
        self._session = session
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
        storage_full, storage_failed. What was whole by then counts after `end`.
        """
        payload: list[memoryview] = []
        try:
            for block in blocks:
                for event in self._parser.feed(block):
                    if isinstance(event, FrameStart):
                        self._writer = self._session.begin(event.number, event.length)
                        self._number = event.number
                    elif isinstance(event, FrameEnd):
                        self._write(payload)
                        self._finish(event.digest)
                    else:
                        payload.append(event.data)
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
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        self._commit()

    def _write(self, payload: list[memoryview]) -> None:
        if payload and self._writer is not None:
            self._writer.write(payload)
        payload.clear()

    def _finish(self, digest: bytes) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.finish(digest)
        except ProblemError as problem:
            if problem.code not in ("chunk_mismatch", "chunk_conflict"):
                raise
            self._refused.setdefault(problem.code, []).append(self._number)
            return
        self._uncommitted.append(self._number)
        self._on_checked()

    def _commit(self) -> None:
        self._session.commit(self._uncommitted)
        for number in self._uncommitted:
            self.stored.add(number)
        self._uncommitted.clear()
