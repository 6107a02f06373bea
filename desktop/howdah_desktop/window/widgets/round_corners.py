"""Round corners for what scrolls: pieces of the ground are laid over its corners.

A mask would leave steps. Four small pieces cost nothing while the rest scrolls beneath them.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from howdah_desktop.window.theme import Theme

RADIUS: Final = 10


def paint_edge(host: QAbstractScrollArea, theme: Theme) -> None:
    """Behind the viewport: a line around it, and the ground of the scroll bar."""
    painter = QPainter(host)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # Where a line is one dot and a half, the half is the line's too.
    card = QPainterPath()
    card.addRoundedRect(QRectF(host.rect()), RADIUS, RADIUS)
    painter.fillPath(card, QColor(theme.colours.border))
    beside = host.contentsRect()
    beside.setLeft(host.viewport().geometry().right() + 1)
    painter.fillRect(beside, QColor(theme.colours.surface))
    painter.end()


class RoundCorners(QObject):
    """Keeps four corners on top of a widget's children."""

    def __init__(self, theme: Theme, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self._corners = [
            _Corner(theme, host, right, low) for right in (False, True) for low in (False, True)
        ]
        host.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's
        if event.type() == QEvent.Type.Resize:
            for corner in self._corners:
                corner.take_place()
        return False

    def update(self) -> None:
        for corner in self._corners:
            corner.update()


class _Corner(QWidget):
    def __init__(self, theme: Theme, host: QWidget, right: bool, low: bool) -> None:
        super().__init__(host)
        self._theme, self._host, self._right, self._low = theme, host, right, low
        self.setFixedSize(RADIUS, RADIUS)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def take_place(self) -> None:
        area = self._host.rect()
        left = area.width() - RADIUS if self._right else 0
        self.move(left, area.height() - RADIUS if self._low else 0)
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt's
        painter = QPainter(self)
        whole = QRectF(self._host.rect()).translated(-self.x(), -self.y())
        outside = QPainterPath()
        outside.addRect(QRectF(self.rect()))
        card = QPainterPath()
        card.addRoundedRect(whole, RADIUS, RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outside - card, QColor(self._theme.colours.window))
        painter.setPen(QPen(QColor(self._theme.colours.border), 1.0))
        line = whole.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(line, RADIUS - 0.5, RADIUS - 0.5)
        painter.end()
