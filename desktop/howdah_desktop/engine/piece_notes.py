"""The pieces of one file, noted while it is read for something else, in whatever order that is done.

A piece is up to the bytes from its beginning on. So each stretch that is read is cut by itself, and each
piece that ended in it is noted under its offset; who then goes from piece to piece through the whole file
finds them as if it had been read from front to back, and has to read again only around the places where
two stretches met: about a piece each. Stretches that are read one after the other are one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from howdah_common.chunks import MIB
from howdah_desktop.engine.pieces import DIGEST_BYTES, MOST_PIECES, Cutter, PieceList, Sizes
from howdah_desktop.engine.source import Source

MOST_RESTING = 4
"""Cutters whose stretch may go on; each holds 1 MiB."""


class PieceNotes:
    """May be used from any thread; each stretch by one at a time."""

    def __init__(self, sizes: Sizes, size: int) -> None:
        self._sizes = sizes
        self._size = size
        self._lock = threading.Lock()
        # Guarded by the lock:
        self._found: dict[int, bytes] = {}
        """By offset: length in 4 bytes, digest."""
        self._seen = 0
        self._resting: dict[int, Cutter] = {}
        """By the offset at which they go on."""

    def begin(self, offset: int) -> Cutter:
        """Who is to be fed with what is read from `offset` on; `end` takes it back."""
        with self._lock:
            resting = self._resting.pop(offset, None)
        return resting or Cutter(self._sizes, offset, self._note)

    def end(self, cutter: Cutter, offset: int) -> None:
        """What was read from `offset` on was shown to it."""
        with self._lock:
            self._seen += cutter.at - offset
        if cutter.at >= self._size:
            cutter.finish()
            return
        with self._lock:
            self._resting[cutter.at] = cutter
            if len(self._resting) > MOST_RESTING:
                del self._resting[next(iter(self._resting))]

    @property
    def seen_bytes(self) -> int:
        """So much of the file was shown to cutters; what was sent twice counts twice."""
        with self._lock:
            return self._seen

    def whole(self, source: Source, check: Callable[[], None]) -> PieceList | None:
        """The pieces of the whole file; what was not noted is read. None: there are too many.

        `check` may raise to stop it. Raises ProblemError: source_changed, source_failed.
        """
        with self._lock:
            self._resting.clear()
        found = PieceList(self._sizes)
        buffer = memoryview(bytearray(min(MIB, self._size)))
        cutter: Cutter | None = None
        at = 0
        while at < self._size:
            piece = self._found.get(at)
            if piece is not None:
                length = int.from_bytes(piece[:4], "big")
                found.add(length, piece[4:])
                at += length
                if len(found) > MOST_PIECES:
                    return None
                continue
            check()
            if cutter is None or cutter.begins != at:
                cutter = Cutter(self._sizes, at, self._note)
            count = min(len(buffer), self._size - cutter.at)
            source.read_into(buffer[:count], cutter.at)
            cutter.feed(buffer[:count])
            if cutter.at == self._size:
                cutter.finish()
        return found

    def _note(self, offset: int, length: int, digest: bytes) -> None:
        assert len(digest) == DIGEST_BYTES
        with self._lock:
            if len(self._found) <= 2 * MOST_PIECES:
                self._found[offset] = length.to_bytes(4, "big") + digest
