"""The page when there is nothing in the list: a place to drop files on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button
from .dashed import Dashed
from .glyph import Glyph
from .text import Text


class EmptyPanel(Dashed):
    """Fills the content; its buttons are for the keyboard and for those who do not drag."""

    add_files = Signal()
    add_folder = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, 16, parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        self._title = Text(theme, font="title", scale=17 / 18, wraps=True)
        self._line = Text(theme, look="muted", wraps=True)
        for label in (self._title, self._line):
            label.setAlignment(centre)
        files = Button(theme, "Choose files", look="primary")
        files.clicked.connect(self.add_files)
        folder = Button(theme, "Choose a folder")
        folder.clicked.connect(self.add_folder)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(files)
        buttons.addWidget(folder)
        buttons.addStretch(1)

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(0)
        column.addStretch(1)
        column.addWidget(Glyph(theme, "mark", role="accent", size=50), 0, centre)
        column.addSpacing(11)
        column.addWidget(self._title)
        column.addSpacing(12)
        column.addWidget(self._line)
        column.addSpacing(20)
        column.addLayout(buttons)
        column.addStretch(1)
        self.show_receiver("", "Home")

    def show_receiver(self, name: str, home: str) -> None:
        """Say to whom files go (`nas.home`), and to which place there."""
        self._title.setText(f"Drop files or folders to send them to {name or 'your receiver'}")
        self._line.setText(
            f"They go to {home}. Close the window whenever you like:"
            " what is unfinished goes on next time."
        )
