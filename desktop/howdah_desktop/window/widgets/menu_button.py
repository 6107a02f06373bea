"""The primary button that opens a menu."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QIcon, QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionButton, QStylePainter, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button
from .parts import colour

_ICON = 14
_ARROW = 12
_INSET = 12
_GAP = 5


class MenuButton(Button):
    """Words between an icon and an arrow.

    The style paints the ground; the rest is painted here, because its own arrow takes room that
    cannot be given back, and puts icon and words off the middle.
    """

    def __init__(
        self, theme: Theme, words: str, *, icon: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, words, look="primary", parent=parent)
        self._sign = icon

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        self.ensurePolished()
        words = self.fontMetrics().horizontalAdvance(self.text())
        width = _INSET + _ICON + _GAP + words + _GAP + _ARROW + _INSET - 2
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        option.icon = QIcon()
        option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        role = "on_accent" if self.isEnabled() else "muted"
        ratio = self.devicePixelRatioF()
        middle = self.height() // 2
        sign = self._theme.pixmap(self._sign, role, _ICON, ratio)
        painter.drawPixmap(_INSET - 1, middle - _ICON // 2, sign)
        arrow = self._theme.pixmap("chevron-down", role, _ARROW, ratio)
        painter.drawPixmap(self.width() - _INSET - _ARROW + 2, middle - _ARROW // 2, arrow)
        painter.setPen(colour(self._theme, role))
        left = _INSET + _ICON + _GAP - 1
        words = QRect(left, 0, self.width() - left, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()
