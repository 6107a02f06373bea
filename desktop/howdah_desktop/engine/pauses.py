"""Pauses with an end: what goes on by itself at a moment of the wall clock, over restarts and sleep."""

from __future__ import annotations

from collections.abc import Callable

from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.news import News
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.runs import Runs


class Pauses:
    """Belongs to the control thread. Moments stand in the ledger, in seconds since 1970."""

    def __init__(
        self, ledger: Ledger, news: News, rows: Rows, runs: Runs, clock: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._news = news
        self._rows = rows
        self._runs = runs
        self._clock = clock
        self._next: float | None = None

    def changed(self) -> None:
        """Something was paused, or an engine begins."""
        self._rows.save()
        moments = [self._ledger.next_to_go_on()]
        moments += [root.paused_until for root in self._ledger.roots()]
        self._next = min((moment for moment in moments if moment is not None), default=None)

    def seconds_left(self) -> float | None:
        """Until `wake` has something to do; None: when something else happens."""
        return None if self._next is None else max(0.0, self._next - self._clock())

    def wake(self) -> None:
        """Into the queue with those whose moment has come."""
        now = self._clock()
        if self._next is None or self._next > now:
            return
        self._runs.go_on_due(now)
        self._rows.save()
        self._rows.touched(self._ledger.go_on_due(now, self._runs.running))
        self._news.roots(self._ledger.roots_go_on_due(now))
        self.changed()
