"""What is learned about the line: how much one request carries, how a file is best cut. Pure.

A good line takes long requests over several connections. One that breaks takes one connection, as each
connection that breaks loses the chunk it was just carrying, and small chunks, so that little is lost.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace

from howdah_common.chunks import (
    KIB,
    MIB,
    SMALLEST_CHUNK_BYTES,
    ChunkPlan,
    default_chunk_bytes,
    smallest_chunk_bytes,
)

FIRST_REQUEST_BYTES = 1 * MIB
"""The first request of a line finds out how fast it is; then 16 MiB, doubling up to the most."""
NEXT_REQUEST_BYTES = 16 * MIB
MOST_REQUEST_BYTES = 64 * MIB
SLOW_BYTES_PER_SECOND = 1_000_000
"""One connection fills such a line, and a second one would be another chunk to lose."""
RATE_FROM_BYTES = 256 * KIB
"""Shorter requests tell of round trips, not of the rate."""
NEAR_BYTES_PER_SECOND = 30_000_000
"""Of one connection. On a faster line more than two only compete for the processor (measured)."""
NEAR_CONNECTIONS = 2
FAST_BYTES_PER_SECOND = 150_000_000
"""Of all connections: more than a line of 1 Gbit/s carries. Here the processor holds up, not the line."""
FAR_CONNECTIONS = 4
"""On a long line some of them always send while others wait for their answers."""
LOOK_AGAIN_BYTES = 64 * MIB
"""After so much over one connection the number of connections is decided again."""
GOOD_AFTER_BYTES = 64 * MIB
"""A line that carried so much on end does not break every few seconds."""
CAREFUL_CHUNK_BYTES = 256 * KIB
CAREFUL_UP_TO_BYTES = 64 * MIB
"""Files up to this size are cut finely: it costs them next to nothing. Also on a line that has proved good,
as the same file on the same grid is found to be there already."""
PARTS_OF_A_BREAK = 16
"""A break loses half a chunk on average: with chunks of a sixteenth of what a connection carries between
two breaks, about 3 % is sent twice."""
HELD_PART = 0.2
"""Of a request's time: if our own limit held it for longer, its rate is the limit's and not the line's."""
LONGEST_REQUEST_SECONDS = 6.0
"""On a slow line: an acknowledgement at least so often."""


@dataclass(frozen=True, slots=True)
class LinkMemory:
    """What one run leaves to the next. `carried_bytes`: between two breaks, None: none was seen."""

    carried_bytes: int | None = None
    good: bool = False

    def as_dict(self) -> dict[str, int | bool | None]:
        return asdict(self)


class Link:
    """The line to one receiver, as all connections together see it. May be used from any thread."""

    def __init__(self, memory: LinkMemory | None = None) -> None:
        self._lock = threading.Lock()
        self._memory = memory or LinkMemory()
        self._since_break = 0
        self._request_bytes = FIRST_REQUEST_BYTES
        self._rate = 0.0
        """Of one connection, when so many shared the line:"""
        self._sharing = 1
        self._at_least = False
        """The rate is of our own limit: the line may be faster."""
        self._limit: float | None = None

    def limited_to(self, bytes_per_second: float | None) -> None:
        """All connections together send no more than that, by our own limit; None: as much as they can."""
        with self._lock:
            self._limit = bytes_per_second

    @property
    def memory(self) -> LinkMemory:
        with self._lock:
            return self._memory

    def connections(self, chosen: int | None) -> int:
        """How many connections a large file uses now: as the line needs, `chosen` by the user at most."""
        with self._lock:
            needed = FAR_CONNECTIONS
            if self._breaks or self._slow:
                needed = 1
            elif self._rate >= NEAR_BYTES_PER_SECOND:
                needed = NEAR_CONNECTIONS
            return needed if chosen is None else min(needed, chosen)

    @property
    def fast(self) -> bool:
        """Whether what is computed beside sending costs time."""
        with self._lock:
            return self._rate * self._sharing >= FAST_BYTES_PER_SECOND

    def round_bytes(self) -> int | None:
        """How much to send until `connections` is asked again; None: all there is."""
        with self._lock:
            if not self._rate and self._limit is None:
                return FIRST_REQUEST_BYTES
            return LOOK_AGAIN_BYTES if self._breaks or self._slow else None

    def request_bytes(self, chunk_bytes: int, connections: int = 1) -> int:
        """How many bytes of chunks the next request carries, one of `connections`: at least one chunk."""
        with self._lock:
            wanted = self._request_bytes
            if self._rate:
                # What is known may be of one connection alone, and now several share the line.
                rate = self._rate * min(1.0, self._sharing / connections)
                wanted = min(wanted, int(rate * LONGEST_REQUEST_SECONDS))
            if self._limit is not None:
                wanted = min(wanted, int(self._limit / connections * LONGEST_REQUEST_SECONDS))
            return max(chunk_bytes, min(wanted, MOST_REQUEST_BYTES))

    def carried(
        self, sent_bytes: int, seconds: float, sharing: int = 1, held_seconds: float = 0.0
    ) -> None:
        """A request arrived whole; `sharing` were under way, with it. Of its `seconds`, our own limit held
        it for `held_seconds`: then the line is at least so fast, and nothing says that it is no faster."""
        with self._lock:
            self._since_break += sent_bytes
            if sent_bytes >= self._request_bytes // 2:  # less says nothing about longer ones
                first = self._request_bytes == FIRST_REQUEST_BYTES and not self._breaks
                wanted = NEXT_REQUEST_BYTES if first else self._request_bytes * 2
                self._request_bytes = min(MOST_REQUEST_BYTES, max(wanted, sent_bytes))
            if held_seconds > seconds * HELD_PART:
                self._held_by_limit(sent_bytes / max(seconds, 0.001), sharing)
            elif sent_bytes >= RATE_FROM_BYTES:
                self._rate = sent_bytes / max(seconds, 0.001)
                self._sharing = sharing
                self._at_least = False
            if self._since_break >= GOOD_AFTER_BYTES and not self._memory.good:
                self._memory = LinkMemory(carried_bytes=None, good=True)

    def _held_by_limit(self, rate: float, sharing: int) -> None:
        """With the lock."""
        if rate * sharing > self._rate * self._sharing:
            self._rate, self._sharing, self._at_least = rate, sharing, True

    def broke(self, sent_bytes: int) -> None:
        """A connection broke after `sent_bytes` of its last request."""
        with self._lock:
            carried = self._since_break + sent_bytes
            before = self._memory.carried_bytes
            # The smaller of two breaks counts more: a chunk must get through on a bad minute too.
            learned = carried if before is None else min(carried * 2, (before + carried) // 2)
            if carried < GOOD_AFTER_BYTES:
                self._memory = replace(self._memory, carried_bytes=learned, good=False)
            self._since_break = 0
            self._request_bytes = 1  # one chunk

    def chunk_bytes(self, size: int) -> int:
        """How a file of `size` bytes is best cut."""
        wanted = default_chunk_bytes(size)
        carried_bytes = self.memory.carried_bytes
        if carried_bytes is not None:
            wanted = min(wanted, _power_of_two(carried_bytes // PARTS_OF_A_BREAK))
        elif size <= CAREFUL_UP_TO_BYTES:
            wanted = min(wanted, CAREFUL_CHUNK_BYTES)
        if size <= wanted:
            # One chunk on any grid: on the usual one it is known again, whatever the line was like.
            return default_chunk_bytes(size)
        return max(wanted, smallest_chunk_bytes(size))

    def takes(self, plan: ChunkPlan) -> bool:
        """Whether chunks of that size get through, as far as is known."""
        careful = self.memory.carried_bytes is not None
        most = self.chunk_bytes(plan.size) if careful else default_chunk_bytes(plan.size)
        return plan.chunk_bytes <= most

    @staticmethod
    def smaller_chunk_bytes(plan: ChunkPlan) -> int | None:
        """The next size to try where no chunk of a plan gets through; None: there is none."""
        longest = min(plan.chunk_bytes, max(plan.size, 1))
        smaller = max(_power_of_two(longest // 4), smallest_chunk_bytes(plan.size))
        return smaller if smaller < plan.chunk_bytes else None

    @property
    def _slow(self) -> bool:
        """Or nothing is known yet. What counts is the line, however many shared it.

        What our own limit makes slow is not slow: it keeps its connections.
        """
        if self._at_least or (not self._rate and self._limit is not None):
            return False
        return self._rate * self._sharing < SLOW_BYTES_PER_SECOND

    @property
    def _breaks(self) -> bool:
        return self._memory.carried_bytes is not None and not self._memory.good


def _power_of_two(most: int) -> int:
    """The largest one up to `most`, but at least the smallest chunk."""
    return max(SMALLEST_CHUNK_BYTES, 1 << (max(most, 1).bit_length() - 1))
