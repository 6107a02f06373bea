"""The real window on the real engine, driven as a person would: what is dropped, clicked, typed and seen.

For tests, pictures and measurements. The application and its theme are the caller's; home folder and pairing
are those of HOWDAH_HOME.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QEventLoop,
    QMimeData,
    QModelIndex,
    QPoint,
    QPointF,
    QSettings,
    Qt,
    QTimer,
    QUrl,
)
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from howdah_desktop.cli import context
from howdah_desktop.window.app import REMEMBERED, Howdah
from howdah_desktop.window.delegates.placement import Hit
from howdah_desktop.window.look import RowLook

if TYPE_CHECKING:
    from howdah_desktop.settings import Settings
    from howdah_desktop.window.main_window import MainWindow
    from howdah_desktop.window.theme import Theme

PATIENCE_SECONDS = 30.0
LOOK_MILLISECONDS = 10


class OpenWindow:
    """A window that is shown, with everything behind it."""

    def __init__(self, theme: Theme, settings: Settings) -> None:
        remembered = QSettings(str(settings.home / REMEMBERED), QSettings.Format.IniFormat)
        self.howdah = Howdah(theme, remembered, settings, lambda: context.connect(settings))
        self.window.show()
        QTest.qWaitForWindowExposed(self.window)
        self.howdah.start()

    @property
    def window(self) -> MainWindow:
        return self.howdah.window

    def end(self) -> None:
        """As when somebody has closed it; without the question."""
        self.window.hide()
        self.howdah.end()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    # -- what is seen

    def looks(self) -> dict[str, RowLook]:
        """The rows of the list by their names, in order."""
        model = self.window.page.model
        keys = [model.key_at(row) for row in range(model.rowCount())]
        return {model.look(key).title: model.look(key) for key in keys}

    def look(self, name: str) -> RowLook:
        return self.looks()[name]

    def key(self, name: str) -> int:
        model = self.window.page.model
        keys = (model.key_at(row) for row in range(model.rowCount()))
        return next(key for key in keys if model.look(key).title == name)

    def wait(
        self, condition: Callable[[], object], what: str = "", seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Until something is so, with the window alive meanwhile."""
        deadline = time.monotonic() + seconds
        while not _holds(condition):
            if time.monotonic() > deadline:
                shown = {name: (look.tag, look.status) for name, look in self.looks().items()}
                raise AssertionError(f"not after {seconds:g} s: {what}; {shown}")
            live(LOOK_MILLISECONDS)

    # -- what is done

    def drag(self, paths: Sequence[Path]) -> QMimeData:
        """Hold files over the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        event = QDragEnterEvent(
            self.window.rect().center(),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.window, event)
        return data

    def drag_away(self) -> None:
        QApplication.sendEvent(self.window, QDragLeaveEvent())

    def drop(self, *paths: Path) -> None:
        """Drag files over the window and let go."""
        data = self.drag(paths)
        event = QDropEvent(
            QPointF(self.window.rect().center()),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.window, event)

    def press_button_of(self, name: str) -> None:
        """Click the one button of a row."""
        page = self.window.page
        row = page.model.row_of(self.key(name))
        assert row is not None
        index = page.model.index(row)
        page.list.scrollTo(index)
        where = self._find_button(index)
        QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=where)

    def choose(self, *names: str) -> None:
        """Select rows."""
        page = self.window.page
        page.list.clearSelection()
        for name in names:
            row = page.model.row_of(self.key(name))
            assert row is not None
            index = page.model.index(row)
            flag = page.list.selectionModel().SelectionFlag.Select
            page.list.selectionModel().select(index, flag)

    def keys(self, sequence: str, widget: QWidget | None = None) -> None:
        # Without a screen nobody gives it back to the window when a dialog has closed.
        self.window.activateWindow()
        QTest.qWaitForWindowActive(self.window)
        QTest.keySequence(widget or self.window, sequence)

    def press(self, words: str, inside: QWidget | None = None) -> None:
        """Click a button by what stands on it."""
        for button in (inside or self.window).findChildren(QPushButton):
            if button.isVisible() and words in (button.text(), button.accessibleName()):
                QTest.mouseClick(button, Qt.MouseButton.LeftButton)
                return
        raise AssertionError(f"there is no button {words!r}")

    def _find_button(self, index: QModelIndex) -> QPoint:
        """Where the row answers as its act: looked for as a hand would, from the right."""
        page = self.window.page
        option = page.list.option_for(index)
        for x in range(option.rect.right() - 50, option.rect.left(), -6):
            where = QPoint(x, option.rect.center().y())
            spot = page.delegate.point_at(option, index, QPointF(where))
            if spot is not None and spot.part is Hit.ACT:
                return where
        raise AssertionError("the row has no button")


@contextmanager
def open_window(theme: Theme, settings: Settings | None = None) -> Iterator[OpenWindow]:
    opened = OpenWindow(theme, settings or context.settings())
    try:
        yield opened
    finally:
        opened.end()


def live(milliseconds: int) -> None:
    """Let the window live. Not by QTest.qWait: that keeps Python to itself, and every other thread, the
    engine's too, would stand still."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _holds(condition: Callable[[], object]) -> bool:
    try:
        return bool(condition())
    except (KeyError, StopIteration):
        return False  # the row is not there yet
