"""The strip below the list that says that files can be dropped anywhere."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button
from .dashed import Dashed
from .elided import Elided
from .glyph import Glyph


class DropStrip(Dashed):
    """A hint, and "browse" for those who would rather choose; `browse` is said when it is pressed."""

    browse = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, 10, parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        button = Button(theme, "browse", look="link")
        button.setAccessibleName("Browse for files to send")
        button.clicked.connect(self.browse)
        row = QHBoxLayout(self)
        row.addStrut(51)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(0)
        row.addStretch(1)
        row.addWidget(Glyph(theme, "arrow-down-to-line", size=14))
        row.addSpacing(9)
        words = Elided(theme, "Drop files or folders anywhere, or", look="muted")
        # A pixel at the foot: half a pixel of the strip's odd height goes to the other side else,
        # and the words stand lower than the button's.
        words.setContentsMargins(0, 0, 0, 1)
        row.addWidget(words)
        row.addSpacing(1)
        row.addWidget(button)
        row.addStretch(1)
