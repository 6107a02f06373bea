"""A line to type in."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QWidget

from howdah_desktop.window.theme import Theme

_EDITING = (
    QKeySequence.StandardKey.DeleteStartOfWord,
    QKeySequence.StandardKey.DeleteEndOfWord,
)
"""Keys of a text that Qt lets a window's shortcut take away: Ctrl+Backspace would cancel transfers."""


class Field(QLineEdit):
    """Takes the theme's font, and a hint that can be read: Qt's own is half transparent."""

    def __init__(self, theme: Theme, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        theme.changed.connect(self._dress)
        self._dress()

    def event(self, event: QEvent) -> bool:
        edits = isinstance(event, QKeyEvent) and any(event.matches(key) for key in _EDITING)
        if edits and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def _dress(self) -> None:
        self.setFont(self._theme.font("body"))
        self.setStyleSheet(f"QLineEdit {{ placeholder-text-color: {self._theme.colours.muted}; }}")
