"""A question before something that is not easily undone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button
from .text import Text

_WIDTH = 420


class ConfirmDialog(QDialog):
    """Asks and does not block: `open()` it and listen to `finished` (1: yes, 0: no).

    Enter and Escape both mean "no": only who presses the other button on purpose says yes.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        text: str,
        yes: str,
        no: str = "Cancel",
        *,
        danger: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._title = Text(theme, title, font="heading", look="heading", wraps=True)
        self._text = Text(theme, text, wraps=True)
        self._text.setMinimumWidth(_WIDTH - 48)
        self.setAccessibleDescription(text)
        self.yes_button = Button(theme, yes, look="danger" if danger else "primary")
        self.yes_button.clicked.connect(self.accept)
        self.no_button = Button(theme, no)
        self.no_button.clicked.connect(self.reject)
        self.no_button.setDefault(True)
        self.no_button.setFocus()
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.no_button)
        buttons.addWidget(self.yes_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addSpacing(12)
        column.addStretch(1)
        column.addLayout(buttons)

    def set_text(self, text: str) -> None:
        """Other words while it is open ("12,400 files so far"); the dialog only ever grows."""
        if text != self._text.text():
            self._text.setText(text)
            self.setAccessibleDescription(text)
            if self.isVisible():
                height = max(self.height(), self.heightForWidth(self.width()))
                self.resize(self.width(), height)


def confirm(
    parent: QWidget | None,
    theme: Theme,
    title: str,
    text: str,
    yes: str,
    no: str = "Cancel",
    *,
    danger: bool = False,
) -> ConfirmDialog:
    """Ask now, without waiting; the dialog deletes itself after `finished`."""
    dialog = ConfirmDialog(theme, title, text, yes, no, danger=danger, parent=parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
