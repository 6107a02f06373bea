"""How many bytes may pass now: one token bucket for all connections of a direction. Pure.

Who wants to pass stands in line, and gets a small piece when it is the first: so the connections take
turns, none of them starves, and each sends something several times a second. The other side drops a line
that is silent (30 s without a byte), and so must never see one. The time comes in as an argument, in
seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque

from howdah_common.chunks import MIB

BURST_SECONDS = 0.25
"""What was not used may be made up for, up to so much."""
PIECES_OF_A_BURST = 4
"""Pieces are small against the burst, so that several connections share even that."""
MOST_PIECE_BYTES = 8 * MIB


class Bucket:
    """Over any interval no more passes than the limit times its length, and one burst."""

    def __init__(self, now: float, bytes_per_second: float | None = None) -> None:
        """`bytes_per_second` None: no limit."""
        self._rate = bytes_per_second
        self._tokens = 0.0
        self._at = now
        self._line: deque[int] = deque()
        self._tickets = 0

    @property
    def bytes_per_second(self) -> float | None:
        return self._rate

    def limit(self, bytes_per_second: float | None, now: float) -> None:
        """Another limit, also for who stands in line already."""
        self._fill(now)
        self._rate = bytes_per_second
        self._tokens = min(self._tokens, self._burst)

    def join(self) -> int:
        """Stand in line; gives a ticket."""
        self._tickets += 1
        self._line.append(self._tickets)
        return self._tickets

    def leave(self, ticket: int) -> None:
        """Give up one's place. One that has passed has none."""
        if ticket in self._line:
            self._line.remove(ticket)

    def take(self, ticket: int, wanted: int, now: float) -> int:
        """How many bytes may pass now, of `wanted` (at least 1); 0: not yet. Who passes has left the line."""
        self._fill(now)
        piece = self._piece(wanted)
        if self._rate is not None:
            if self._line[0] != ticket or self._tokens < piece:
                return 0
            self._tokens -= piece
        self._line.remove(ticket)
        return piece

    def seconds_left(self, ticket: int, wanted: int, now: float) -> float | None:
        """Until the first in line may pass; None, for all others: when those before them have."""
        if self._rate is None:
            return 0.0
        if self._line[0] != ticket:
            return None
        self._fill(now)
        return max(0.0, (self._piece(wanted) - self._tokens) / self._rate)

    @property
    def _burst(self) -> float:
        return 0.0 if self._rate is None else max(1.0, self._rate * BURST_SECONDS)

    def _piece(self, wanted: int) -> int:
        if self._rate is None:
            return wanted
        return max(1, min(wanted, MOST_PIECE_BYTES, int(self._burst / PIECES_OF_A_BURST)))

    def _fill(self, now: float) -> None:
        # A monotonic clock that goes back would be a fault of ours; nothing is taken away for it.
        passed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        if self._rate is not None:
            self._tokens = min(self._burst, self._tokens + passed * self._rate)
