"""From the mailbox into the GUI thread: a timer that drains it while something moves, and then rests."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from howdah_desktop.window.mailbox import Mailbox

TICK_MILLISECONDS = 100
REST_AFTER_TICKS = 10
MOST_SECONDS = 0.03
"""For letters, in one go."""


class Bridge(QObject):
    _woken = Signal()
    _hurried = Signal()

    def __init__(self, mailbox: Mailbox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mailbox = mailbox
        self._letters: deque[Callable[[], None]] = deque()
        self._empty = 0
        self._closed = False
        self._timer = QTimer(self, interval=TICK_MILLISECONDS)
        self._timer.timeout.connect(self.drain)
        # Put from any thread; queued, so that it is heard in this one.
        self._woken.connect(self._wake, Qt.ConnectionType.QueuedConnection)
        self._hurried.connect(self.drain, Qt.ConnectionType.QueuedConnection)
        mailbox.on_first = self._woken.emit
        mailbox.on_urgent = self._hurried.emit

    def drain(self) -> None:
        self._letters.extend(self._mailbox.take())
        self._empty = 0 if self._letters else self._empty + 1
        until = time.monotonic() + MOST_SECONDS
        while self._letters and not self._closed:
            self._letters.popleft()()
            if time.monotonic() > until:
                # The rest as soon as those had their turn who press keys and paint.
                QTimer.singleShot(0, self.drain)
                return
        if self._empty > REST_AFTER_TICKS:
            self._timer.stop()

    @property
    def resting(self) -> bool:
        return not self._timer.isActive()

    def close(self) -> None:
        """Whoever still puts something into the box wakes nobody."""
        self._mailbox.on_first = self._mailbox.on_urgent = lambda: None
        self._closed = True
        self._timer.stop()

    def _wake(self) -> None:
        # A call may have been queued when this was closed.
        if not self._closed and not self._timer.isActive():
            self._empty = 0
            self._timer.start()
            self.drain()  # the first news after a rest is shown at once
