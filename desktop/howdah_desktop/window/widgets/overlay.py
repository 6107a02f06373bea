"""What covers the window while files are dragged over it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .elided import Elided
from .floating import Floating
from .glyph import Glyph
from .parts import announce, colour, set_look

_INSET = 4
_RADIUS = 12
_TINT = 0.12


class DropOverlay(Floating):
    """A child of the window that fills it; the mouse goes through, so the drop reaches the window."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title = Elided(theme, font="heading", look="heading")
        self._line = Elided(theme, font="small", look="muted")
        for label in (self._title, self._line):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        card = QFrame()
        set_look(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 22, 32, 22)
        inside.setSpacing(4)
        centre = Qt.AlignmentFlag.AlignHCenter
        inside.addWidget(Glyph(theme, "upload", role="accent", size=28), 0, centre)
        inside.addSpacing(8)
        inside.addWidget(self._title)
        inside.addWidget(self._line)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card)
        across.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(4 * (_INSET + 24,)))
        column.addStretch(1)
        column.addLayout(across)
        column.addStretch(1)
        theme.changed.connect(self.update)
        self.hide()

    def announce(self, title: str, line: str = "") -> None:
        """Cover the window: what a drop would do, and a second line."""
        if self.isHidden() or title != self._title.text():
            announce(self, f"{title}. {line}" if line else title)
        self._title.say(title)
        self._line.say(line)
        self._line.setVisible(bool(line))
        self.setAccessibleName(title)
        self.place()
        self.raise_()
        self.show()

    def withdraw(self) -> None:
        """Nothing is dragged over the window any more."""
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = colour(self._theme, "accent")
        tint.setAlphaF(_TINT)
        painter.fillRect(self.rect(), tint)
        painter.setPen(QPen(colour(self._theme, "accent"), 2))
        inset = _INSET + 1  # the line's middle
        edge = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(edge, _RADIUS, _RADIUS)
        painter.end()
