"""What can be done with rows, and whose ids an order names. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from howdah_desktop.engine.views import RootView
from howdah_desktop.window.classes import Row

_LIVE = {"new", "settling", "queued", "sending", "fetching", "finishing", "waiting"}
_AGAIN = {"waiting", "failed", "settling"}
ENDED = {"done", "skipped", "cancelled"}


@dataclass(frozen=True, slots=True)
class Possible:
    """Which orders do something to at least one of the rows."""

    pause: bool = False
    go_on: bool = False
    try_again: bool = False
    cancel: bool = False
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows as the engine names them."""

    ids: tuple[int, ...]
    roots: tuple[int, ...]

    @staticmethod
    def of(keys: Iterable[int]) -> Chosen:
        keys = tuple(keys)
        return Chosen(tuple(key for key in keys if key > 0), tuple(-key for key in keys if key < 0))


def possible(rows: Iterable[Row]) -> Possible:
    states: set[str] = set()
    listing = False
    for row in rows:
        if isinstance(row, RootView):
            states.update(state for state, count in row.files.items() if count)
            listing = listing or row.listing
        else:
            states.add(row.state)
    return Possible(
        pause=bool(states & _LIVE) or listing,
        go_on="paused" in states,
        try_again=bool(states & _AGAIN),
        cancel=bool(states & (_LIVE | {"failed", "paused"})) or listing,
        remove=bool(states & ENDED),
    )
