"""One number of the summary with its label above and its unit behind."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.look import Column
from howdah_desktop.window.theme import Theme

from .parts import colour

_GAP = 5.0
"""Between number and unit."""
_WIDEST = "88.8"
"""Sizes and speeds have three digits; the place is kept for them."""


class SummaryColumn(QWidget):
    """Painted, so that number and unit share a line and ten changes a second lay nothing out.

    It only ever grows: what stands beside it must not move with every digit.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._column = Column("", "", "")
        self._widest = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self._dress()

    def show_column(self, column: Column) -> None:
        """Show other numbers."""
        if column == self._column:
            return
        if column.label != self._column.label:
            self._widest = 0.0
        self._column = column
        self.setAccessibleName(f"{column.label} {column.number} {column.unit}")
        self._grow()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = self._label.height() + self._number.height()
        return QSize(int(self._widest) + 1, int(height + 0.5))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        # The unit may be elided where there is no room; the number may not.
        number = self._number.horizontalAdvance(_WIDEST) + _GAP
        return QSize(int(min(self._widest, number + 40)) + 1, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        width = float(self.width())
        painter.setPen(colour(self._theme, "muted"))
        painter.setFont(self._label_font)
        painter.drawText(QPointF(0, self._label.ascent()), self._column.label)
        line = self._label.height() + self._number.ascent()
        painter.setFont(self._unit_font)
        left = self._number.horizontalAdvance(self._column.number)
        left += _GAP if self._column.number else 0
        elide = Qt.TextElideMode.ElideRight
        unit = self._unit.elidedText(self._column.unit, elide, width - left)
        painter.drawText(QPointF(left, line), unit)
        painter.setPen(colour(self._theme, "text"))
        painter.setFont(self._number_font)
        painter.drawText(QPointF(0, line), self._column.number)
        painter.end()

    def _grow(self) -> None:
        column = self._column
        number = max(
            self._number.horizontalAdvance(column.number),
            self._number.horizontalAdvance(_WIDEST) if column.unit else 0.0,
        )
        line = number + _GAP + self._unit.horizontalAdvance(column.unit)
        widest = max(line, self._label.horizontalAdvance(column.label))
        if widest > self._widest:
            self._widest = widest
            self.updateGeometry()

    def _dress(self) -> None:
        self._label_font = QFont(self._theme.font("label"))
        self._number_font = QFont(self._theme.font("number"))
        self._unit_font = QFont(self._theme.font("small"))
        self._unit_font.setWeight(QFont.Weight.Medium)
        self._label = QFontMetricsF(self._label_font)
        self._number = QFontMetricsF(self._number_font)
        self._unit = QFontMetricsF(self._unit_font)
        self._widest = 0.0
        self._grow()
        self.updateGeometry()
        self.update()
