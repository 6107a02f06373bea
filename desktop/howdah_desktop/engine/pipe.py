"""Standard input on its way: what has no name and no known end, and can be read only once.

Each chunk is kept in memory until the receiver has it, so that a break of the line costs nothing. But
nothing outlives this process: a pipe cannot be read again.
"""

from __future__ import annotations

import hashlib
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol, TypeVar

from howdah_common.chunks import MIB, UNKNOWN_SIZE_CHUNK_BYTES
from howdah_common.digests import BLAKE3, hasher
from howdah_common.frames import FRAME_OVERHEAD_BYTES, frame_header
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete, StartUpload
from howdah_common.problems import Next, ProblemError
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.backoff import delay_seconds
from howdah_desktop.engine.completion import Outcome, finish
from howdah_desktop.engine.ledger import new_client_id
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.remote.receiver import Receiver

Result = TypeVar("Result")

PIECE_BYTES = 1 * MIB
MOST_MISMATCHES = 5


class PipeWatch(Protocol):
    def pause(self, seconds: float, problem: ProblemError | None) -> None:
        """Wait because of `problem`. May raise to give up."""

    def may_leave(self, wanted: int) -> int:
        """Wait until some of `wanted` bytes may be handed to the line: how many. May raise to give up."""

    def arrived(self, done_bytes: int) -> None: ...


class PipeSender:
    """Sends a stream to its end."""

    def __init__(
        self,
        receiver: Receiver,
        stream: BinaryIO,
        target: str,
        if_exists: IfExists,
        watch: PipeWatch,
        *,
        sha256: bool = False,
    ) -> None:
        self._receiver = receiver
        self._stream = stream
        self._target = target
        self._if_exists = if_exists
        self._watch = watch
        self._whole = hashlib.sha256() if sha256 else None
        self._digests = bytearray()
        self._size = 0
        self.upload_id: str | None = None

    def run(self) -> Outcome:
        """Raises ProblemError: what does not pass by itself, and what the watch raises."""
        # Made once: the same words again are the same upload.
        words = StartUpload(
            client_id=new_client_id(),
            path=self._target,
            size=None,
            modified_ns=time.time_ns(),
            digest_algorithm=BLAKE3,
            chunk_bytes=UNKNOWN_SIZE_CHUNK_BYTES,
        )
        upload = self._patiently(lambda: self._receiver.start(words))
        self.upload_id = upload.id
        for number, chunk in enumerate(_chunks(self._stream, upload.chunk_bytes)):
            self._send(upload.id, number, chunk)
            self._watch.arrived(self._size)
        manifest = Manifest(self._size, upload.chunk_bytes, BLAKE3, bytes(self._digests))
        last_words = Complete(
            size=self._size,
            manifest_digest=manifest.digest().hex(),
            sha256=self._whole.hexdigest() if self._whole else None,
        )
        return self._patiently(
            lambda: finish(
                self._receiver,
                upload.id,
                last_words,
                self._target,
                self._if_exists,
                lambda seconds: self._watch.pause(seconds, None),
            )
        )

    def _send(self, upload_id: str, number: int, chunk: memoryview) -> None:
        state = hasher(BLAKE3)
        state.update(chunk)
        digest = state.digest()
        mismatches = 0
        while True:
            try:
                self._patiently(lambda: self._send_once(upload_id, number, chunk, digest))
                break
            except ProblemError as problem:
                mismatches += problem.code == "chunk_mismatch"
                again = problem.problem.next is Next.RESYNC or problem.code == "chunk_mismatch"
                if not again or mismatches >= MOST_MISMATCHES:
                    raise
                self._watch.pause(1.0, problem)
        self._digests += digest
        self._size += len(chunk)
        if self._whole is not None:
            self._whole.update(chunk)

    def _send_once(self, upload_id: str, number: int, chunk: memoryview, digest: bytes) -> None:
        length = len(chunk) + FRAME_OVERHEAD_BYTES
        try:
            frame = self._leaving(_frame(number, chunk, digest))
            answer = self._receiver.send_chunks(upload_id, frame, length)
            if number in RangeSet(answer.stored):
                return
        except ProblemError as problem:
            if problem.code != "offline":
                raise
            # The answer may be what was lost.
            if number in RangeSet(self._receiver.upload(upload_id).received):
                return
            raise
        raise ProblemError("chunk_mismatch", f"Chunk {number} is not there.")

    def _leaving(self, frame: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
        """As fast as it may."""
        for block in frame:
            piece = memoryview(block)
            while piece:
                count = self._watch.may_leave(len(piece))
                yield piece[:count]
                piece = piece[count:]

    def _patiently(self, ask: Callable[[], Result]) -> Result:
        """Ask again until what may pass by itself has passed."""
        attempt = 0
        while True:
            try:
                return ask()
            except ProblemError as problem:
                passes = problem.problem.next is Next.RETRY and problem.code != "interrupted"
                if not passes or problem.code == "chunk_mismatch":
                    raise
                attempt += 1
                seconds = delay_seconds(
                    attempt,
                    random.random(),
                    code=problem.code,
                    retry_after_seconds=problem.extra.get("retry_after_seconds"),
                )
                self._watch.pause(seconds, problem)


def _frame(number: int, chunk: memoryview, digest: bytes) -> Iterator[bytes | memoryview]:
    yield frame_header(number, len(chunk))
    for offset in range(0, len(chunk), PIECE_BYTES):
        yield chunk[offset : offset + PIECE_BYTES]
    yield digest


def _chunks(stream: BinaryIO, chunk_bytes: int) -> Iterator[memoryview]:
    """Chunks as the stream gives them, the next being read while one is sent. Raises source_failed."""
    read: queue.Queue[memoryview | OSError] = queue.Queue(maxsize=1)

    def run() -> None:
        try:
            while True:
                chunk = memoryview(bytearray(chunk_bytes))
                length = _fill(stream, chunk)
                read.put(chunk[:length])
                if length < chunk_bytes:
                    return
        except OSError as error:
            read.put(error)

    # Nobody can wake it from a read that never returns, so that it must not hold up the end.
    threading.Thread(target=run, name="standard input", daemon=True).start()
    while True:
        chunk = read.get()
        if isinstance(chunk, OSError):
            raise ProblemError("source_failed", f"({chunk.strerror})") from chunk
        if chunk:
            yield chunk
        if len(chunk) < chunk_bytes:
            return


def _fill(stream: BinaryIO, view: memoryview) -> int:
    """Read until `view` is full or the stream ends: how many bytes."""
    length = 0
    while length < len(view):
        count = stream.readinto(view[length:])  # type: ignore[attr-defined]  # raw and buffered have it
        if not count:
            break
        length += count
    return length
