"""Light, dark, or as the system wants it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from howdah_desktop.window.theme import Theme

from .button import IconButton

SCHEMES = {
    "system": ("monitor", "As the system"),
    "light": ("sun", "Light"),
    "dark": ("moon", "Dark"),
}


class SchemeButton(IconButton):
    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "sun", "Colours", parent=parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._actions = QActionGroup(menu)
        for key, (_, words) in SCHEMES.items():
            action = menu.addAction(words)
            action.setData(key)
            action.setCheckable(True)
            self._actions.addAction(action)
        self._actions.triggered.connect(lambda action: self.chosen.emit(action.data()))
        self.setMenu(menu)
        theme.changed.connect(self.show_choice)
        self.show_choice()

    def show_choice(self) -> None:
        """Check what holds now."""
        self.show_icon(SCHEMES[self._theme.choice][0], "Colours")
        for action in self._actions.actions():
            action.setChecked(action.data() == self._theme.choice)
            action.setIcon(self._theme.icon(SCHEMES[action.data()][0], "muted", 16))
