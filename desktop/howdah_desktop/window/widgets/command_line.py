"""A command to be typed elsewhere, with a button that copies it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import IconButton
from .parts import announce, set_look
from .text import Text


class CommandLine(QFrame):
    """In monospace; the button's icon becomes a tick once it has been copied."""

    def __init__(self, theme: Theme, command: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._command = command
        set_look(self, "card")
        words = Text(theme, command, font="small", look="mono")
        words.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.copy_button = IconButton(theme, "copy", "Copy the command")
        self.copy_button.clicked.connect(self._copy)
        row = QHBoxLayout(self)
        row.setContentsMargins(11, 2, 3, 2)
        row.setSpacing(8)
        row.addWidget(words, 1)
        row.addWidget(self.copy_button)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._command)
        self.copy_button.show_icon("check", "Copied")
        announce(self, "Copied")
