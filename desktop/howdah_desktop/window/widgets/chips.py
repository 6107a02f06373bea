"""The row of filters above the list."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .chip import Chip, Room

WORDS = {
    "all": "All",
    "active": "Active",
    "waiting": "Waiting",
    "paused": "Paused",
    "needs you": "Needs you",
    "done": "Done",
}
_ALARMING = "needs you"
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class Chips(QWidget):
    """One of them is always chosen; Tab reaches that one, the arrow keys the others."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Show")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        self._chips: dict[str, Chip] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for key, words in WORDS.items():
            chip = Chip(theme, key, words, alarming=key == _ALARMING)
            self._group.addButton(chip)
            self._chips[key] = chip
            row.addWidget(chip)
        row.addStretch()
        self._chips["all"].setChecked(True)
        self._group.buttonToggled.connect(self._toggled)
        theme.changed.connect(self._make_room)

    @property
    def key(self) -> str:
        """The chosen one's."""
        return next(key for key, chip in self._chips.items() if chip.isChecked())

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many rows each would show; a missing key counts as none."""
        for key, chip in self._chips.items():
            chip.show_count(counts.get(key, 0))
        self._make_room()

    def choose(self, key: str) -> None:
        """Choose one; says `chosen` when it was another."""
        self._chips[key].setChecked(True)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._make_room()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        # Its chips can do with less; the layout's minimum is that of what they show now.
        return QSize(self._wanted(Room.BARE), super().minimumSizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrow keys, Home and End, which the chips leave to their row."""
        chips = list(self._chips.values())
        at = next((place for place, chip in enumerate(chips) if chip.hasFocus()), None)
        to = None if at is None else self._goal(Qt.Key(event.key()), at)
        if to is None:
            super().keyPressEvent(event)
            return
        chips[to].setChecked(True)
        chips[to].setFocus(Qt.FocusReason.TabFocusReason)

    def _goal(self, key: Qt.Key, at: int) -> int | None:
        if key in _STEPS:
            return (at + _STEPS[key]) % len(self._chips)
        return {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self._chips) - 1}.get(key)

    def _toggled(self, chip: Chip, on: bool) -> None:
        if on:
            self.chosen.emit(chip.key)

    def _make_room(self) -> None:
        fitting = (room for room in Room if self._wanted(room) <= self.width())
        room = next(fitting, Room.BARE)
        for chip in self._chips.values():
            chip.take(room)

    def _wanted(self, room: Room) -> int:
        gaps = 4 * (len(self._chips) - 1)
        return gaps + sum(chip.width_with(room) for chip in self._chips.values())
