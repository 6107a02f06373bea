"""All keys on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button
from .key_cap import KeyCap
from .scrolling import scrolling
from .text import Text


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that belong together."""

    title: str
    keys: tuple[tuple[str, str], ...]
    """Keys and what they do. `Ctrl+O` is pressed together; `Del / Backspace` is one or the other."""


class KeysDialog(QDialog):
    """Shows groups of keys, scrolls where there is little room; Escape closes it."""

    def __init__(
        self, theme: Theme, groups: Sequence[KeyGroup], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Keys")
        self.setAccessibleName("Keys")
        close = Button(theme, "Close")
        close.clicked.connect(self.reject)
        close.setDefault(True)
        head = QHBoxLayout()
        head.setContentsMargins(24, 0, 24, 0)
        head.addWidget(Text(theme, "Keys", font="title", look="title"), 1)
        head.addWidget(close)

        page = QWidget()
        page.setObjectName("page")
        grid = QGridLayout(page)
        grid.setContentsMargins(24, 0, 24, 4)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        row = 0
        for group in groups:
            title = Text(theme, group.title, font="label", look="label")
            title.setContentsMargins(0, 10 if row else 0, 0, 2)
            grid.addWidget(title, row, 0, 1, 2)
            row += 1
            for keys, what in group.keys:
                words = Text(theme, what, wraps=True)
                grid.addWidget(self._caps(keys), row, 0)
                grid.addWidget(words, row, 1)
                row += 1
        grid.setRowStretch(row, 1)
        self._page = page
        self._scroll = scrolling(page)
        # The arrow keys must be able to scroll what a mouse can.
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scroll.setAccessibleName("List of keys")

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 20, 0, 16)
        column.setSpacing(14)
        column.addLayout(head)
        column.addWidget(self._scroll, 1)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        page = self._page.sizeHint()
        return QSize(max(440, page.width() + 24), min(page.height() + 96, 700))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self._page.minimumSizeHint().width(), 240)

    def _caps(self, keys: str) -> QWidget:
        """`Ctrl+Shift+O` as three keys, `Del / Backspace` as two with an "or" between."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for place, either in enumerate(keys.split(" / ")):
            if place:
                row.addWidget(Text(self._theme, "or", font="small", look="muted"))
            for key in _pressed(either):
                row.addWidget(KeyCap(self._theme, key))
        row.addStretch(1)
        return box


def _pressed(keys: str) -> list[str]:
    """What is pressed together; a plus at the end is a key itself: `Ctrl++`."""
    if keys.endswith("+"):
        return [key for key in keys[:-1].split("+") if key] + ["+"]
    return keys.split("+")
