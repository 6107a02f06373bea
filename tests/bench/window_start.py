"""One start of the window: when it was first painted, when with all rows, and the memory after that.

For `window.py`; prints seconds, seconds, bytes.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

SETTLE_MILLISECONDS = 1_000
"""Until the engine is up as well, and what loading left behind is gone."""
BEGUN, ROWS = float(sys.argv[1]), int(sys.argv[2])


def main() -> None:
    # As `howdah` without arguments comes there, so that its imports are in the time.
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication

    from howdah_desktop.cli import context
    from howdah_desktop.window import app as window_app

    class Watch(QObject):
        """Hears of every paint of the list and of the window."""

        first = whole = 0.0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's
            if event.type() == QEvent.Type.Paint:
                QTimer.singleShot(0, self.painted)
            return False

        def painted(self) -> None:
            now = time.monotonic() - BEGUN
            if not self.first:
                self.first = now
            if not self.whole and windows[0].window.page.model.rowCount() >= ROWS:
                self.whole = now
                QTimer.singleShot(SETTLE_MILLISECONDS, self.tell)

        def tell(self) -> None:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            print(self.first, self.whole, pages * os.sysconf("SC_PAGE_SIZE"), flush=True)
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
