"""What a pairing link says, before anything is sent to anyone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from howdah_desktop.window.theme import Theme

from .parts import grouped, set_look
from .text import Text


class LinkFacts(QFrame):
    """The receiver and its certificate, in groups that two people can read to each other."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_look(self, "card")
        self._host = Text(theme, font="name", wraps=True)
        self._label = Text(theme, "Certificate", font="small", look="muted")
        self._print = Text(theme, font="small", look="mono")
        self._print.setAccessibleName("Certificate")
        self._print.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._advice = Text(theme, font="small", look="muted", wraps=True)
        top = Qt.AlignmentFlag.AlignTop
        grid = QGridLayout(self)
        grid.setContentsMargins(11, 9, 11, 9)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        grid.addWidget(Text(theme, "Receiver", font="small", look="muted"), 0, 0)
        grid.addWidget(self._host, 0, 1)
        grid.addWidget(self._label, 1, 0, top)
        grid.addWidget(self._print, 1, 1, top)
        grid.addWidget(self._advice, 2, 1)

    def show_link(self, host: str, fingerprint: str | None, *, tls: bool = True) -> None:
        """The receiver's address; `fingerprint` in hexadecimal, None where the link names none."""
        self._host.setText(host)
        self._label.setVisible(fingerprint is not None)
        self._print.setVisible(fingerprint is not None)
        if fingerprint is None:
            self._advice.setText(
                "TLS, vouched for by an authority that this computer trusts."
                if tls
                else "On this computer, without TLS."
            )
            return
        self._print.setText(grouped(fingerprint))
        self._print.setAccessibleName(f"Certificate, SHA-256: {grouped(fingerprint, 16)}")
        self._advice.setText("SHA-256. Compare it with what the receiver prints.")
