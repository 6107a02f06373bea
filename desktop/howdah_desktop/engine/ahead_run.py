"""The whole chunks of a file that still grows, on their way ahead of it: a thread's work.

It sends each chunk once, with the digest of the bytes that it read. That they may be others by the time the
file has settled is not its business: then they do not have the digests that the file has, and the receiver
takes none of them for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import BLAKE3
from howdah_common.messages import StartUpload, UploadInfo
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.chunkwork import ChunkWork
from howdah_desktop.engine.ledger_ahead import Ahead
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.source import Source
from howdah_desktop.engine.streams import ChunkStream, new_buffer
from howdah_desktop.remote.receiver import Receiver


@dataclass(frozen=True, slots=True)
class SentAhead:
    upload_id: str
    chunks: int
    """So many whole chunks of the file are there, from its beginning on."""


class AheadRun:
    """One look at a file: what has become whole of it is sent."""

    def __init__(
        self,
        ahead: Ahead,
        local: bytes,
        chunks: int,
        link: Link,
        may_leave: Callable[[int, Callable[[], None]], int],
        check: Callable[[], None],
        sent: Callable[[int], None],
    ) -> None:
        """The first `chunks` chunks of `local` are whole. `may_leave` and `check` may raise to stop it;
        `sent` hears of bytes that arrived."""
        self._ahead = ahead
        self._local = local
        self._chunks = chunks
        self._link = link
        self._may_leave = may_leave
        self._check = check
        self._sent = sent
        self.stop = threading.Event()
        """At once: the row is paused, or cancelled."""
        self.enough = threading.Event()
        """After the request that is under way: the file has settled."""

    def run(self, receiver: Receiver) -> SentAhead:
        """Raises ProblemError: also source_changed, where the file is shorter than what was sent of it."""
        self.check()
        with Source(self._local) as source:
            chunks = min(self._chunks, source.identity.size // self._ahead.chunk_bytes)
            upload = self._start(receiver)
            there = RangeSet(upload.received)
            numbers = list(there.numbers())
            if chunks <= self._ahead.first or (numbers and numbers[-1] >= chunks):
                raise ProblemError("source_changed", "It is shorter than it was.")
            plan = ChunkPlan(chunks * self._ahead.chunk_bytes, self._ahead.chunk_bytes)
            missing = [n for n in range(self._ahead.first, chunks) if n not in there]
            self._send(receiver, upload.id, source, ChunkWork(plan, BLAKE3), missing)
        return SentAhead(upload.id, chunks)

    def check(self) -> None:
        self._check()
        if self.stop.is_set():
            raise ProblemError("interrupted")

    def _start(self, receiver: Receiver) -> UploadInfo:
        ahead = self._ahead
        upload = receiver.start(
            StartUpload(
                client_id=ahead.client_id,
                path=ahead.remote,
                size=None,
                modified_ns=ahead.began_ns,
                digest_algorithm=BLAKE3,
                chunk_bytes=ahead.chunk_bytes,
            )
        )
        if upload.state not in ("open", "expired"):
            raise ProblemError("upload_not_found", f"It was {upload.state}.")
        if upload.chunk_bytes != ahead.chunk_bytes:
            raise ProblemError("answer_invalid", "It speaks of another upload.")
        return upload

    def _send(
        self,
        receiver: Receiver,
        upload_id: str,
        source: Source,
        work: ChunkWork,
        missing: list[int],
    ) -> None:
        """Over one connection: it is in no hurry, as the file grows no faster than it is written."""
        buffer = new_buffer(work.plan.size)
        while missing and not self.enough.is_set():
            self.check()
            count = max(1, self._link.request_bytes(work.plan.chunk_bytes) // work.plan.chunk_bytes)
            numbers, missing = missing[:count], missing[count:]
            stream = ChunkStream(
                source, work, numbers, buffer, lambda wanted: self._may_leave(wanted, self.check)
            )
            answer = receiver.send_chunks(upload_id, stream, stream.length)
            stored = RangeSet(answer.stored)
            if any(number not in stored for number in numbers):
                raise ProblemError("answer_invalid", "It takes chunks, but does not keep them.")
            self._sent(stream.length)
