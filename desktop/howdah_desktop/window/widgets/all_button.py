"""What can be done with all transfers at once, behind one button."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from howdah_desktop.window.theme import Theme

from .button import IconButton


class AllButton(IconButton):
    resume_all = Signal()
    remove_done = Signal()
    cancel_all = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "ellipsis", "All transfers", parent=parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._resume = menu.addAction("Go on with all, try all again", self.resume_all.emit)
        self._remove = menu.addAction("Remove all that is done", self.remove_done.emit)
        menu.addSeparator()
        self._cancel = menu.addAction("Cancel all\N{HORIZONTAL ELLIPSIS}", self.cancel_all.emit)
        self.setMenu(menu)
        theme.changed.connect(self._dress_menu)
        self._dress_menu()

    def set_possible(self, *, resume: bool, remove: bool, cancel: bool) -> None:
        """Which of it would do something."""
        self._resume.setEnabled(resume)
        self._remove.setEnabled(remove)
        self._cancel.setEnabled(cancel)

    def _dress_menu(self) -> None:
        for action, icon in (
            (self._resume, "play"),
            (self._remove, "trash-2"),
            (self._cancel, "x"),
        ):
            action.setIcon(self._theme.icon(icon, "muted", 16))
