"""What changed, numbered, so that whoever follows the engine hears of it once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MOST_REMEMBERED = 20_000
"""Rows. Who asks about a change that is older than these must look at everything again."""


class News:
    """Written and read by the control thread; `wait`, `nudge` and `call_window` are for any.

    Rows come as pairs: id, and root (0: none). A root has changed whenever a row of it has.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        # Not from 1: a number that another engine gave, earlier, is known as such.
        self._change = self._known_since = time.time_ns() // 1_000_000
        # Newest last:
        self._rows: dict[int, int] = {}
        self._roots: dict[int, int] = {}
        self._gone: dict[int, int] = {}
        self._root_of: dict[int, int] = {}
        self._nudged = False
        self.calls = 0
        self.called_group: int | None = None

    @property
    def change(self) -> int:
        return self._change

    # -- what changed

    def rows(self, pairs: Iterable[tuple[int, int]]) -> None:
        """These rows are not what they were."""
        with self._next() as change:
            for id_, root in pairs:
                _put_last(self._rows, id_, change)
                self._root_of[id_] = root
                if root:
                    _put_last(self._roots, root, change)
            self._forget()

    def roots(self, roots: Iterable[int]) -> None:
        with self._next() as change:
            for root in roots:
                if root:
                    _put_last(self._roots, root, change)

    def gone(self, pairs: Iterable[tuple[int, int]]) -> None:
        """These are not in the list any more."""
        with self._next() as change:
            for id_, root in pairs:
                _put_last(self._gone, id_, change)
                if root:
                    _put_last(self._roots, root, change)

    def back(self, id_: int, root: int) -> None:
        """One that was gone is in the list again."""
        self._gone.pop(id_, None)
        self.rows([(id_, root)])

    def much(self) -> None:
        """So many rows that nobody is told which."""
        with self._next() as change:
            self._known_since = change
            for kept in (self._rows, self._roots, self._gone, self._root_of):
                kept.clear()

    def something(self) -> None:
        """Nothing about rows: the receiver, the line."""
        with self._next():
            pass

    # -- who follows

    def knows(self, since: int) -> bool:
        """Whether all that changed after `since` is known here."""
        return self._known_since <= since <= self._change

    def rows_since(self, since: int) -> list[tuple[int, int]]:
        return [(id_, self._root_of[id_]) for id_ in _after(self._rows, since)]

    def roots_since(self, since: int) -> list[int]:
        return list(_after(self._roots, since))

    def gone_since(self, since: int) -> list[int]:
        return list(_after(self._gone, since))

    def wait(self, since: int, seconds: float, *, window: bool = False) -> None:
        """Until there is something newer than `since`; for a window, also until it is nudged."""
        with self._news:
            self._news.wait_for(
                lambda: self._change != since or (window and self._nudged), timeout=seconds
            )
            self._nudged = self._nudged and not window

    def nudge(self) -> None:
        """A window that waits, or is just about to, goes on at once."""
        with self._news:
            self._nudged = True
            self._news.notify_all()

    def call_window(self, group: int | None) -> None:
        with self._next():
            self.calls += 1
            self.called_group = group

    # -- inside

    @contextmanager
    def _next(self) -> Iterator[int]:
        with self._news:
            self._change += 1
            yield self._change
            self._news.notify_all()

    def _forget(self) -> None:
        while len(self._rows) > MOST_REMEMBERED:
            id_ = next(iter(self._rows))
            self._known_since = max(self._known_since, self._rows.pop(id_))
            del self._root_of[id_]


def _put_last(changes: dict[int, int], key: int, change: int) -> None:
    changes.pop(key, None)
    changes[key] = change


def _after(changes: dict[int, int], since: int) -> Iterator[int]:
    """Newest first, so that it costs as much as there is to tell."""
    for key in reversed(changes):
        if changes[key] <= since:
            return
        yield key
