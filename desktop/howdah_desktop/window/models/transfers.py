"""The list of transfers for Qt: an `Arrangement`, and signals for what changed in it.

Nothing is sorted or filtered by Qt: with a Python model behind it, that takes seconds for what takes
milliseconds in one go here. While somebody has a menu open or drags, rows stay where they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from howdah_desktop.engine.views import Overview, ReceiverView, RootView, TransferView
from howdah_desktop.window.arrangement import Arrangement, Chip, Loaded, Order, Update
from howdah_desktop.window.classes import Row
from howdah_desktop.window.folder_sentences import folder_look
from howdah_desktop.window.look import RowLook
from howdah_desktop.window.models.roles import KeyRole, LookRole
from howdah_desktop.window.models.stretches import alike, runs_of
from howdah_desktop.window.sentences import Circumstances, transfer_look

ARRANGE_MILLISECONDS = 1_000
"""Rows that change places all the time cannot be clicked."""
MOST_LOOKS = 2_000
MOST_RUNS = 32
"""Rows that come and go in more places than that are told as a reset: each place costs the whole list. Rows
that change in more places are told as one stretch: what is told costs more than painting a screen."""
ROLES = [LookRole, int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)]

Index = QModelIndex | QPersistentModelIndex


class TransferModel(QAbstractListModel):
    counted = Signal()
    """Counts of the chips may be others."""
    arranged = Signal()

    def __init__(
        self, parent: QObject | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(parent)
        self.arrangement = Arrangement()
        self._clock = clock
        self._keys: list[int] = []
        self._rows: dict[int, int] | None = None
        self._looks: dict[int, RowLook] = {}
        self._receiver = ReceiverView()
        self._receiver_name = "the receiver"
        self._held = 0
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(ARRANGE_MILLISECONDS)
        self._pending.timeout.connect(self._arrange_if_free)

    # -- for Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008  # Qt's
        return 0 if parent.isValid() else len(self._keys)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        row = index.row()
        if not index.isValid() or row >= len(self._keys):
            return None
        key = self._keys[row]
        if role == KeyRole:
            return key
        if role == LookRole:
            return self.look(key)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.look(key).title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.look(key).spoken
        return None

    # -- what is asked

    def key_at(self, row: int) -> int:
        return self._keys[row]

    def row_of(self, key: int) -> int | None:
        return self._row_numbers().get(key)

    def view(self, key: int) -> Row | None:
        return self.arrangement.row(key)

    def look(self, key: int) -> RowLook:
        found = self._looks.get(key)
        if found is None:
            if len(self._looks) >= MOST_LOOKS:
                self._looks.clear()
            found = self._looks[key] = self._make_look(key)
        return found

    # -- what is told

    def load(self, loaded: Loaded) -> None:
        self.arrangement.load(loaded)
        self._looks.clear()
        self.arrange()

    def apply(self, overview: Overview) -> None:
        answers_now = overview.receiver.code == self._receiver.code
        self._receiver = overview.receiver
        if not answers_now:
            self._looks.clear()
            self._tell_all()
        update = self.arrangement.update(overview)
        self._tell(update.changed)
        self._place(update)

    def add_children(self, root: int, views: Sequence[TransferView]) -> None:
        """More rows of an expanded folder; none: these were all."""
        if not views:
            self.arrangement.all_children(-root)
            self.arrange()
            return
        row = self.row_of(-root)
        first = row is not None and not self._stands_below(row)
        self.arrangement.add_children(-root, views)
        self._tell([view.id for view in views])  # some may have been shown as they were before
        if first:
            self.arrange()
        elif not self._pending.isActive():
            self._pending.start()  # many pages may follow

    def expand(self, key: int) -> None:
        """Its rows come with `add_children`."""
        self.arrangement.expand(key)
        self._changed_look(key)

    def collapse(self, key: int) -> None:
        self.arrangement.collapse(key)
        self._changed_look(key)
        self.arrange()

    def name_receiver(self, name: str) -> None:
        if name != self._receiver_name:
            self._receiver_name = name
            self._looks.clear()
            self._tell_all()

    def choose_chip(self, chip: Chip) -> None:
        self.arrangement.chip = chip
        self.arrange()

    def choose_order(self, order: Order) -> None:
        self.arrangement.order = order
        self.arrange()

    def search(self, text: str, found: Mapping[int, Sequence[int]] | None = None) -> None:
        """`found`: folders, by key, that hold something called so."""
        self.arrangement.text = text
        self.arrangement.found = found or {}
        self.arrange()

    def tick(self, first: int, last: int) -> None:
        """A second has passed: the rows from `first` to `last` that count down say so."""
        keys = [
            key
            for key in self._keys[first : last + 1]
            if getattr(self.arrangement.row(key), "next_try", None) is not None
        ]
        self._tell(keys)

    # -- places

    def hold(self) -> None:
        """Rows stay where they are until `release`: somebody points at one."""
        self._held += 1

    def release(self) -> None:
        self._held -= 1

    def arrange(self) -> None:
        """Put the rows in order now."""
        self._pending.stop()
        keys = list(self.arrangement.arrange())
        if keys != self._keys:
            self._change_to(keys)
        self._row_numbers()
        self.arranged.emit()
        self.counted.emit()

    def _change_to(self, keys: list[int]) -> None:
        """Told as what leaves, moves and comes, between the rows that stay at both ends."""
        first = alike(self._keys, keys)
        last = alike(self._keys[first:][::-1], keys[first:][::-1])
        now, then = self._keys[first : len(self._keys) - last], keys[first : len(keys) - last]
        before, after = set(now), set(then)
        leaving = runs_of(
            [row for row, key in enumerate(now, first) if key not in after], MOST_RUNS
        )
        coming = runs_of(
            [row for row, key in enumerate(then, first) if key not in before], MOST_RUNS
        )
        if leaving is None or coming is None:
            self.beginResetModel()
            self._set_keys(keys)
            self.endResetModel()
            return
        self._remove(leaving)
        staying = [key for key in then if key in before]
        if staying != self._keys[first : len(self._keys) - last]:
            self._reorder(keys[:first] + staying + keys[len(keys) - last :])
        self._insert(coming, keys)

    def _remove(self, runs: Sequence[tuple[int, int]]) -> None:
        for first, last in reversed(runs):
            self.beginRemoveRows(QModelIndex(), first, last)
            self._set_keys(self._keys[:first] + self._keys[last + 1 :])
            self.endRemoveRows()

    def _reorder(self, keys: list[int]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [self._keys[index.row()] for index in before]
        self._set_keys(keys)
        numbers = self._row_numbers() if held else {}
        self.changePersistentIndexList(before, [self.index(numbers[key]) for key in held])
        self.layoutChanged.emit()

    def _insert(self, runs: Sequence[tuple[int, int]], keys: list[int]) -> None:
        for first, last in runs:
            self.beginInsertRows(QModelIndex(), first, last)
            self._set_keys(self._keys[:first] + keys[first : last + 1] + self._keys[first:])
            self.endInsertRows()

    def _set_keys(self, keys: list[int]) -> None:
        self._keys, self._rows = keys, None

    def _row_numbers(self) -> dict[int, int]:
        """Made when the rows have come and gone in all their places, or when it is asked for."""
        if self._rows is None:
            self._rows = dict(zip(self._keys, range(len(self._keys)), strict=True))
        return self._rows

    def _arrange_if_free(self) -> None:
        if self._held:
            self._pending.start()
        else:
            self.arrange()

    def _place(self, update: Update) -> None:
        if update.added and not self._held:
            self.arrange()
        elif update.arrange and not self._pending.isActive():
            self._pending.start()

    # -- inside

    def _stands_below(self, row: int) -> bool:
        """Whether rows of the folder in this row are shown."""
        below = self._keys[row + 1] if row + 1 < len(self._keys) else 0
        return self.arrangement.is_child(below)

    def _make_look(self, key: int) -> RowLook:
        arrangement = self.arrangement
        row = arrangement.row(key)
        around = Circumstances(self._clock(), self._receiver, self._receiver_name)
        if row is None:  # on its way out
            return RowLook("", "", "")
        if isinstance(row, RootView):
            return folder_look(row, around, arrangement.expanded(key))
        return transfer_look(
            row, around, arrangement.chunks.get(key), child=arrangement.is_child(key)
        )

    def _changed_look(self, key: int) -> None:
        self._tell([key])

    def _tell_all(self) -> None:
        if self._keys:
            self.dataChanged.emit(self.index(0), self.index(len(self._keys) - 1), ROLES)

    def _tell(self, keys: Iterable[int]) -> None:
        """One signal for each run of neighbours, or one for all where there are many."""
        numbers, rows = self._row_numbers(), []
        for key in keys:
            self._looks.pop(key, None)
            row = numbers.get(key)
            if row is not None:
                rows.append(row)
        if not rows:
            return
        rows.sort()
        for first, last in runs_of(rows, MOST_RUNS) or [(rows[0], rows[-1])]:
            self.dataChanged.emit(self.index(first), self.index(last), ROLES)
