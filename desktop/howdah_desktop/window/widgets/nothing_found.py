"""In the list's place when a filter leaves nothing over."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .parts import set_look
from .text import Text


class NothingFound(QFrame):
    all_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_look(self, "card")
        button = QPushButton("Show all")
        button.setAccessibleName("Show all transfers")
        set_look(button, "plain")
        button.clicked.connect(self.all_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 24, 16, 24)
        column.setSpacing(12)
        column.addStretch()
        words = Text(theme, "No transfer is like that just now.", look="muted")
        column.addWidget(words, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
