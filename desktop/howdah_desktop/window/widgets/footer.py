"""The line at the window's foot."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .elided import Elided
from .parts import set_look


class Footer(QFrame):
    """Two texts, at the left and at the right; the left one gives way first."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_look(self, "footer")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._left = Elided(theme, font="small", look="muted")
        self._right = Elided(theme, font="small", look="muted")
        self._right.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.addStrut(34)
        row.setContentsMargins(22, 0, 22, 0)
        row.setSpacing(16)
        row.addWidget(self._left)
        row.addStretch(1)
        row.addWidget(self._right)
        self._row = row

    def add(self, widget: QWidget) -> None:
        """At the right end."""
        self._row.addWidget(widget)

    def show_text(self, left: str, right: str = "") -> None:
        """Show other texts."""
        self._left.say(left)
        self._right.say(right)
