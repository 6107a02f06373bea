"""The questions that the window asks: before a drop that nobody makes by accident, before closing, before
cancelling all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from howdah_desktop.engine.views import Ask
from howdah_desktop.window import figures
from howdah_desktop.window.orders import Orders
from howdah_desktop.window.theme import Theme

if TYPE_CHECKING:
    from howdah_desktop.window.widgets.confirm import ConfirmDialog


class Asking:
    """Questions do not block: the window goes on while they stand."""

    def __init__(self, window: QWidget, theme: Theme, orders: Orders) -> None:
        self._window = window
        self._theme = theme
        self._orders = orders
        self._open: dict[int, ConfirmDialog] = {}
        self._asked: set[int] = set()
        self.agreed_to_close = False

    def about(self, asks: Sequence[Ask]) -> None:
        """These drops wait for a yes. Each is asked about once; after that its row still has the button."""
        for ask in asks:
            text = _size_of(ask)
            if ask.group in self._open:
                self._open[ask.group].set_text(text)
            elif ask.group not in self._asked:
                self._ask(ask, text)
        for group in set(self._open) - {ask.group for ask in asks}:
            self._open.pop(group).reject()  # answered elsewhere

    def to_close(self, moving: int) -> None:
        """Closing would hold up `moving` files."""
        title = "Close while something is on its way?"
        verb = "is" if moving == 1 else "are"
        text = (
            f"{figures.count(moving, 'file')} {verb} not there yet. Nothing is lost: they go on where"
            " they were when Howdah is started again, or with howdah resume."
        )
        dialog = self._confirm(title, text, "Close", "Stay")
        dialog.accepted.connect(self._close)

    def to_cancel_all(self) -> None:
        title = "Cancel everything that is unfinished?"
        text = "What has arrived stays at the receiver, and your own files are not touched."
        dialog = self._confirm(title, text, "Cancel all", "Keep them", danger=True)
        dialog.accepted.connect(lambda: self._orders.cancel(None))

    def _close(self) -> None:
        self.agreed_to_close = True
        self._window.close()

    def _ask(self, ask: Ask, text: str) -> None:
        self._asked.add(ask.group)
        dialog = self._confirm("Send all of it?", text, "Send all", "Not now")
        self._open[ask.group] = dialog
        dialog.accepted.connect(lambda: self._orders.release(ask.group))
        dialog.finished.connect(lambda: self._open.pop(ask.group, None))

    def _confirm(
        self, title: str, text: str, yes: str, no: str, *, danger: bool = False
    ) -> ConfirmDialog:
        from howdah_desktop.window.widgets.confirm import confirm

        return confirm(self._window, self._theme, title, text, yes, no=no, danger=danger)


def _size_of(ask: Ask) -> str:
    counting = ", and it is still being counted" if ask.counting else ""
    return (
        f"That is {figures.count(ask.files, 'file')} with {figures.size(ask.bytes)}{counting}. Nothing of it"
        " is sent before you say yes; it can also be cancelled in the list."
    )
