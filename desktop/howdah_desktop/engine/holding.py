"""Groups that are more than anyone gives by accident: held until that is known, and then for a yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_groups import Group
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.showing import MOST_BYTES, MOST_FILES
from howdah_desktop.engine.transfers import HELD, Hold, Transfer, TransferState
from howdah_desktop.engine.views import Ask

S = TransferState


@dataclass(slots=True)
class _Held:
    """What waits, of one group."""

    asks: bool
    files: int = 0
    bytes: int = 0


class Holding:
    """Belongs to the control thread. What it knows stands in the ledger, so that it outlives a restart."""

    def __init__(self, ledger: Ledger, rows: Rows) -> None:
        self._ledger = ledger
        self._rows = rows
        self._groups: dict[int, _Held] = {}

    def begin(self) -> None:
        for group in self._ledger.held_groups():
            self._groups[group.id] = _Held(group.held is Hold.ASKS)
        self.count_again()

    def hold(self, group: Group) -> None:
        self._groups[group.id] = _Held(group.held is Hold.ASKS)

    def asks(self) -> tuple[Ask, ...]:
        return tuple(
            Ask(id_, held.files, held.bytes, bool(self._ledger.roots(id_)))
            for id_, held in self._groups.items()
            if held.asks
        )

    def added(self, rows: Iterable[Transfer]) -> None:
        for row in rows:
            held = self._groups.get(row.group)
            if held is not None and row.state is S.PAUSED and row.code == HELD:
                held.files += 1
                held.bytes += row.size or 0

    def count_again(self) -> None:
        """An order may have changed which rows wait."""
        for id_, held in list(self._groups.items()):
            held.files, held.bytes = self._ledger.held_of(id_)
            self.check(id_)

    def check(self, group: int) -> None:
        """After more was found, or all of it was."""
        held = self._groups.get(group)
        if held is None:
            return
        if not held.asks and beyond(held.files, held.bytes):
            held.asks = True
            self._rows.touched(self._ledger.ask_for(group))
        if not self._ledger.roots(group) and (not held.asks or not held.files):
            self.release(group)

    def release(self, group: int) -> int:
        """They go on; gives how many."""
        self.let_go([group])
        return self._rows.touched(self._ledger.release(group))

    def let_go(self, groups: Iterable[int] | None = None) -> None:
        """They wait for no yes any more, whatever becomes of their rows. None: all groups."""
        for group in list(self._groups) if groups is None else groups:
            self._groups.pop(group, None)
            self._ledger.hold(group, Hold.NO)

    def asking(self) -> list[int]:
        return [id_ for id_, held in self._groups.items() if held.asks]


def beyond(files: int, size: int) -> bool:
    """Whether nobody gives so much without being asked."""
    return files > MOST_FILES or size > MOST_BYTES


def may_be_beyond(rows: Sequence[NewTransfer], folders: int) -> bool:
    """Whether an order has to be counted first: nobody knows what is in a folder."""
    return folders > 0 or beyond(len(rows), sum(row.size or 0 for row in rows))
