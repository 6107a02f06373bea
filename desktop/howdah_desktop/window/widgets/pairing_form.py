"""The fields of pairing: a link from the receiver is pasted, read, compared and used."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button, IconButton
from .command_line import CommandLine
from .field import Field
from .link_facts import LinkFacts
from .parts import announce
from .text import Text

COMMAND = "howdah-receiver serve"


class PairingForm(QWidget):
    """The fields themselves; they stand in a panel of the window or in a dialog.

    It knows nothing of links: who listens to `link_changed` reads them and answers with
    `show_link`, `hide_link` or `show_problem`.
    """

    link_changed = Signal(str)
    pair = Signal(str, str)
    """The link and the name of this device."""
    cancelled = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_busy = False
        self._closable = False
        self.link_field = Field(theme, "Pairing link", "howdah://\N{HORIZONTAL ELLIPSIS}")
        self.link_field.textChanged.connect(self._typed)
        self.name_field = Field(theme, "Name of this device", "This computer")
        for field in (self.link_field, self.name_field):
            field.returnPressed.connect(self._pair)
        self.paste_button = IconButton(theme, "clipboard-paste", "Paste the link")
        self.paste_button.clicked.connect(self._paste)
        self.facts = LinkFacts(theme)
        self.problem = Text(theme, look="error", wraps=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(3)
        self.progress.setAccessibleName("Pairing")
        self.cancel_button = Button(theme, "Cancel")
        self.cancel_button.clicked.connect(self.cancelled)
        self.pair_button = Button(theme, "Pair", look="primary")
        self.pair_button.clicked.connect(self._pair)
        self._assemble()
        for widget in (self.facts, self.problem, self.progress, self.cancel_button):
            widget.hide()
        self._enable()

    @property
    def is_busy(self) -> bool:
        """Whether it is being paired just now."""
        return self._is_busy

    def set_closable(self, closable: bool) -> None:
        """In a dialog, Cancel is there also while nothing is on its way: it closes it."""
        self._closable = closable
        self.cancel_button.setVisible(closable or self._is_busy)

    def set_device_name(self, name: str) -> None:
        """The name by which the receiver shall know this computer; the user may change it."""
        self.name_field.setText(name)

    def set_link(self, link: str) -> None:
        """Put a link into the field; its beginning is seen, which says where it leads."""
        self.link_field.setText(link)
        self.link_field.setCursorPosition(0)

    def show_link(self, host: str, fingerprint: str | None, *, tls: bool = True) -> None:
        """What the link says: `nas.home:8484`, and the certificate, if it names one."""
        self.problem.hide()
        self.facts.show_link(host, fingerprint, tls=tls)
        self.facts.show()

    def hide_link(self) -> None:
        """The field does not hold a link (yet): nothing is said about it."""
        self.facts.hide()
        self.problem.hide()

    def show_problem(self, text: str) -> None:
        """Why it cannot be read, or why pairing failed; an empty text takes it away."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        announce(self, text, at_once=True)

    def set_busy(self, busy: bool) -> None:
        """Whether it is being paired just now; Cancel stays to be pressed."""
        if busy == self._is_busy:
            return
        self._is_busy = busy
        if busy:
            self.problem.hide()
        self.progress.setVisible(busy)
        self.cancel_button.setVisible(busy or self._closable)
        self._enable()
        # Disabling the field that has the keyboard would leave it nowhere.
        goal: QWidget = self.cancel_button if busy else self.link_field
        goal.setFocus(Qt.FocusReason.OtherFocusReason)
        announce(self, "Pairing" if busy else "")

    def clear(self) -> None:
        """As on the first day, but for the device's name."""
        self.link_field.clear()
        self.hide_link()
        self.set_busy(False)

    def _assemble(self) -> None:
        link = QHBoxLayout()
        link.setSpacing(6)
        link.addWidget(self.link_field, 1)
        link.addWidget(self.paste_button)
        name = QHBoxLayout()
        name.setSpacing(8)
        label = Text(self._theme, "This device is called", font="small", look="muted")
        label.setBuddy(self.name_field)
        name.addWidget(label)
        name.addWidget(self.name_field, 1)
        name.addWidget(self.cancel_button)
        name.addWidget(self.pair_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(CommandLine(self._theme, COMMAND))
        column.addLayout(link)
        column.addWidget(self.facts)
        column.addWidget(self.problem)
        column.addLayout(name)
        column.addWidget(self.progress)

    def _typed(self, link: str) -> None:
        self._enable()
        self.link_changed.emit(link.strip())

    def _paste(self) -> None:
        words = QGuiApplication.clipboard().text().split()
        self.set_link(words[0] if words else "")
        self.link_field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _pair(self) -> None:
        link = self.link_field.text().strip()
        if link and not self._is_busy:
            self.pair.emit(link, self.name_field.text().strip())

    def _enable(self) -> None:
        for widget in (self.link_field, self.paste_button, self.name_field):
            widget.setEnabled(not self._is_busy)
        self.pair_button.setEnabled(not self._is_busy and bool(self.link_field.text().strip()))
