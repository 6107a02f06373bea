"""The window's left side: the brand, the places, the receiver."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from howdah_desktop.window.theme import Theme

from .connection_card import ConnectionCard
from .glyph import Glyph
from .parts import set_look
from .sidebar_item import SidebarItem
from .text import Text

_WIDTH = 204


class Sidebar(QFrame):
    """Holds its place "Transfers" (always chosen: it is the only one so far) and the card."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_look(self, "sidebar")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        brand = QHBoxLayout()
        # A strut: the brand keeps its height (centre at 29) whatever the font's is.
        brand.addStrut(30)
        brand.setContentsMargins(9, 0, 0, 0)
        brand.setSpacing(7)
        brand.addWidget(Glyph(theme, "mark", role="accent", size=22))
        brand.addWidget(Text(theme, "Howdah", font="heading", look="heading"))
        brand.addStretch()

        self.transfers = SidebarItem(theme, "arrow-up-down", "Transfers")
        self.transfers.setChecked(True)
        # A click on the place where one is must not leave it.
        self.transfers.clicked.connect(lambda: self.transfers.setChecked(True))
        self.card = ConnectionCard(theme)

        column = QVBoxLayout(self)
        column.setContentsMargins(12, 14, 12, 18)
        column.setSpacing(0)
        column.addLayout(brand)
        column.addSpacing(12)
        column.addWidget(self.transfers)
        column.addStretch()
        column.addWidget(self.card)
        self.set_count(0)

    def set_count(self, unfinished: int) -> None:
        """Show how many transfers have not arrived."""
        shown = f"{unfinished:,}" if unfinished else ""
        spoken = f"Transfers, {unfinished:,} unfinished" if unfinished else "Transfers"
        self.transfers.show_count(shown, spoken)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        # The layout's own wish follows the words of the card, which change.
        return QSize(max(_WIDTH, self.minimumSizeHint().width()), super().sizeHint().height())
