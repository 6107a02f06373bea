"""A short word at the window's foot about what just happened, with a way back."""

from __future__ import annotations

from PySide6.QtCore import (
    QEasingCurve,
    QEvent,
    QPropertyAnimation,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QGraphicsOpacityEffect, QHBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button, IconButton
from .elided import Elided
from .floating import Floating
from .parts import announce, colour, motion_reduced

STAY_MS = 8_000
_FADE_MS = 150
_RADIUS = 9
_FOOT = 43
"""From the window's lower edge: above the footer."""


class Toast(Floating):
    """Says one thing at a time, in the colours' inverse; a newer one takes its place.

    Signals carry the key that the toast was said with: `acted` when its button was pressed, `gone`
    when it left in any way (also after `acted`, also when a newer one took its place).
    """

    acted = Signal(object)
    gone = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget, *, stay_ms: int = STAY_MS) -> None:
        super().__init__(parent)
        self._theme = theme
        self._key: object = None
        self._there = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(stay_ms)
        self._timer.timeout.connect(self.dismiss)
        self._words = Elided(theme)
        self._act = Button(theme, "", look="link")
        self._act.clicked.connect(self._acted)
        self._close = IconButton(theme, "x", "Dismiss", role="surface", size=14)
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 6, 4)
        row.setSpacing(10)
        row.addWidget(self._words, 1)
        row.addWidget(self._act)
        row.addWidget(self._close)
        self._effect = QGraphicsOpacityEffect(self)
        self.setGraphicsEffect(self._effect)
        self._fade = QPropertyAnimation(self._effect, b"opacity", self)
        self._fade.setDuration(_FADE_MS)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.finished.connect(self._faded)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_moved)
        theme.changed.connect(self._dress)
        self._dress()
        self.hide()

    def say(self, text: str, action: str = "", key: object = None) -> None:
        """Show a toast; `action` are the words of its button."""
        self._leave()
        self._key = key
        self._there = True
        self._words.say(text)
        self._act.setText(action)
        self._act.setAccessibleName(action or "No action")
        self._act.setVisible(bool(action))
        self.setAccessibleName(text)
        self.place()
        self.raise_()
        self.show()
        self._fade_to(1.0)
        self._timer.start()
        announce(self, f"{text}. {action}" if action else text)

    def dismiss(self) -> None:
        """Let it go now."""
        if self._there:
            self._leave()
            self._fade_to(0.0)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 - Qt's name
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        self._go_on()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme, "text"))
        painter.drawRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        painter.end()

    def _focus_moved(self, _from: QWidget | None, to: QWidget | None) -> None:
        """Wait while the keyboard is in the toast: who reaches for Undo must not lose it."""
        if not self._there:
            return
        if to is not None and self.isAncestorOf(to):
            self._timer.stop()
        elif not self._timer.isActive():
            self._go_on()

    def _go_on(self) -> None:
        focus = QApplication.focusWidget()
        inside = focus is not None and self.isAncestorOf(focus)
        if self._there and not inside and not self.underMouse():
            self._timer.start()

    def _acted(self) -> None:
        if self._there:
            self.acted.emit(self._key)
            self.dismiss()

    def _leave(self) -> None:
        """What is said now is over; the key is taken first, a listener may say the next toast."""
        self._timer.stop()
        if self._there:
            self._there = False
            key, self._key = self._key, None
            self.gone.emit(key)

    def _fade_to(self, opacity: float) -> None:
        self._fade.stop()
        if motion_reduced():
            self._effect.setOpacity(opacity)
            self._faded()
            return
        self._fade.setStartValue(0.0 if self._there else self._effect.opacity())
        self._fade.setEndValue(opacity)
        self._fade.start()

    def _faded(self) -> None:
        if not self._there:
            self.hide()

    def place(self) -> None:
        """At the right of the window's foot, past what stands in the middle; long words give way."""
        self.ensurePolished()
        room, size = self.room, self.sizeHint()
        width = min(room.width() - 48, size.width())
        left = room.width() - 24 - width
        self.setGeometry(left, room.height() - _FOOT - size.height(), width, size.height())

    def _dress(self) -> None:
        colours = self._theme.colours
        # The accent of a light window is too dark on the inverse ground; its soft form is not.
        self.setStyleSheet(
            f"QLabel {{ color: {colours.surface}; background: transparent; }}"
            f"QPushButton {{ color: {colours.accent_soft}; }}"
            f"QToolButton {{ background: transparent; border-color: transparent; }}"
            f"QPushButton:focus, QToolButton:focus {{ border: 2px solid {colours.accent_soft}; }}"
        )
        self.update()
