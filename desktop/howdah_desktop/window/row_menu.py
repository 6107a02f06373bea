"""What can be done with the chosen rows, as a menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from howdah_desktop.engine.views import RootView
from howdah_desktop.window.acts import possible
from howdah_desktop.window.classes import Row
from howdah_desktop.window.orders import Orders, folder_to_show
from howdah_desktop.window.sentences import remedy
from howdah_desktop.window.theme import Theme


class RowMenu(QMenu):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName("Of the chosen transfers")

    def open_for(
        self, keys: Sequence[int], rows: Sequence[Row], orders: Orders, where: QPoint
    ) -> None:
        self.clear()
        can = possible(rows)
        for shown, icon, words, order in (
            (can.pause, "pause", "Pause", orders.pause),
            (can.go_on, "play", "Go on", orders.resume),
            (can.try_again and not can.go_on, "rotate-cw", "Try now", orders.resume),
            (can.cancel, "x", "Cancel", orders.cancel),
            (can.remove, "trash-2", "Remove from the list", orders.remove),
        ):
            if shown:
                self._add(icon, words).triggered.connect(
                    lambda checked=False, order=order: order(keys)
                )
        if len(rows) == 1:
            self.addSeparator()
            self._add_for_one(rows[0])
        self.popup(where)

    def _add_for_one(self, row: Row) -> None:
        local = row.target if row.kind == "download" else row.source
        there = row.source if row.kind == "download" else row.target
        show = self._add("folder-open", "Show in its folder here")
        show.triggered.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(folder_to_show(local)))
        )
        copy = QGuiApplication.clipboard().setText
        self._add("copy", "Copy its path here").triggered.connect(lambda: copy(local))
        self._add("copy", "Copy its path there").triggered.connect(lambda: copy(there))
        self._add("info", "Copy the details").triggered.connect(lambda: copy(details(row)))

    def _add(self, icon: str, words: str) -> QAction:
        return self.addAction(self._theme.icon(icon, "muted", 16), words)


def details(row: Row) -> str:
    """Everything about a row, to be sent to somebody who can help."""
    lines = [f"{row.name} ({row.kind})", f"from {row.source}", f"to {row.target}"]
    if isinstance(row, RootView):
        lines.append(", ".join(f"{count} {state}" for state, count in row.files.items() if count))
    else:
        lines.append(f"{row.state}, {row.done_bytes} of {row.size} bytes, try {row.attempt}")
        if row.digest:
            lines.append(f"blake3 manifest {row.digest}")
    if row.code:
        lines.append(f"{row.code}: {row.sentence} {remedy(row.code, row.remedy)}")
    return "\n".join(lines)
