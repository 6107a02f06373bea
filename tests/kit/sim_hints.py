"""What tells a simulated engine of changes: at once, late, twice, or not at all but for a word of doubt."""

from __future__ import annotations

import random
from collections.abc import Callable

from howdah_desktop.folders.hints import Closed, Dirty, Doubtful, Hint, Mode
from kit.sim_clock import SimClock

SOON_SECONDS = 0.3
LATE_SECONDS = 20.0


class SimHints:
    """In place of `folders.hints.Hints`."""

    def __init__(
        self, clock: SimClock, chance: random.Random, heard: Callable[[Hint], None]
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._heard = heard
        self._on_the_way: list[tuple[float, Hint]] = []
        self._listens = False
        self._lossy = chance.random() < 0.5
        """Else every change is told of, and no comparison of everything makes up for what was not heard."""
        self.mode = Mode.EVENTS
        self.why = ""

    def start(self) -> None:
        self._listens = True

    def stop(self) -> None:
        self._listens = False
        self._on_the_way.clear()

    def took(self, seconds: float) -> None:
        pass

    # -- the disk's side

    def changed(self, folder: str) -> None:
        if not self._listens:
            return
        hint = Dirty(folder.encode())
        how = self._chance.random()
        if how < 0.6:
            self._send(hint, SOON_SECONDS)
        elif how < 0.75:
            self._send(hint, LATE_SECONDS)
        elif how < 0.85 or not self._lossy:
            self._send(hint, SOON_SECONDS)
            self._send(hint, LATE_SECONDS)
        else:
            self._send(Doubtful("events were lost"), LATE_SECONDS)

    def closed(self, path: str) -> None:
        if self._listens and self._chance.random() < 0.6:
            self._send(Closed(path.encode()), SOON_SECONDS)

    def _send(self, hint: Hint, within: float) -> None:
        self._on_the_way.append((self._clock.now + self._chance.random() * within, hint))

    # -- time goes on

    def next_moment(self) -> float | None:
        return min((due for due, _ in self._on_the_way), default=None)

    def deliver(self) -> None:
        due = [one for one in self._on_the_way if one[0] <= self._clock.now]
        self._on_the_way = [one for one in self._on_the_way if one[0] > self._clock.now]
        for _, hint in due:
            self._heard(hint)
