"""How the window starts and ends: one instance for each ledger, the window first, the engine behind it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from howdah_desktop.settings import Settings
from howdah_desktop.window.bridge import Bridge
from howdah_desktop.window.desk import Desk
from howdah_desktop.window.feed import Feed, Listener
from howdah_desktop.window.mailbox import Mailbox
from howdah_desktop.window.main_window import MainWindow
from howdah_desktop.window.orders import Orders
from howdah_desktop.window.overall import Paired
from howdah_desktop.window.pairing import Pairing
from howdah_desktop.window.pairing_flow import PairingFlow
from howdah_desktop.window.signals import EndOnSignal
from howdah_desktop.window.theme import Theme, install

if TYPE_CHECKING:
    from howdah_desktop.remote.receiver import Receiver

REMEMBERED = "window.ini"
END_SECONDS = 15.0
"""How long a closed window waits for its engine: it writes down where everything stands."""

log = logging.getLogger(__name__)


class Howdah:
    """Everything behind one window; `start` it once it is shown, `end` it when it is closed."""

    def __init__(
        self,
        theme: Theme,
        remembered: QSettings,
        settings: Settings,
        connect: Callable[[], Receiver],
    ) -> None:
        """`connect` makes a receiver from the pairing as it is kept now (see Engine)."""
        self._remembered = remembered
        self.mailbox = Mailbox()
        self.bridge = Bridge(self.mailbox)
        self.desk = Desk(self.mailbox)
        # The feed tells a window that does not exist yet: it is started after it was shown.
        self.feed = Feed(
            settings,
            connect,
            self.mailbox,
            Listener(
                loaded=lambda loaded: self.window.load(loaded),
                changed=lambda overview: self.window.apply(overview),
                children=lambda root, views: self.window.add_children(root, views),
                trouble=lambda problem: self.window.trouble(problem),
            ),
        )
        self.pairing = Pairing(self.desk)
        self.orders = Orders(self.desk, self.feed, lambda problem: self.window.trouble(problem))
        flow = PairingFlow(theme, self.pairing, settings.device_name)
        self.window = MainWindow(theme, self.orders, flow, remembered)
        self.window.runs_here = lambda: self.feed.runs_here

    def start(self, paths: Sequence[bytes] = (), to: str = "") -> None:
        def paired(found: Paired | None) -> None:
            self.window.pair_with(found)
            if paths:
                self.window.add(paths, to)

        self.pairing.load(paired)
        self.feed.start()

    def end(self) -> bool:
        """The window is gone already; what is behind it ends in good order. Whether it did, in time."""
        self.bridge.close()
        ended = self.feed.stop(END_SECONDS)
        self.desk.close()
        self._remembered.sync()
        return ended


class AfterFirstPicture(QObject):
    """The engine starts behind a window that is seen: importing and reading share the processor with
    painting."""

    def __init__(self, window: QWidget, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._then)
        return False


def run(
    settings: Settings,
    connect: Callable[[], Receiver],
    paths: Sequence[bytes] = (),
    to: str = "",
) -> int:
    """Open the window and stay until it is closed. The caller holds the lock of the window."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("howdah")
    app.setApplicationDisplayName("Howdah")
    app.setDesktopFileName("howdah")
    app.setQuitOnLastWindowClosed(False)
    remembered = QSettings(str(settings.home / REMEMBERED), QSettings.Format.IniFormat)
    theme = install(app, str(remembered.value("scheme", "system")))
    howdah = Howdah(theme, remembered, settings, connect)
    # Not by quit(): it asks every window and dialog first, and one of them may refuse.
    howdah.window.closed.connect(lambda: app.exit(0))
    signals = EndOnSignal(howdah.window.end)
    first_picture = AfterFirstPicture(howdah.window, lambda: howdah.start(paths, to))
    howdah.window.show()
    code = app.exec()
    howdah.window.hide()
    if not howdah.end():
        # A thread hangs on a disk, and Python would wait for it for ever with the ledger locked. Nothing
        # is lost by ending hard: what counts is committed.
        log.warning("the engine did not end in time")
        os._exit(code)
    signals.close()
    first_picture.deleteLater()
    return code
