"""One place of the sidebar: an icon, a name, a count at the end."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .parts import colour, draw_focus

_ICON = 16
_INSET = 10
_GAP = 9
_RADIUS = 7


class SidebarItem(QAbstractButton):
    """A button that stays chosen. Painted: a style knows no count at a button's end."""

    def __init__(self, theme: Theme, icon: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon = icon
        self._count = ""
        self.setText(name)
        self.setAccessibleName(name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self._dress()

    def show_count(self, count: str, spoken: str) -> None:
        """Show a count at the end; `spoken` is the whole name for a screen reader."""
        if count != self._count:
            self._count = count
            self.update()
        if spoken != self.accessibleName():
            self.setAccessibleName(spoken)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        words = QFontMetrics(self._font)
        width = 2 * _INSET + _ICON + _GAP + words.horizontalAdvance(self.text()) + _GAP
        width += QFontMetrics(self._count_font).horizontalAdvance("100,000")
        return QSize(width, max(32, words.height() + 14))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = "selected" if self.isChecked() else "hover" if self.underMouse() else ""
        if ground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(self._theme, ground))
            painter.drawRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        role = "accent" if self.isChecked() else "muted"
        top = (self.height() - _ICON) // 2
        ratio = self.devicePixelRatioF()
        painter.drawPixmap(_INSET, top, self._theme.pixmap(self._icon, role, _ICON, ratio))
        self._write(painter)
        if self.hasFocus():
            draw_focus(painter, self._theme, QRectF(self.rect()), _RADIUS - 1)
        painter.end()

    def _write(self, painter: QPainter) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        inside = self.rect().adjusted(_INSET, 0, -_INSET, 0)
        painter.setFont(self._count_font)
        painter.setPen(colour(self._theme, "muted"))
        painter.drawText(inside, middle | Qt.AlignmentFlag.AlignRight, self._count)
        taken = painter.fontMetrics().horizontalAdvance(self._count) + _GAP if self._count else 0
        left = inside.left() + _ICON + _GAP
        room = QRect(left, 0, inside.right() + 1 - left - taken, self.height())
        painter.setFont(self._font)
        painter.setPen(colour(self._theme, "text" if self.isChecked() else "muted"))
        elide = Qt.TextElideMode.ElideRight
        words = painter.fontMetrics().elidedText(self.text(), elide, room.width())
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, words)

    def _dress(self) -> None:
        self._font = QFont(self._theme.font("body"))
        self._font.setWeight(QFont.Weight.Medium)
        self._count_font = QFont(self._theme.font("small"))
        self._count_font.setWeight(QFont.Weight.Medium)
        self.updateGeometry()
        self.update()
