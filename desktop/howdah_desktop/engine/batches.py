"""Small files that are queued, many in one request: which go together. Belongs to the control thread.

A request a file costs more than the file. So what is small enough and asks for nothing of its own is
gathered, and the others run one by one as before. A line that breaks gets smaller batches; a receiver that
does not know them gets none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from howdah_common.chunks import KIB, MIB
from howdah_desktop.engine.scheduler import Fullness
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer

MOST_FILE_BYTES = 256 * KIB
MOST_BYTES = 4 * MIB
LEAST_BYTES = 64 * KIB
"""Where not even so much gets through at once, files go one by one, and their chunks again."""
MOST_FILES = 500
AT_ONCE = 2
"""While one side makes one durable, the next is on its way."""
_MODES = frozenset({IfExists.VERSION, IfExists.KEEP_BOTH})
"""Of uploads; here, whatever stands in the way makes a download one that goes by itself."""


class Taught(Protocol):
    """What a batch that has ended knows."""

    single: set[int]
    not_known_there: bool
    broke: bool
    sent: bool


class Batches:
    """Of one kind: uploads, or downloads."""

    def __init__(self, at_once: int = AT_ONCE, kind: Kind = Kind.UPLOAD) -> None:
        self._kind = kind
        self._at_once = at_once
        self._most_bytes = MOST_BYTES
        self._running = 0
        self._known_there = True
        # What is to go by itself: it did not fit, or its batch was refused as a whole.
        self._single: set[int] = set()
        self.rows: set[int] = set()
        """Ids of transfers that are on their way in batches."""

    @property
    def has_room(self) -> bool:
        """Whether another could begin."""
        return self._known_there and self._running < self._at_once

    @property
    def look_ahead(self) -> int:
        """How many more queued rows are worth a look."""
        if not self.has_room:
            return 0
        return MOST_FILES * (self._at_once - self._running) + len(self.rows)

    def wants_any(self, queued: Iterable[Transfer], fullness: Fullness) -> bool:
        """Whether a batch could begin with any of these."""
        return self.has_room and any(self._fits(row, fullness) for row in queued)

    def take(
        self, queued: Iterable[Transfer], fullness: Fullness
    ) -> tuple[list[list[Transfer]], list[Transfer]]:
        """Batches to begin now, and what is to run by itself; what may go in a later batch is in neither."""
        if not self._known_there:
            return [], list(queued)
        together: list[Transfer] = []
        rest: list[Transfer] = []
        for row in queued:
            (together if self._fits(row, fullness) else rest).append(row)
        if len(together) == 1 and not self._running:
            return [], [
                *rest,
                *together,
            ]  # a request of its own, which need not be read into memory
        found: list[list[Transfer]] = []
        while together and self._running + len(found) < self._at_once:
            count = self._count(together)
            found.append(together[:count])
            together = together[count:]
        return found, rest

    def _fits(self, row: Transfer, fullness: Fullness) -> bool:
        return (
            row.kind is self._kind
            and row.size is not None
            and row.size <= min(MOST_FILE_BYTES, self._most_bytes)
            and not row.sha256
            and (row.if_exists in _MODES or row.kind is Kind.DOWNLOAD)
            and row.upload_id is None  # one that began by itself goes on by itself
            and row.id not in self._single
            and not fullness.holds(row.size)
        )

    def _count(self, rows: Sequence[Transfer]) -> int:
        total = 0
        for count, row in enumerate(rows[:MOST_FILES]):
            total += row.size or 0
            if total > self._most_bytes and count:
                return count
        return min(len(rows), MOST_FILES)

    def begin(self, rows: Iterable[Transfer]) -> None:
        self._running += 1
        self.rows.update(row.id for row in rows)

    def ended(self, run: Taught, ids: Iterable[int]) -> None:
        """What it taught is kept for the next."""
        self._running -= 1
        self.rows.difference_update(ids)
        self._single |= run.single
        if run.not_known_there:
            self._known_there = False
        elif run.broke:
            self._most_bytes //= 2
            if self._most_bytes < LEAST_BYTES:
                self._most_bytes = LEAST_BYTES
                self._single.update(ids)
        elif run.sent:
            self._most_bytes = min(MOST_BYTES, self._most_bytes * 2)

    def forget(self, id_: int) -> None:
        """The transfer is at an end."""
        self._single.discard(id_)
