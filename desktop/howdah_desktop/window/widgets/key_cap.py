"""A key as it looks on a keyboard."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .parts import colour

_RADIUS = 5.0


class KeyCap(QWidget):
    """Painted: a rounded key with a thicker lower edge."""

    def __init__(self, theme: Theme, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._key = key
        self.setAccessibleName(key)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        metrics = QFontMetricsF(self._theme.font("small"))
        height = int(metrics.height() + 8)
        return QSize(max(height, int(metrics.horizontalAdvance(self._key)) + 14), height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        border = QPen(colour(self._theme, "border"), 1)
        painter.setPen(border)
        painter.setBrush(colour(self._theme, "border"))
        painter.drawRoundedRect(edge, _RADIUS, _RADIUS)
        top = edge.adjusted(0, 0, 0, -1.5)
        painter.setBrush(colour(self._theme, "surface"))
        painter.drawRoundedRect(top, _RADIUS, _RADIUS)
        painter.setPen(colour(self._theme, "text"))
        painter.setFont(self._theme.font("small"))
        painter.drawText(top, Qt.AlignmentFlag.AlignCenter, self._key)
        painter.end()
