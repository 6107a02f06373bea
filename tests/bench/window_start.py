"""One start of the window: when it was first painted, and when with all rows. For `window.py`."""

from __future__ import annotations

import sys
import time

BEGUN, ROWS = float(sys.argv[1]), int(sys.argv[2])


def main() -> None:
    # As `howdah` without arguments comes there, so that its imports are in the time.
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication

    from howdah_desktop.cli import context
    from howdah_desktop.window import app as window_app

    class Watch(QObject):
        """Hears of every paint of the list and of the window."""

        first = 0.0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's
            if event.type() == QEvent.Type.Paint:
                QTimer.singleShot(0, self.painted)
            return False

        def painted(self) -> None:
            now = time.monotonic() - BEGUN
            if not self.first:
                self.first = now
            if windows[0].window.page.model.rowCount() >= ROWS:
                print(self.first, now, flush=True)
                QApplication.quit()

    windows: list[window_app.Howdah] = []
    watch = Watch()

    class Watched(window_app.Howdah):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            windows.append(self)
            self.window.page.list.viewport().installEventFilter(watch)
            self.window.installEventFilter(watch)

    window_app.Howdah = Watched  # type: ignore[misc, assignment]
    settings = context.settings()
    window_app.run(settings, lambda: context.connect(settings))


main()
