"""What kind of row a row is, for chips, and where it stands by activity. Pure.

Plain numbers inside: an enum's operators are slow, and there may be 100,000 rows.
"""

from __future__ import annotations

from enum import IntFlag

from howdah_desktop.engine.transfers import HELD
from howdah_desktop.engine.views import RootView, TransferView
from howdah_desktop.window.sentences import FULL

Row = TransferView | RootView


class Class(IntFlag):
    """What somebody looks for; a folder may be several at once."""

    ACTIVE = 1
    WAITING = 2
    PAUSED = 4
    NEEDS_YOU = 8
    DONE = 16
    OVER = 32
    """At an end without having arrived: left out or cancelled."""


CLASS_OF_STATE = {
    "new": Class.WAITING,
    "settling": Class.WAITING,
    "queued": Class.WAITING,
    "sending": Class.ACTIVE,
    "fetching": Class.ACTIVE,
    "finishing": Class.ACTIVE,
    "waiting": Class.WAITING,
    "paused": Class.PAUSED,
    "failed": Class.NEEDS_YOU,
    "done": Class.DONE,
    "skipped": Class.OVER,
    "cancelled": Class.OVER,
    "superseded": Class.DONE,
}
_CLASS_NUMBERS = {state: int(class_) for state, class_ in CLASS_OF_STATE.items()}
_NEEDS = int(Class.NEEDS_YOU)
UNFINISHED = int(Class.ACTIVE | Class.WAITING | Class.PAUSED | Class.NEEDS_YOU)
RANK_BITS = 48
_MOVES, _NEEDS_SOMEBODY, _TRIED_AGAIN, _ITS_TURN, _STANDS, _AT_AN_END = (
    rank << RANK_BITS for rank in range(6)
)
"""Places by activity. What was on its way and is tried again comes before what has not begun."""
_RANKS = tuple(
    _MOVES if class_ & Class.ACTIVE
    else _NEEDS_SOMEBODY if class_ & Class.NEEDS_YOU
    else _ITS_TURN if class_ & Class.WAITING
    else _STANDS
    for class_ in range(2 ** len(Class))
)  # fmt: skip
"""By class, for rows that are not at an end."""
_NEWEST = 1 << 40


CLASS_BITS = len(Class)
CLASS_MASK = (1 << CLASS_BITS) - 1


def place_of(row: Row) -> int:
    """A row's rank by activity and, in the lowest bits, its class: one number for 100,000 rows each."""
    class_ = class_of(row)
    return rank_of(row, class_) << CLASS_BITS | class_


def class_of(row: Row) -> int:
    if isinstance(row, TransferView):
        if row.code is not None and (row.code in FULL or row.code == HELD):
            return _NEEDS if row.state in ("waiting", "paused") else _CLASS_NUMBERS[row.state]
        return _CLASS_NUMBERS[row.state]
    found = 0
    for state, count in row.files.items():
        if count:
            found |= _CLASS_NUMBERS[state]
    if row.asks or (row.code in FULL and row.files.get("waiting")):
        found |= _NEEDS
    if row.listing and not found & UNFINISHED:
        found |= int(Class.WAITING)
    return found


def rank_of(row: Row, class_: int) -> int:
    """Where a row stands by activity; smaller is further up."""
    if class_ & UNFINISHED:
        rank = _RANKS[class_]
        if rank == _ITS_TURN and row.code is not None:
            rank = _TRIED_AGAIN
        return rank + int(row.added)
    # Ends: the newest first, whole folders and single files among each other.
    moment = row.finished if isinstance(row, TransferView) else row.added
    return _AT_AN_END + _NEWEST - int(moment or 0.0)
