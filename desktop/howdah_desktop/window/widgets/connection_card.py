"""The receiver at the foot of the sidebar: who it is and how it stands with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from howdah_desktop.window.look import CardState
from howdah_desktop.window.theme import Theme

from .button import IconButton
from .elided import Elided
from .parts import announce, set_look
from .state_dot import StateDot
from .text import Text


class ConnectionCard(QFrame):
    """Shows a `CardState`; its menu asks to pair anew or to look at the receiver now."""

    pair_wanted = Signal()
    check_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_look(self, "card")
        self._state: CardState | None = None
        self._dot = StateDot(theme)
        self._name = Elided(theme, font="small", look="strong", mode=Qt.TextElideMode.ElideMiddle)
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._line = Text(theme, font="small", look="muted", wraps=True)
        self._detail = Text(theme, font="small", look="muted", wraps=True)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedHeight(3)
        self._busy.setAccessibleName("The receiver is being asked")
        self.menu_button = self._with_menu(theme)

        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._dot)
        head.addWidget(self._name, 1)
        head.addWidget(self.menu_button)
        lines = QVBoxLayout()
        lines.setContentsMargins(0, 0, 6, 0)
        lines.setSpacing(3)
        for widget in (self._line, self._detail, self._busy):
            lines.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(11, 6, 5, 11)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(lines)
        self._detail.hide()
        self._busy.hide()

    def show_state(self, state: CardState) -> None:
        """Show how it stands with the receiver, and say it when it is another than before."""
        before = self._state
        if state == before:
            return
        self._state = state
        self._dot.show_tone(state.tone)
        self._name.say(state.name)
        self._line.setText(state.line)
        self._detail.setText(state.detail)
        self._detail.setVisible(bool(state.detail))
        self._busy.setVisible(state.busy)
        self.setAccessibleName(state.spoken)
        self.menu_button.setAccessibleDescription(state.spoken)
        # Not every line is news: one that counts seconds down would never let a reader finish.
        if before is not None and (state.tone, state.name) != (before.tone, before.name):
            announce(self, state.spoken)

    def _with_menu(self, theme: Theme) -> IconButton:
        button = IconButton(theme, "ellipsis", "Receiver menu")
        # Low enough to stand in a line of text without holding the next one off.
        button.setStyleSheet("QToolButton { min-height: 14px; }")
        menu = QMenu(button)
        menu.addAction("Check now", self.check_wanted.emit)
        menu.addAction("Pair with another receiver\N{HORIZONTAL ELLIPSIS}", self.pair_wanted.emit)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button
