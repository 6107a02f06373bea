"""A frame with a dashed, rounded border: the places to drop files on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from howdah_desktop.window.theme import Theme

from .parts import colour

_WIDTH = 1.5
_DASH, _GAP = 3.0, 2.6
"""In widths of the line."""


class Dashed(QFrame):
    """Painted, because the dashes of a stylesheet are uneven round the corners."""

    def __init__(self, theme: Theme, radius: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._radius = radius
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(colour(self.theme, "border"), _WIDTH)
        pen.setDashPattern([_DASH, _GAP])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        half = _WIDTH / 2
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(half, half, -half, -half), self._radius, self._radius
        )
        painter.end()
