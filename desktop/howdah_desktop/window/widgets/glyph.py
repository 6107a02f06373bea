"""An icon that stands for itself, sharp on every screen."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme


class Glyph(QWidget):
    """Paints one of the theme's icons in a colour of the theme.

    A label with a pixmap would keep the pixels of the screen that it was made for; this asks for
    those of the screen it is on.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        *,
        role: str = "muted",
        size: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = name
        self._role = role
        self._size = size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_icon(self, name: str, role: str) -> None:
        """Show another icon, or the same in another colour."""
        if (name, role) != (self._name, self._role):
            self._name, self._role = name, role
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self._size, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        pixmap = self._theme.pixmap(self._name, self._role, self._size, ratio)
        left = (self.width() - self._size) // 2
        top = (self.height() - self._size) // 2
        painter.drawPixmap(left, top, pixmap)
        painter.end()
