"""One filter of the list, with how many rows it would show."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .parts import colour, draw_focus, short_count

_RADIUS = 6.0
_INSET = 10.0
TRAVEL = frozenset(
    (
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    )
)


class Room(Enum):
    """How much of its count a chip shows."""

    FULL = "12,345"
    SHORT = "12k"
    BARE = ""
    """None, but where it alarms: a large font in the smallest window leaves no more."""


class Chip(QAbstractButton):
    """A word and a count. Painted: a style's button has one colour and one weight for its text."""

    def __init__(
        self,
        theme: Theme,
        key: str,
        words: str,
        *,
        alarming: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.key = key
        self._theme = theme
        self._alarming = alarming
        self._count = 0
        self._room = Room.FULL
        self.setText(words)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self._dress()
        self._name()

    def show_count(self, count: int) -> None:
        """Show how many rows there are; a screen reader is told with the name."""
        if count != self._count:
            self._count = count
            self._name()
            self.updateGeometry()
            self.update()

    def take(self, room: Room) -> None:
        """Show as much of the count as all chips together have room for."""
        if room is not self._room:
            self._room = room
            self.updateGeometry()
            self.update()

    def width_with(self, room: Room) -> int:
        """How wide it is, in pixels."""
        # Bold is wider: the chip keeps its width when the alarm goes.
        font = self._bold if self._alarming else self._font
        count = self._number(room)
        words = QFontMetricsF(self._font).horizontalAdvance(self.text() + (" " if count else ""))
        return int(2 * _INSET + words + QFontMetricsF(font).horizontalAdvance(count) + 0.99)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = int(QFontMetricsF(self._font).height() + 9)
        return QSize(self.width_with(self._room), max(25, height))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Keys that go from chip to chip belong to the row, which goes round at its ends."""
        if event.key() in TRAVEL:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isChecked():
            painter.setPen(QPen(colour(self._theme, "border"), 1))
            painter.setBrush(colour(self._theme, "surface"))
            painter.drawRoundedRect(edge, _RADIUS, _RADIUS)
        elif self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(self._theme, "hover"))
            painter.drawRoundedRect(edge, _RADIUS, _RADIUS)
        self._write(painter)
        if self.hasFocus():
            draw_focus(painter, self._theme, QRectF(self.rect()), _RADIUS - 1)
        painter.end()

    def _write(self, painter: QPainter) -> None:
        metrics = QFontMetricsF(self._font)
        line = (self.height() - 1 + metrics.ascent() - metrics.descent()) / 2
        painter.setFont(self._font)
        painter.setPen(colour(self._theme, "text" if self.isChecked() else "muted"))
        painter.drawText(QPointF(_INSET, line), self.text())
        alarm = self._alarming and self._count > 0
        painter.setPen(colour(self._theme, "error" if alarm else "muted"))
        painter.setFont(self._bold if alarm else self._font)
        left = _INSET + metrics.horizontalAdvance(self.text() + " ")
        painter.drawText(QPointF(left, line), self._number(self._room))

    def _number(self, room: Room) -> str:
        if room is Room.FULL:
            return f"{self._count:,}"
        if room is Room.SHORT or (self._alarming and self._count):
            return short_count(self._count)
        return ""

    def _name(self) -> None:
        noun = "transfer" if self._count == 1 else "transfers"
        self.setAccessibleName(f"{self.text()}, {self._count:,} {noun}")

    def _dress(self) -> None:
        self._font = QFont(self._theme.font("small"))
        self._font.setWeight(QFont.Weight.Medium)
        self._bold = QFont(self._font)
        self._bold.setWeight(QFont.Weight.Bold)
        self.updateGeometry()
        self.update()
