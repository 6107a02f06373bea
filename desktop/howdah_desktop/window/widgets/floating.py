"""What stands over the window's content and not in its layout."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtWidgets import QFrame, QWidget


class Floating(QFrame):
    """Is told by `place` whenever the window has another size."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        parent.installEventFilter(self)

    @property
    def room(self) -> QRect:
        """The whole of the window, in its own coordinates."""
        return self._window.rect()

    def place(self) -> None:
        """Take the place that belongs to this size of the window: all of it, if nobody knows better."""
        self.setGeometry(self.room)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the window's size, and never keep an event from it."""
        # Qt still calls this while Python takes the objects apart at the end: then there is no
        # `_window` any more.
        if watched is getattr(self, "_window", None) and event.type() is QEvent.Type.Resize:
            self.place()
        return False
