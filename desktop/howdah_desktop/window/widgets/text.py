"""A line or paragraph in one of the theme's fonts and looks."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QLabel, QWidget

from howdah_desktop.window.theme import Theme

from .parts import set_look


class Text(QLabel):
    """A label that takes its font by role and its colour by look, and follows the theme.

    Always plain text: names of files and receivers come from outside, and `<b>` in one of them
    must be seen and not obeyed.
    """

    def __init__(
        self,
        theme: Theme,
        words: str = "",
        *,
        font: str = "body",
        look: str = "",
        wraps: bool = False,
        scale: float = 1.0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words, parent)
        self._theme = theme
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wraps)
        if look:
            set_look(self, look)
        letters = QFont(theme.font(font))
        letters.setPointSizeF(letters.pointSizeF() * scale)
        # Once: letters do not change with the colours, and a font that is set after the stylesheet's
        # would take the stylesheet's weight and family away.
        self.setFont(letters)
