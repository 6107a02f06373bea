"""A window, the receiver that it sends to, and the link between them: what flows are played on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from howdah_desktop.remote import secrets
from howdah_desktop.remote.pairing import pair
from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.widgets.toast import Toast
from kit.link import FaultyLink
from kit.native import home
from kit.receiver import RunningReceiver
from kit.window_run import OpenWindow, open_window

if TYPE_CHECKING:
    from howdah_desktop.window.theme import Theme

MB = 1_000_000
KIB = 1024

Sort = TypeVar("Sort", bound=QWidget)


def over(link: FaultyLink, pairing: str) -> str:
    """A pairing link that leads over the link."""
    return f"howdah://127.0.0.1:{link.port}/pair?{pairing.partition('/pair?')[2]}"


def pair_over(link: FaultyLink, receiver: RunningReceiver) -> None:
    """As `howdah pair` does, without the second that a process takes."""
    secrets.save(pair(over(link, receiver.link), "test"))


class Scene:
    """What belongs together, how it looks and how it is used. `run` while it is open."""

    def __init__(
        self, theme: Theme, receiver: RunningReceiver | None, link: FaultyLink, files: Path
    ) -> None:
        self.theme = theme
        self._receiver = receiver
        self.link = link
        self.files = files
        self._run: OpenWindow | None = None
        self._up = 0

    @contextmanager
    def open(self, *, connected: bool = True) -> Iterator[OpenWindow]:
        """The window for as long as the block; `connected`: its receiver has answered."""
        with open_window(self.theme) as run:
            self._run = run
            try:
                if connected:
                    self.wait(lambda: "Connected" in self.card, "it is connected")
                yield run
            finally:
                self._run = None

    @property
    def receiver(self) -> RunningReceiver:
        assert self._receiver is not None, "there is none"
        return self._receiver

    @property
    def run(self) -> OpenWindow:
        assert self._run is not None, "the window is closed"
        return self._run

    # -- files and bytes

    def file(self, name: str, size: int) -> Path:
        """A new file of bytes that nobody has sent before."""
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        return path

    def folder(self, name: str, files: int, size: int = 100) -> Path:
        for number in range(files):
            self.file(f"{name}/{number:05}.txt", size)
        return self.files / name

    def stored(self, path: str) -> Path:
        """Where the receiver keeps a file of the home space."""
        return home(self.receiver) / path

    def arrived(self, path: str) -> bool:
        """Whether the receiver has the same bytes under this path."""
        stored = self.stored(path)
        return stored.exists() and stored.read_bytes() == (self.files / path).read_bytes()

    def mark(self) -> None:
        """Count the bytes on the link from here on."""
        self._up = self.link.up_bytes

    @property
    def up(self) -> int:
        """Bytes that went up since the mark."""
        return self.link.up_bytes - self._up

    # -- what is seen

    def wait(self, condition: object, what: str, seconds: float = 30.0) -> None:
        assert callable(condition)
        self.run.wait(condition, what, seconds)

    @property
    def card(self) -> str:
        """What the connection card says, as a screen reader would read it."""
        return self.run.window.sidebar.card.accessibleName()

    @property
    def toast(self) -> str:
        """What the toast says; empty when there is none."""
        toast = self.run.window.toast
        return toast.accessibleName() if toast.isVisible() else ""

    @property
    def counts(self) -> Mapping[Chip, int]:
        """What the chips count; only what they show."""
        return self.run.window.page.model.arrangement.counts

    def titles(self) -> list[str]:
        return list(self.run.looks())

    def status(self, name: str) -> str:
        return self.run.look(name).status

    def tag(self, name: str) -> str:
        return self.run.look(name).tag

    def is_open(self, sort: type[QWidget]) -> bool:
        """Whether a dialog or panel of this sort is seen."""
        return any(found.isVisible() for found in self.run.window.findChildren(sort))

    def seen(self, sort: type[Sort]) -> Sort:
        """The one that is seen."""
        (found,) = (one for one in self.run.window.findChildren(sort) if one.isVisible())
        return found

    # -- what is done

    def undo(self) -> None:
        """Press the toast's button."""
        self.run.press("Undo", self.seen(Toast))

    def type(self, words: str) -> None:
        """Where the keyboard is."""
        goal = self.run.window.focusWidget()
        assert goal is not None
        QTest.keyClicks(goal, words)

    def press_key(self, key: Qt.Key) -> None:
        """Where the keyboard is."""
        goal = self.run.window.focusWidget()
        assert goal is not None
        QTest.keyClick(goal, key)

    def expand(self, name: str) -> None:
        """Open a folder's row, by keyboard."""
        rows = self.run.window.page.list
        row = self.run.window.page.model.row_of(self.run.key(name))
        assert row is not None
        rows.setFocus()
        rows.setCurrentIndex(rows.model().index(row, 0))
        QTest.keyClick(rows, Qt.Key.Key_Right)
