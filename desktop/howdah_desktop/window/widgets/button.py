"""A button in one of the stylesheet's looks whose icon follows the theme."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from howdah_desktop.window.theme import Theme

from .parts import set_look


class Button(QPushButton):
    """Words, with an icon before them or not. Looks: primary, plain, quiet, link, danger."""

    def __init__(
        self,
        theme: Theme,
        words: str,
        *,
        look: str = "plain",
        icon: str = "",
        role: str = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words, parent)
        self._theme = theme
        self._icon = icon
        self._role = role
        set_look(self, look)
        self.setAccessibleName(words)
        # A click must not steal the keyboard's place from the list, Tab must reach it.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        # Only dialogs want Enter pressed anywhere to press a button, and they say which.
        self.setAutoDefault(False)
        self.setFont(theme.font("body"))  # once, see Text
        theme.changed.connect(self._dress)
        self._dress()

    def show_icon(self, name: str) -> None:
        """Show another icon; an empty name takes it away."""
        if name != self._icon:
            self._icon = name
            self._dress()

    def _dress(self) -> None:
        if self._icon:
            self.setIconSize(QSize(16, 16))
            self.setIcon(self._theme.icon(self._icon, self._role, 16))
        elif not self.icon().isNull():
            self.setIcon(QIcon())


class IconButton(QToolButton):
    """An icon alone; its name is the tooltip and what a screen reader says."""

    def __init__(
        self,
        theme: Theme,
        icon: str,
        name: str,
        *,
        role: str = "muted",
        size: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon = icon
        self._role = role
        self._size = size
        set_look(self, "icon")
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        theme.changed.connect(self._dress)
        self._dress()

    def show_icon(self, icon: str, name: str) -> None:
        """Show another icon under another name."""
        self._icon = icon
        self.setAccessibleName(name)
        self.setToolTip(name)
        self._dress()

    def _dress(self) -> None:
        self.setIconSize(QSize(self._size, self._size))
        self.setIcon(self._theme.icon(self._icon, self._role, self._size))
