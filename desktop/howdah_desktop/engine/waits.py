"""Rows that wait for a moment, or for their file to be left alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.source import look
from howdah_desktop.engine.transfers import Transfer, TransferState
from howdah_desktop.system import SourceIdentity

S = TransferState


class Waits:
    """Belongs to the control thread. Moments are of the monotonic clock."""

    def __init__(self, rows: Rows, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._clock = clock
        self._due: dict[int, float] = {}
        self._seen: dict[int, SourceIdentity | None] = {}

    def add(self, row: Transfer, seconds: float) -> None:
        self._due[row.id] = self._clock() + seconds
        if row.state is S.SETTLING:
            self._seen[row.id] = _look(row)

    def drop(self, id_: int) -> None:
        self._due.pop(id_, None)
        self._seen.pop(id_, None)

    def next_due(self) -> float | None:
        return min(self._due.values(), default=None)

    def all_due(self) -> None:
        """The receiver answers again: what waits may be tried at once."""
        for id_ in self._due:
            if id_ not in self._seen:
                self._due[id_] = 0.0

    def wake(self) -> None:
        """Into the queue with those whose moment has come."""
        now = self._clock()
        for id_ in [id_ for id_, due in self._due.items() if due <= now]:
            row = self._rows.get(id_)
            if row is None or row.state not in (S.WAITING, S.SETTLING):
                self.drop(id_)
            elif row.state is S.SETTLING and not self._left_alone(row):
                self._due[id_] = now + outcomes.quiet_seconds(row.attempt)
            else:
                self.drop(id_)
                self._rows.put(row, state=S.QUEUED, next_try=None)

    def _left_alone(self, row: Transfer) -> bool:
        """Whether the source looks as it did a quiet time ago. One that is gone is the sender's to tell."""
        before, now = self._seen.get(row.id), _look(row)
        self._seen[row.id] = now
        return now == before


def _look(row: Transfer) -> SourceIdentity | None:
    try:
        return look(row.local)
    except ProblemError:
        return None
