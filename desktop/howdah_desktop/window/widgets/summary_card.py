"""The card above the list: how fast, how much, how long."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from howdah_desktop.window.look import Column
from howdah_desktop.window.theme import Theme

from .parts import set_look
from .speed_curve import SpeedCurve
from .summary_column import SummaryColumn

_CURVE_FROM = 90
"""Narrower than this, in pixels, the curve says nothing and is left out."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the card shows."""

    columns: tuple[Column, ...]
    curve: tuple[float, ...]
    """Bytes per second, the oldest first."""


class SummaryCard(QFrame):
    """Numbers at the left, the curve at the right; the numbers have precedence."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_look(self, "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(69)
        self.columns: list[SummaryColumn] = []
        self.curve = SpeedCurve(theme)
        self._row = QHBoxLayout(self)
        # One pixel less than what is seen: the border is the other one.
        self._row.setContentsMargins(15, 13, 15, 13)
        self._row.setSpacing(24)
        self._row.addStretch(1)
        self._row.addWidget(self.curve, 1000)

    def show_summary(self, summary: Summary) -> None:
        """Show other numbers; the number of columns may change."""
        while len(self.columns) < len(summary.columns):
            column = SummaryColumn(self._theme, self)
            self._row.insertWidget(len(self.columns), column)
            self.columns.append(column)
        for place, widget in enumerate(self.columns):
            if place < len(summary.columns):
                widget.show_column(summary.columns[place])
            widget.setVisible(place < len(summary.columns))
        self.curve.show_values(summary.curve)
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        taken = sum(
            column.sizeHint().width() + self._row.spacing()
            for column in self.columns
            if not column.isHidden()
        )
        margins = self._row.contentsMargins()
        room = self.width() - margins.left() - margins.right() - taken
        self.curve.setVisible(room >= _CURVE_FROM)
