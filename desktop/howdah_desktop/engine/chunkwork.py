"""One upload's chunks as the client sees them: which the receiver has, and every chunk's digest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from howdah_common.chunks import MIB, ChunkPlan
from howdah_common.digests import DIGEST_BYTES
from howdah_common.frames import FRAME_OVERHEAD_BYTES
from howdah_common.manifest import Manifest
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet

MOST_WHOLE_BYTES = 64 * MIB
"""Of chunks in one request, however little of them is sent: the receiver makes the rest meanwhile."""


@dataclass(frozen=True, slots=True)
class ChunkMap:
    """Which chunks are where, as ranges, both ends included."""

    chunk_bytes: int
    total_chunks: int
    received: tuple[tuple[int, int], ...]
    in_flight: tuple[tuple[int, int], ...]
    known: tuple[tuple[int, int], ...]


class ChunkWork:
    """Hands out missing chunks to connections. May be used from any thread.

    `received` is what the receiver said; the client never counts by itself.
    """

    def __init__(self, plan: ChunkPlan, algorithm: str) -> None:
        self.plan = plan
        self.algorithm = algorithm
        self._lock = threading.Lock()
        # Guarded by the lock:
        self._received = RangeSet()
        self._known = RangeSet()
        self._to_send = RangeSet()
        self._in_flight: dict[int, None] = {}
        """In the order in which they were handed to the line."""
        self._open = False
        self._payload_bytes: Callable[[int], int] = lambda number: plan.span(number).length
        self._digests = bytearray(plan.total_chunks * DIGEST_BYTES)
        self._hashed = bytearray(plan.total_chunks)

    # -- what the receiver has

    def receiver_says(self, received: Iterable[tuple[int, int]]) -> None:
        """This and nothing else is there. Raises answer_invalid for chunks that do not exist."""
        found = RangeSet()
        for first, last in received:
            if not 0 <= first <= last < self.plan.total_chunks:
                raise ProblemError(
                    "answer_invalid", f"It has chunks {first}-{last} of another file."
                )
            found.add(first, last)
        with self._lock:
            self._received = found

    def stored(self, ranges: Iterable[tuple[int, int]], sent: RangeSet) -> None:
        """Acknowledged out of `sent`; whatever else an answer names is not believed."""
        numbers = [n for n in RangeSet(ranges).numbers() if n in sent]
        with self._lock:
            for number in numbers:
                self._received.add(number)

    def filled(self, numbers: RangeSet) -> None:
        """The receiver took these from content that it had: nobody sent them."""
        with self._lock:
            for first, last in numbers:
                self._received.add(first, last)
                self._known.add(first, last)

    def received(self) -> RangeSet:
        with self._lock:
            return self._received.copy()

    def missing(self) -> RangeSet:
        with self._lock:
            return self._received.missing(self.plan.total_chunks)

    @property
    def received_bytes(self) -> int:
        with self._lock:
            return sum(self.plan.bytes_in(first, last) for first, last in self._received)

    def map(self, unsent_bytes: int = 0) -> ChunkMap:
        """`unsent_bytes`: what of those in flight still waits in this machine."""
        with self._lock:
            received = tuple(self._received)
            return ChunkMap(
                self.plan.chunk_bytes,
                self.plan.total_chunks,
                received,
                tuple(self._under_way(unsent_bytes)),
                # What it was filled with may have been lost there since.
                tuple(_in_both(received, tuple(self._known))),
            )

    # -- handing out

    def sends(self, payload_bytes: Callable[[int], int]) -> None:
        """What the frame of each chunk carries from now on, where that is not the whole chunk."""
        self._payload_bytes = payload_bytes

    def open_round(self, most_bytes: int | None) -> None:
        """Chunks that are missing may be taken, up to some `most_bytes` of them on the line."""
        missing = self.missing()
        if most_bytes is not None:
            missing = self._first(missing, most_bytes)
        with self._lock:
            self._to_send, self._open = missing, True

    def close_round(self) -> None:
        """Nothing more is handed out: a connection has broken, so ask the receiver first."""
        with self._lock:
            self._open = False

    def take(self, most_bytes: int) -> list[int]:
        """A run of neighbours whose frames have at most `most_bytes`, but at least one chunk."""
        with self._lock:
            first_range = next(iter(self._to_send), None) if self._open else None
            if first_range is None:
                return []
            first, last = first_range
            whole = left = 0
            for number in range(first, last + 1):
                left += self._payload_bytes(number) + FRAME_OVERHEAD_BYTES
                whole += self.plan.span(number).length
                if number > first and (left > most_bytes or whole > MOST_WHOLE_BYTES):
                    last = number - 1
                    break
            self._to_send.remove(first, last)
        return list(range(first, last + 1))

    def _first(self, numbers: RangeSet, most_bytes: int) -> RangeSet:
        """Of these those that come first, at least one."""
        chosen = RangeSet()
        for number in numbers.numbers():
            most_bytes -= self._payload_bytes(number)
            if most_bytes < 0 and chosen:
                break
            chosen.add(number)
        return chosen

    def leaves(self, number: int) -> None:
        """A chunk is handed to the line now."""
        with self._lock:
            self._in_flight[number] = None

    def landed(self, numbers: list[int]) -> None:
        """A run that was taken is not under way any more, whatever became of it."""
        with self._lock:
            for number in numbers:
                self._in_flight.pop(number, None)

    def _under_way(self, unsent_bytes: int) -> RangeSet:
        """Lines pass on in order: what has not left are the last ones."""
        numbers = list(self._in_flight)
        while numbers and self.plan.span(numbers[-1]).length <= unsent_bytes:
            unsent_bytes -= self.plan.span(numbers.pop()).length
        return RangeSet.of(numbers)

    # -- digests

    def hashed(self, number: int) -> bytes | None:
        """The digest of a chunk as it was read, if it was."""
        if not self._hashed[number]:
            return None
        return bytes(self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])

    def note(self, number: int, digest: bytes) -> None:
        """A chunk was read. Raises source_changed where it was read before and was another one."""
        before = self.hashed(number)
        if before is not None and before != digest:
            raise ProblemError("source_changed")
        # One number is read by one thread at a time.
        self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES] = digest
        self._hashed[number] = 1

    def manifest(self) -> Manifest:
        """Of what was read. Every chunk must have been."""
        if 0 in self._hashed:
            raise AssertionError("a chunk counts as sent that was never read")
        return Manifest(self.plan.size, self.plan.chunk_bytes, self.algorithm, bytes(self._digests))


def _in_both(
    some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """What two rows of ranges have in common, in one pass over both."""
    at = other_at = 0
    while at < len(some) and other_at < len(others):
        first = max(some[at][0], others[other_at][0])
        last = min(some[at][1], others[other_at][1])
        if first <= last:
            yield first, last
        if some[at][1] < others[other_at][1]:
            at += 1
        else:
            other_at += 1
