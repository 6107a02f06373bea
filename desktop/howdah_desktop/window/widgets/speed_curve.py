"""The speed of the last minute as a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .parts import colour

_LINE = 1.5
_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def nice_top(highest: float) -> float:
    """The axis' end: the next round number, so that the line does not jump with every peak."""
    if not math.isfinite(highest) or highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(step for step in _STEPS if highest <= step * power * (1 + 1e-9)) * power


class SpeedCurve(QWidget):
    """No axis and no animation: a glance, the numbers stand beside it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values: tuple[float, ...] = ()
        self.setAccessibleName("Speed of the last minute")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(330)
        theme.changed.connect(self.update)

    def show_values(self, values: Sequence[float]) -> None:
        """Bytes per second, the oldest first, at equal distances."""
        shown = tuple(values)
        if shown != self._values:
            self._values = shown
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(330, 40)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(0, 40)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if len(self._values) < 2:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self._line()
        ground = QPainterPath(line)
        ground.lineTo(self.width(), self.height())
        ground.lineTo(0, self.height())
        ground.closeSubpath()
        painter.fillPath(ground, colour(self._theme, "accent_soft"))
        pen = QPen(colour(self._theme, "accent"), _LINE)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(line, pen)
        painter.end()

    def _line(self) -> QPainterPath:
        top = nice_top(max(self._values))
        # Half a line's width stays free above and below, or the peaks would be cut flat.
        high, low = _LINE / 2, self.height() - _LINE / 2
        step = self.width() / (len(self._values) - 1)
        path = QPainterPath()
        for place, value in enumerate(self._values):
            point = QPointF(place * step, low - (low - high) * max(0.0, value) / top)
            if place:
                path.lineTo(point)
            else:
                path.moveTo(point)
        return path
