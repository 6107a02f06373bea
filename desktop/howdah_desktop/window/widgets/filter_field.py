"""The field that filters the list."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .field import Field
from .glyph import Glyph

_WIDTH = 190
_ICON = 14


class FilterField(Field):
    """190 px wide where there is room, less where there is not; Escape empties it."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, name, parent)
        # A child of our own: an action's icon stands in a margin made for fingers.
        self._glyph = Glyph(theme, "search", size=_ICON, parent=self)
        self.setTextMargins(_ICON + 8, 0, 0, 0)
        self.setClearButtonEnabled(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(_WIDTH)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(_WIDTH, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(110, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._glyph.setGeometry(10, (self.height() - _ICON) // 2, _ICON, _ICON)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)
