"""Pairing, said in full: on the first page nothing is paired yet; in a dialog, to pair anew."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .dashed import Dashed
from .glyph import Glyph
from .pairing_form import PairingForm
from .scrolling import scrolling
from .text import Text

_WIDTH = 470
_MARK = 50
_LOW = 520
"""Pixels of height; below, the mark makes room for what is to be done."""
_TITLE = "Pair with your receiver"
_HOW = (
    "On the machine that shall keep the files, run the command below."
    "\nIt prints a link; paste it here."
)


class PairingPanel(QWidget):
    """The form with its words: a whole page with its own margins, or what a dialog holds.

    As a page it stands in the middle of a dashed panel and scrolls where the window is small.
    """

    link_changed = Signal(str)
    pair = Signal(str, str)
    """The link and the name of this device."""
    cancelled = Signal()

    def __init__(
        self, theme: Theme, parent: QWidget | None = None, *, in_dialog: bool = False
    ) -> None:
        super().__init__(parent)
        self.form = PairingForm(theme)
        self.form.link_changed.connect(self.link_changed)
        self.form.pair.connect(self.pair)
        self.form.cancelled.connect(self.cancelled)
        self._mark: Glyph | None = None
        self._scroll: QScrollArea | None = None
        self._title = Text(theme, _TITLE, font="title", scale=17 / 18, wraps=True)
        self._how = Text(theme, _HOW, look="muted", wraps=True)
        if in_dialog:
            self._fill_dialog()
        else:
            self._fill_page(theme)

    def set_device_name(self, name: str) -> None:
        """The name by which the receiver shall know this computer; the user may change it."""
        self.form.set_device_name(name)

    def set_link(self, link: str) -> None:
        """Put a link into the field."""
        self.form.set_link(link)

    def show_link(self, host: str, fingerprint: str | None, *, tls: bool = True) -> None:
        """What the link says: `nas.home:8484`, and the certificate, if it names one."""
        self.form.show_link(host, fingerprint, tls=tls)

    def hide_link(self) -> None:
        """The field does not hold a link (yet)."""
        self.form.hide_link()

    def show_problem(self, text: str) -> None:
        """Why the link cannot be read, or why pairing failed; an empty text takes it away."""
        self.form.show_problem(text)
        if text and self._scroll is not None:
            # The layout places the line first; then it can be scrolled to.
            QTimer.singleShot(0, self._reveal_problem)

    def set_busy(self, busy: bool) -> None:
        """Whether it is being paired just now."""
        self.form.set_busy(busy)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        if self._mark is not None:
            self._mark.setVisible(self.height() >= _LOW)

    def _reveal_problem(self) -> None:
        if self._scroll is not None:
            self._scroll.ensureWidgetVisible(self.form.pair_button)

    def _fill_dialog(self) -> None:
        self.form.set_closable(True)
        self._how.setMinimumWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._title)
        column.addWidget(self._how)
        column.addSpacing(6)
        column.addWidget(self.form)
        column.addStretch(1)

    def _fill_page(self, theme: Theme) -> None:
        centre = Qt.AlignmentFlag.AlignHCenter
        self._mark = Glyph(theme, "mark", role="accent", size=_MARK)
        # The space below belongs to it and goes with it.
        self._mark.setMinimumHeight(_MARK + 14)
        for label in (self._title, self._how):
            label.setAlignment(centre)
        middle = QWidget()
        middle.setMaximumWidth(_WIDTH)
        inside = QVBoxLayout(middle)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addStretch(1)
        inside.addWidget(self._mark, 0, centre)
        inside.addWidget(self._title)
        inside.addSpacing(8)
        inside.addWidget(self._how)
        inside.addSpacing(18)
        inside.addWidget(self.form)
        inside.addStretch(1)
        page = QWidget()
        across = QHBoxLayout(page)
        across.setContentsMargins(20, 16, 20, 16)
        # The middle takes all until it is as wide as it may be; then the sides share the rest.
        across.addStretch(1)
        across.addWidget(middle, 1000)
        across.addStretch(1)
        panel = Dashed(theme, 16)
        around = QVBoxLayout(panel)
        around.setContentsMargins(4, 4, 4, 4)
        self._scroll = scrolling(page)
        around.addWidget(self._scroll)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 22, 22, 18)
        column.addWidget(panel)


class PairingDialog(QDialog):
    """A panel in a dialog; it stays open while it pairs, and Escape then cancels that first."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(_TITLE)
        self.setAccessibleName(_TITLE)
        self.panel = PairingPanel(theme, in_dialog=True)
        self.panel.cancelled.connect(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.addWidget(self.panel)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self.panel.form.link_field.setFocus(Qt.FocusReason.OtherFocusReason)

    def reject(self) -> None:
        """Escape or the window's cross."""
        if self.panel.form.is_busy:
            self.panel.cancelled.emit()
        else:
            super().reject()

    def _cancel(self) -> None:
        if not self.panel.form.is_busy:
            super().reject()
