"""SIGTERM and Ctrl-C end the window in good order, also while it rests.

Python runs signal handlers between its own steps, and Qt's loop may sleep for hours without one: a byte on a
socket wakes it (signal.set_wakeup_fd).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier

ENDING = (signal.SIGINT, signal.SIGTERM)


class EndOnSignal(QObject):
    """`end` is called in the GUI thread, once."""

    def __init__(self, end: Callable[[], object]) -> None:
        super().__init__()
        self._end = end
        self._came = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = [signal.signal(number, self._note) for number in ENDING]
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno())
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._awake)

    def close(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in zip(ENDING, self._before, strict=True):
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True

    def _awake(self) -> None:
        self._reader.recv(64)
        if self._came:
            self._notifier.setEnabled(False)
            self._end()
