"""The receiver's state as a shape: it differs in form, so that it never is colour alone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.look import Tone
from howdah_desktop.window.theme import Theme

from .parts import TONE_ROLES, colour

_SIDE = 8


class StateDot(QWidget):
    """A filled circle: all is well. A ring: something is waited for. A triangle: an error."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tone = Tone.PLAIN
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_tone(self, tone: Tone) -> None:
        """Take the shape and the colour of a tone."""
        if tone is not self._tone:
            self._tone = tone
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        # One pixel around the shape: its antialiased edge must not be cut.
        return QSize(_SIDE + 2, _SIDE + 2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = colour(self._theme, TONE_ROLES[self._tone])
        shape = QRectF((self.width() - _SIDE) / 2, (self.height() - _SIDE) / 2, _SIDE, _SIDE)
        if self._tone is Tone.ERROR:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            top = QPointF(shape.center().x(), shape.top())
            painter.drawPolygon(QPolygonF([top, shape.bottomRight(), shape.bottomLeft()]))
        elif self._tone is Tone.GOOD:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(shape)
        else:
            painter.setPen(QPen(ink, 1.75))
            painter.drawEllipse(shape.adjusted(1, 1, -1, -1))
        painter.end()
