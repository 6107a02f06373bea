"""The bytes of one download: what a part file misses, fetched in ranges by several threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from howdah_common.chunks import MIB
from howdah_common.digests import hasher
from howdah_common.manifest import Manifest
from howdah_common.messages import FileInfo, FileManifest
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_desktop.part_file import PartFile

REQUEST_BYTES = 8 * MIB
"""Of one range: long enough that asking costs little, short enough that no connection idles."""
READ_BYTES = 1 * MIB
MOST_WRONG = 3
"""So often a chunk that arrives wrong is fetched again."""
WORTHWHILE_BYTES = 64 * 1024
"""A line that breaks after as much is taken up again at once; one that brings less has to rest."""
LEAST_REQUEST_BYTES = 4 * 1024
"""Of one range under a limit: less would be mostly what is around it."""
TELL_EVERY_BYTES = 1 * MIB
TELL_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far a download is; all in bytes."""

    total_bytes: int
    checked_bytes: int
    """In chunks whose digest held, those of earlier tries included."""
    arrived_bytes: int
    """Over the line, now."""
    unchecked_bytes: int
    """In chunks of which a part is there."""
    chunk: int | None
    """The chunk that has just been checked."""
    chunk_bytes: int = 0
    held: tuple[tuple[int, int], ...] = ()
    """All that were checked, as ranges, both ends included."""


Progress = Callable[[FetchProgress], None]
"""Called from several threads, one at a time; must be quick and must not raise."""

MayCome = Callable[[int], int]
"""Waits until some of so many bytes may be asked for: how many. May raise to stop the download."""


def all_of_it(wanted: int) -> int:
    """A `MayCome` without a limit."""
    return wanted


class Fetches(Protocol):
    """What is needed of a receiver here; see there."""

    def file(self, file_id: str) -> FileInfo: ...
    def file_manifest(self, file_id: str) -> FileManifest: ...
    def content(
        self, file_id: str, version: str, first: int, last: int
    ) -> AbstractContextManager[Iterator[bytes]]: ...


class Readable(Protocol):
    """Something that chunks can be read from: bytes at an offset, fewer at its end."""

    def read_at(self, length: int, offset: int) -> bytes: ...


def chunk_holds(manifest: Manifest, number: int, file: Readable) -> bool:
    """Whether the bytes of a chunk, as they stand in `file`, have the digest of the manifest."""
    span = manifest.plan.span(number)
    state = hasher(manifest.algorithm)
    offset = span.offset
    while offset < span.end:
        data = file.read_at(min(READ_BYTES, span.end - offset), offset)
        if not data:
            return False
        state.update(data)
        offset += len(data)
    return state.digest() == manifest.chunk_digest(number)


class RangeFetch:
    """Fills one part file. Raises ProblemError; what has arrived and holds stays in the part."""

    def __init__(
        self,
        receiver: Fetches,
        info: FileInfo,
        manifest: Manifest,
        part: PartFile,
        progress: Progress,
        cancelled: Callable[[], bool],
        may_come: MayCome = all_of_it,
    ) -> None:
        self._receiver = receiver
        self._info = info
        self._manifest = manifest
        self._plan = manifest.plan
        self._part = part
        self._progress = progress
        self._cancelled = cancelled
        self._may_come = may_come
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # Guarded by the lock:
        self.held = RangeSet()
        """Chunks whose digest held."""
        self.arrived_bytes = 0
        self._checked_bytes = 0
        self._untold_bytes = 0
        self._told_at = 0.0
        self._positions: list[_Position] = []
        """Where the threads are."""
        self._runs: deque[tuple[int, int]] = deque()
        self._first_error: BaseException | None = None

    def run(self, connections: int) -> None:
        """Returns when every chunk holds."""
        self._keep_what_holds()
        self._runs.extend(_runs(self.held.missing(self._plan.total_chunks), self._manifest))
        workers = min(connections, len(self._runs))
        if workers == 0:
            return
        if workers == 1:
            self._work()  # a thread of its own would do nothing beside this one
        else:
            with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
                for _ in range(workers):
                    pool.submit(self._work)
        if self._first_error is not None:
            raise self._first_error

    def _keep_what_holds(self) -> None:
        """Whatever an earlier try left is hashed again: no record of it has to be right."""
        for number in range(self._plan.total_chunks):
            self._check_going()
            if self._part.maybe_written(self._plan.span(number).offset) and self._holds(number):
                self._count(number)

    def _work(self) -> None:
        """One thread: takes runs until there are none, or until one thread has failed."""
        try:
            while (run := self._next_run()) is not None:
                self._fetch_run(*run)
        except BaseException as error:  # noqa: BLE001  # `run` raises it
            with self._lock:
                self._first_error = self._first_error or error
            self._stop.set()

    def _next_run(self) -> tuple[int, int] | None:
        with self._lock:
            return self._runs.popleft() if self._runs else None

    def _fetch_run(self, first: int, last: int) -> None:
        """Chunks `first` to `last`. A line that breaks in the middle is taken up where it broke."""
        at = _Position(first, self._plan.span(first).offset)
        with self._lock:
            self._positions.append(at)
        wrong: dict[int, int] = {}
        begun_at = at.offset
        while at.chunk <= last:
            try:
                self._read_range(at, last)
            except _WrongChunk:
                wrong[at.chunk] = wrong.get(at.chunk, 0) + 1
                if wrong[at.chunk] > MOST_WRONG:
                    raise ProblemError(
                        "download_mismatch", f"It was chunk {at.chunk}.", {"chunk": at.chunk}
                    ) from None
                begun_at = at.offset = self._plan.span(at.chunk).offset
            except ProblemError as problem:
                if problem.code != "offline" or at.offset - begun_at < WORTHWHILE_BYTES:
                    raise
                begun_at = at.offset
        with self._lock:
            self._positions.remove(at)

    def _read_range(self, at: _Position, last: int) -> None:
        """One request, from `at` towards the end of chunk `last`; `at` moves along.

        Under a limit it asks for as much as may come now, and not for more: what was asked for comes as
        fast as the line is, however slowly it is read here, as the kernel takes megabytes.
        """
        self._check_going()
        end = self._plan.span(last).end
        end = at.offset + self._asked_for(end - at.offset)
        content = self._receiver.content(self._info.id, self._info.version, at.offset, end - 1)
        with content as blocks:
            for block in blocks:
                self._check_going()
                self._part.write_at(block, at.offset)
                at.offset += len(block)
                self._arrived(len(block))
                while at.chunk <= last and self._plan.span(at.chunk).end <= at.offset:
                    if not self._holds(at.chunk):
                        raise _WrongChunk
                    self._count(at.chunk, at)

    def _holds(self, number: int) -> bool:
        return chunk_holds(self._manifest, number, self._part)

    def _asked_for(self, wanted: int) -> int:
        count = 0
        while count < min(wanted, LEAST_REQUEST_BYTES):
            count += self._may_come(wanted - count)
            self._check_going()
        return count

    def _check_going(self) -> None:
        if self._stop.is_set() or self._cancelled():
            raise ProblemError("interrupted")

    def _arrived(self, count: int) -> None:
        with self._lock:
            self.arrived_bytes += count
            self._untold_bytes += count
            due = self._told_at + TELL_EVERY_SECONDS
            if self._untold_bytes >= TELL_EVERY_BYTES or time.monotonic() >= due:
                self._tell(None)

    def _count(self, number: int, at: _Position | None = None) -> None:
        with self._lock:
            self.held.add(number)
            self._checked_bytes += self._plan.span(number).length
            if at is not None:
                at.chunk += 1
            self._tell(number)

    def _tell(self, chunk: int | None) -> None:
        self._untold_bytes, self._told_at = 0, time.monotonic()
        self._progress(
            FetchProgress(
                self._plan.size,
                self._checked_bytes,
                self.arrived_bytes,
                sum(
                    max(0, at.offset - at.chunk * self._plan.chunk_bytes) for at in self._positions
                ),
                chunk,
                self._plan.chunk_bytes,
                tuple(self.held),
            )
        )


@dataclass(slots=True)
class _Position:
    """Where a run stands: the chunk that is being filled, and where its next byte goes."""

    chunk: int
    offset: int


class _WrongChunk(Exception):
    """What stands in the part is not what the manifest says."""


def _runs(missing: RangeSet, manifest: Manifest) -> Iterator[tuple[int, int]]:
    """Missing chunks as runs of one request each."""
    chunks = max(1, REQUEST_BYTES // manifest.chunk_bytes)
    for first, last in missing:
        for start in range(first, last + 1, chunks):
            yield start, min(start + chunks - 1, last)
