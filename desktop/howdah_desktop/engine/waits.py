"""Rows that wait for a moment, or for their file to be left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.source import look
from howdah_desktop.engine.transfers import Transfer, TransferState
from howdah_desktop.system import SourceIdentity

S = TransferState

ENDING_SECONDS = 1.0
"""What is sent ahead of a file ends soon once that has settled: then it is looked at again."""

Looks = dict[int, SourceIdentity | None]


class Waits:
    """Belongs to the control thread. Moments are of the monotonic `clock`; `wall` gives seconds since 1970.

    Files are looked at in a thread of the pool, and by one at a time: a disk that hangs holds up nobody
    but those who wait for it.
    """

    def __init__(
        self,
        control: ControlThread,
        rows: Rows,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._control = control
        self._rows = rows
        self._clock = clock
        self._wall = wall
        self._due: dict[int, float] = {}
        """Without those whose moment has come and who are being looked at."""
        self._quiet: dict[int, float] = {}
        """How long those of watched folders must be left alone, in seconds."""
        self._seen: Looks = {}
        self._to_look: dict[int, bytes] = {}
        self._looking = False
        self.on_growth: Callable[[Transfer, int], None] = lambda row, size: None
        """Hears of a file that has grown since it was last looked at, and its size."""
        self.is_sending: Callable[[Transfer], bool] = lambda row: False
        """Whether some of a file that has settled is still being sent ahead. Being asked, that ends soon."""

    def add(self, row: Transfer, seconds: float, quiet_seconds: float = 0.0) -> None:
        """`quiet_seconds`: after each change of its source, from now on."""
        self._due[row.id] = self._clock() + seconds
        if quiet_seconds:
            self._quiet[row.id] = quiet_seconds
        if row.state is S.SETTLING:
            self._seen.pop(row.id, None)
            self._look([row])

    def hurry(self, id_: int, seconds: float) -> None:
        """Whoever writes the source says that they are done: it need not be left alone for longer."""
        due = self._clock() + seconds
        if self._due.get(id_, 0.0) > due:
            self._due[id_] = due
            self._quiet[id_] = seconds
            row = self._rows.get(id_)
            if row is not None and row.state is S.SETTLING:
                self._look([row])  # what counts is whether it changes from now on

    def drop(self, id_: int) -> None:
        self._due.pop(id_, None)
        self._quiet.pop(id_, None)
        self._seen.pop(id_, None)
        self._to_look.pop(id_, None)

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
        settling: list[Transfer] = []
        for id_ in [id_ for id_, due in self._due.items() if due <= now]:
            row = self._rows.get(id_)
            if row is not None and row.state is S.SETTLING:
                del self._due[id_]
                settling.append(row)
                continue
            self.drop(id_)
            if row is not None and row.state is S.WAITING:
                self._rows.put(row, state=S.QUEUED, next_try=None)
        self._look(settling)

    def _look(self, rows: Iterable[Transfer] = ()) -> None:
        self._to_look.update((row.id, row.local) for row in rows)
        if self._to_look and not self._looking:
            self._looking = True
            wanted, self._to_look = self._to_look, {}
            self._control.submit(
                lambda: {id_: _look(path) for id_, path in wanted.items()}, self._looked
            )

    def _looked(self, found: Looks | ProblemError) -> None:
        self._looking = False
        for id_, seen in found.items() if isinstance(found, dict) else ():
            first = id_ not in self._seen
            before, self._seen[id_] = self._seen.get(id_), seen
            row = self._rows.get(id_)
            if row is None or row.state is not S.SETTLING:
                self.drop(id_)
            elif id_ not in self._due:
                self._settle(row, seen, left_alone=not first and before == seen)
                if before is not None and seen is not None and _has_grown(before, seen):
                    self.on_growth(row, seen.size)
        self._look()

    def _settle(self, row: Transfer, seen: SourceIdentity | None, *, left_alone: bool) -> None:
        """Its moment has come. A source that is gone is the sender's to tell."""
        ending = left_alone and self.is_sending(row)
        # As large as it became: what is queued, or paused, goes by that.
        size = row.size if seen is None else seen.size
        if left_alone and not ending:
            self.drop(row.id)
            self._rows.put(row, state=S.QUEUED, next_try=None, size=size)
        else:
            wait = self._quiet.get(row.id, 0.0) or outcomes.quiet_seconds(row.attempt)
            wait = min(wait, ENDING_SECONDS) if ending else wait
            self._due[row.id] = self._clock() + wait
            self._rows.write(replace(row, next_try=self._wall() + wait, size=size))


def _has_grown(before: SourceIdentity, seen: SourceIdentity) -> bool:
    same = (before.device, before.inode) == (seen.device, seen.inode)
    return same and seen.size > before.size


def _look(path: bytes) -> SourceIdentity | None:
    try:
        return look(path)
    except ProblemError:
        return None
