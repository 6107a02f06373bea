"""The pairing panel at work: on the first page, and in a dialog to pair anew."""

from __future__ import annotations

import platform
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from howdah_common.problems import ProblemError
from howdah_desktop.window.pairing import LinkSays, Pairing
from howdah_desktop.window.theme import Theme

if TYPE_CHECKING:
    from howdah_desktop.window.widgets.pairing_panel import PairingDialog, PairingPanel


class PairingFlow(QObject):
    paired = Signal(object)
    """Paired, as in `overall`."""

    def __init__(self, theme: Theme, pairing: Pairing, device: str = "") -> None:
        super().__init__()
        self._theme = theme
        self._pairing = pairing
        self._device = device or platform.node() or "this computer"
        self._dialog: PairingDialog | None = None
        self._reading: str | None = None

    @cached_property
    def panel(self) -> PairingPanel:
        """The first page; made when there is nobody paired yet, as most starts do without it."""
        from howdah_desktop.window.widgets.pairing_panel import PairingPanel

        panel = PairingPanel(self._theme)
        self._attend(panel)
        return panel

    def open_dialog(self, window: QWidget, link: str = "") -> None:
        """To pair with another receiver, or with the same one again."""
        from howdah_desktop.window.widgets.pairing_panel import PairingDialog

        if self._dialog is None:
            self._dialog = PairingDialog(self._theme, window)
            self._attend(self._dialog.panel)
            self._dialog.finished.connect(self._pairing.cancel)
        if link:
            self._dialog.panel.set_link(link)
        self._dialog.open()

    def _attend(self, panel: PairingPanel) -> None:
        panel.set_device_name(self._device)
        panel.link_changed.connect(lambda link: self._read(panel, link))
        panel.pair.connect(lambda link, device: self._begin(panel, link, device))
        panel.cancelled.connect(lambda: self._cancel(panel))

    def _read(self, panel: PairingPanel, link: str) -> None:
        panel.show_problem("")
        self._reading = link

        def read(found: LinkSays | None) -> None:
            if self._reading != link:
                return  # somebody types faster
            if found is None:
                panel.hide_link()
            else:
                panel.show_link(found.host, found.fingerprint, tls=found.tls)

        self._pairing.read(link, read)

    def _begin(self, panel: PairingPanel, link: str, device: str) -> None:
        # What is still being read would take the place of what becomes of it.
        self._reading = None
        panel.show_problem("")
        panel.set_busy(True)

        def failed(problem: ProblemError) -> None:
            panel.set_busy(False)
            panel.show_problem(_told(problem))

        def done(paired: object) -> None:
            panel.set_busy(False)
            panel.set_link("")
            if self._dialog is not None:
                self._dialog.accept()
            self.paired.emit(paired)

        self._pairing.begin(link, device or self._device, done, failed)

    def _cancel(self, panel: PairingPanel) -> None:
        self._pairing.cancel()
        panel.set_busy(False)


def _told(problem: ProblemError) -> str:
    remedies = {
        "pairing_refused": "Run howdah-receiver pair there for a new link.",
        "bad_link": "Copy the whole line that begins with howdah:// from the receiver.",
        "offline": "Check that it runs and that this computer reaches it, then try again.",
    }
    return f"{problem.sentence} {remedies.get(problem.code, problem.problem.remedy)}"
