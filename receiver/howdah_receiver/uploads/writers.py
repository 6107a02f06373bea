"""Who takes the bytes of one chunk: a writer, or a checker where the chunk was received before."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from howdah_common.chunks import Span
from howdah_common.digests import Buffer, Hasher, hasher
from howdah_common.problems import ProblemError
from howdah_receiver.storage.disk import disk_errors, read_blocks, write_all


@dataclass(eq=False)
class Claim:
    """The right to write one chunk. `turn` is held during each write: who holds it is the only writer."""

    number: int
    turn: threading.Lock = field(default_factory=threading.Lock)
    stopped: bool = False


class Keeper(Protocol):
    """Who keeps the part file and the count of its chunks (`session.Session`)."""

    @property
    def algorithm(self) -> str: ...

    @property
    def descriptor(self) -> int: ...

    @property
    def closing(self) -> bool:
        """Whether no chunk is taken any more."""

    def came(self, count: int) -> None:
        """So many bytes were written."""

    def digest_of(self, number: int) -> bytes | None:
        """Digest of a received chunk."""

    def record(self, claim: Claim, span: Span, digest: bytes) -> None:
        """A chunk's digest held. Called in the claim's turn."""

    def drop(self, claim: Claim) -> None:
        """The chunk is free for the next request."""


class ChunkWriter:
    """Takes the bytes of one chunk, in order, and says whether they count."""

    def __init__(self, session: Keeper, claim: Claim, span: Span) -> None:
        self._session = session
        self._claim = claim
        self._span = span
        self._at = span.offset
        self._state: Hasher = hasher(session.algorithm)

    def write(self, blocks: Sequence[Buffer]) -> None:
        """Write the next bytes and digest what then stands in the file, read back from the page cache:
        a wrong offset, a short or a lying write is found before the chunk counts.

        Raises ProblemError: chunk_superseded, storage_full, storage_failed.
        """
        length = sum(len(block) for block in blocks)
        with self._claim.turn, disk_errors():
            self._check_turn()
            write_all(self._session.descriptor, blocks, self._at)
            for block in read_blocks(self._session.descriptor, self._at, length):
                self._state.update(block)
            self._at += length
        self._session.came(length)

    def finish(self, digest: bytes) -> None:
        """The chunk is whole; it counts with the session's next commit if its digest holds.

        Raises ProblemError: chunk_mismatch, chunk_out_of_range (nothing of it counts), chunk_superseded.
        """
        with self._claim.turn:
            self._check_turn()
            if self._at != self._span.end or self._state.digest() != digest:
                self._session.drop(self._claim)
                raise ProblemError("chunk_mismatch", extra={"chunks": [self._claim.number]})
            self._session.record(self._claim, self._span, digest)

    def abandon(self) -> None:
        """The bytes stopped coming: the chunk is free for the next request."""
        self._session.drop(self._claim)

    def _check_turn(self) -> None:
        if self._claim.stopped:
            raise ProblemError("chunk_superseded", extra={"chunks": [self._claim.number]})


class ChunkChecker:
    """Takes the bytes of a chunk that was received before: they are compared, never written."""

    def __init__(self, session: Keeper, number: int) -> None:
        self._session = session
        self._number = number
        self._state: Hasher = hasher(session.algorithm)

    def write(self, blocks: Sequence[Buffer]) -> None:
        for block in blocks:
            self._state.update(block)

    def finish(self, digest: bytes) -> None:
        """Raises ProblemError: chunk_mismatch; chunk_conflict where they are other bytes; upload_not_open or
        chunk_superseded where the chunk that was received is gone by now."""
        arrived = self._state.digest()
        if arrived != digest:
            raise ProblemError("chunk_mismatch", extra={"chunks": [self._number]})
        there = self._session.digest_of(self._number)
        if there is None:  # the upload has ended meanwhile, or the disk did not hold the chunk
            raise ProblemError("upload_not_open" if self._session.closing else "chunk_superseded")
        if there != arrived:
            raise ProblemError("chunk_conflict", extra={"chunks": [self._number]})

    def abandon(self) -> None:
        """Nothing was begun."""
