"""Which transfers run next. Pure: what runs and what could run come in, ids come out.

Two lanes: one file after the other where the bytes count, several at once where the requests count,
so that a big file never holds up a small one. A receiver that is away is one waiting state, here, and
not one of each row. A receiver that is full, or takes no more for now, is asked about by one file at a
time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from howdah_desktop.engine.backoff import FLOOR_SECONDS, delay_seconds

SMALL_BYTES = 8 * 1024 * 1024
"""Smaller files go through the lane for small ones."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How many transfers run at once in each lane."""

    large: int = 1
    small: int = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    id: int
    size: int | None
    """Bytes; None: not known yet."""


def is_small(size: int | None) -> bool:
    return size is not None and size < SMALL_BYTES


@dataclass(slots=True)
class Fullness:
    """What is known of a full receiver, or a quota that is used up: who was refused, and when.

    Files of about that size and more wait, and one of them asks again every 10 s; smaller ones may
    still find room.
    """

    refused_bytes: int | None = None
    asked_at: float = 0.0

    def refused(self, size: int, now: float) -> None:
        """`size` 0: smaller files would find no room either."""
        self.refused_bytes = size
        self.asked_at = now

    def taken(self, size: int) -> None:
        """A file of `size` bytes found room."""
        if self.refused_bytes is not None and size >= self._held_from:
            self.refused_bytes = None

    def ask_now(self) -> None:
        """Somebody wants to know: the next one asks at once."""
        self.asked_at = -FLOOR_SECONDS["storage_full"]

    def holds(self, size: int | None) -> bool:
        return self.refused_bytes is not None and (size is None or size >= self._held_from)

    def may_ask(self, now: float) -> bool:
        return now - self.asked_at >= FLOOR_SECONDS["storage_full"]

    @property
    def _held_from(self) -> int:
        # Half, so that a row of ever smaller files costs a few refusals and not one for each.
        return (self.refused_bytes or 0) // 2


@dataclass(slots=True)
class Reachability:
    """Whether the receiver can be worked with; if not, why, and when it is tried again.

    Times are seconds of a monotonic clock.
    """

    code: str | None = None
    detail: str = ""
    attempt: int = 0
    next_try: float = 0.0

    @property
    def up(self) -> bool:
        return self.code is None

    def lost(
        self,
        code: str,
        detail: str,
        now: float,
        chance: float,
        retry_after_seconds: float | None = None,
    ) -> None:
        """A request failed. Several that fail together count once."""
        if not self.up and now < self.next_try:
            return
        self.code, self.detail = code, detail
        self.attempt += 1
        self.next_try = now + delay_seconds(
            self.attempt, chance, code=code, retry_after_seconds=retry_after_seconds
        )

    def found(self) -> None:
        """It answered."""
        self.code, self.detail, self.attempt, self.next_try = None, "", 0, 0.0

    def probe_due(self, now: float) -> bool:
        return not self.up and now >= self.next_try


def choose(
    waiting: Iterable[Candidate],
    running: Iterable[Candidate],
    slots: Slots,
    fullness: Fullness,
    now: float,
) -> list[int]:
    """The ids to start now, in the order of `waiting`."""
    left = {True: slots.small, False: slots.large}
    asking = False
    for one in running:
        left[is_small(one.size)] -= 1
        asking = asking or fullness.holds(one.size)
    chosen: list[int] = []
    for one in waiting:
        if left[is_small(one.size)] <= 0:
            continue
        if fullness.holds(one.size):
            if asking or not fullness.may_ask(now):
                continue
            asking = True
        left[is_small(one.size)] -= 1
        chosen.append(one.id)
    return chosen
