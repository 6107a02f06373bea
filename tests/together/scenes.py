"""The scenes of the pictures, each reached as a person would reach it, and photographed light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtGui import QCursor, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from howdah_desktop.remote import pairing, secrets
from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.theme import Theme
from kit.link import FaultyLink
from kit.window_run import OpenWindow, open_window
from together import busy
from together.belongings import Belongings
from together.carriage import MB
from together.nas import Nas, nas

SIZE = (1120, 812)
"""As the design's pictures."""
SMALLEST = (800, 500)
SCHEMES = ("light", "dark")
DEVICE = "anna-laptop"
SETTLE_MILLISECONDS = 250
"""What fades in is there by then."""


class Camera:
    """Takes a picture of what stands on the screen where a window is, in both schemes."""

    def __init__(self, theme: Theme, folder: Path, scale: int, wanted: Sequence[str]) -> None:
        self.theme = theme
        self._folder = folder
        self._scale = scale
        self._wanted = wanted
        # No hand is in the picture: nothing is lit under a mouse.
        screen = QGuiApplication.primaryScreen().geometry()
        QCursor.setPos(screen.bottomRight())

    def wants(self, *names: str) -> bool:
        return any(not self._wanted or name in self._wanted for name in names)

    def take(self, name: str, opened: OpenWindow) -> None:
        if not self.wants(name):
            return
        for scheme in SCHEMES:
            self.theme.choose(scheme)
            QTest.qWait(SETTLE_MILLISECONDS)
            image = self._look_at(opened.window)
            path = self._folder / f"{name}-{scheme}-{self._scale}x.png"
            if not image.save(str(path)):
                raise AssertionError(f"{path} cannot be written")
            print(f"{path.name}  {image.width()} x {image.height()}", flush=True)
        self.theme.choose(SCHEMES[0])

    def _look_at(self, window: QWidget) -> QImage:
        """The screen's own picture: with dialogs and all that stands over the window."""
        place = window.geometry()
        shot = window.screen().grabWindow(0, place.x(), place.y(), place.width(), place.height())
        return shot.toImage().convertToFormat(QImage.Format.Format_RGB32)


class Scenes:
    """One after the other on one receiver; what a scene leaves is where the next one begins."""

    def __init__(self, camera: Camera, folder: Path) -> None:
        self._camera = camera
        self._folder = folder
        self._mine = Belongings(folder / "mine")

    def run(self) -> None:
        os.environ["HOWDAH_DEVICE_NAME"] = DEVICE
        with nas(self._folder / "nas") as (receiver, link):
            self._be_somebody("anna")
            self._first_run(receiver)
            if self._camera.wants(*BUSY):
                self._busy(receiver, link)
        if self._camera.wants("needs-you"):
            with nas(self._folder / "small", small=True) as (receiver, link):
                self._be_somebody("ben")
                self._needs_you(receiver)

    def _be_somebody(self, name: str) -> None:
        os.environ["HOWDAH_HOME"] = str(self._folder / name)

    def _first_run(self, receiver: Nas) -> None:
        """Nobody is paired yet; then they are, and the window is empty."""
        with self._window() as opened:
            panel = opened.window._flow.panel
            opened.wait(panel.isVisible, "the page to pair")
            QApplication.clipboard().setText(receiver.link)
            panel.form.paste_button.click()
            opened.wait(lambda: panel.form.facts.isVisible(), "what the link says")
            self._camera.take("first", opened)
            panel.form.pair_button.click()
            opened.wait(lambda: not panel.isVisible(), "paired")
            self._wait_for_receiver(opened)
            self._no_toast(opened)
            self._camera.take("empty", opened)

    def _busy(self, receiver: Nas, link: FaultyLink) -> None:
        with busy.yesterday(receiver, link, self._mine):
            pass
        with self._window() as opened:
            self._wait_for_receiver(opened)
            busy.go_on(opened, link, self._mine)
            self._camera.take("busy", opened)
            # As it is now, for the other pictures.
            link.rate_bytes_per_second = 1.2 * MB
            self._variations(opened)
            self._huge_drop(opened)
            self._other_certificate(opened, receiver)

    def _variations(self, opened: OpenWindow) -> None:
        key = opened.key("Kyoto")
        opened.window.page.delegate.toggled.emit(key)
        opened.wait(lambda: "DSC_4101.jpg" in opened.looks(), "the folder's rows")
        self._camera.take("expanded", opened)
        opened.window.page.delegate.toggled.emit(key)
        opened.wait(lambda: "DSC_4101.jpg" not in opened.looks(), "the folder is closed")
        with self._resized(opened, SMALLEST):
            self._camera.take("smallest", opened)
        letters = self._mine.letters(14)
        opened.drag(letters)
        self._camera.take("overlay", opened)
        opened.drag_away()
        opened.window.show_keys()
        self._with_dialog("keys", opened)
        opened.drop(*letters)
        opened.wait(opened.window.toast.isVisible, "the toast")
        self._camera.take("toast", opened)
        self._no_toast(opened)

    def _huge_drop(self, opened: OpenWindow) -> None:
        opened.drop(self._mine.archive())
        dialog = self._dialog(opened)
        opened.wait(lambda: "being counted" not in dialog.accessibleDescription(), "a count")
        self._no_toast(opened)
        self._with_dialog("question", opened)

    def _other_certificate(self, opened: OpenWindow, receiver: Nas) -> None:
        receiver.renew_certificate()
        opened.window.check_receiver()
        opened.wait(opened.window.banner.isVisible, "the banner")
        self._camera.take("banner", opened)

    def _needs_you(self, receiver: Nas) -> None:
        secrets.save(pairing.pair(receiver.link, DEVICE))
        mine, lost = self._mine, self._mine.hole("orders-2026-q3.csv", 9 * MB)
        with self._window() as opened:
            self._wait_for_receiver(opened)
            self._add(opened, "Photos", mine.hole("IMG_0001.jpg", 4_000))
            opened.wait(lambda: "verified" in opened.look("IMG_0001.jpg").status, "a photo")
            self._add(opened, "Videos/2026", mine.hole("interview-take-3.mp4", 640 * MB))
            opened.wait(lambda: opened.look("interview-take-3.mp4").tag, "the full receiver")
            # The lane for large files is taken by who asks the full receiver: this one waits.
            lost.unlink()
            self._add(opened, "Data", lost)
            self._add(opened, "Notes", mine.hole("agenda\\2026-11.txt", 2_000))
            self._add(opened, "", mine.hole("Photos", 3_000))
            fetched = self._mine.folder / "fetched-again"
            opened.howdah.feed.face().add_fetches(["Invoices/2026-10.pdf"], bytes(fetched))
            opened.wait(lambda: self._needing(opened) >= 5, "what needs somebody")
            opened.window.page.chips.choose(Chip.NEEDS_YOU.value)
            self._no_toast(opened)
            self._camera.take("needs-you", opened)

    # -- inside

    @contextmanager
    def _window(self) -> Iterator[OpenWindow]:
        with open_window(self._camera.theme) as opened:
            opened.window.move(0, 0)
            opened.window.resize(*SIZE)
            yield opened
            opened.window._asking.agreed_to_close = True

    @contextmanager
    def _resized(self, opened: OpenWindow, size: tuple[int, int]) -> Iterator[None]:
        opened.window.resize(*size)
        yield
        opened.window.resize(*SIZE)

    def _add(self, opened: OpenWindow, to: str, path: Path) -> None:
        opened.howdah.orders.add([bytes(path)], to, lambda group: None)

    def _needing(self, opened: OpenWindow) -> int:
        return opened.window.page.model.arrangement.counts[Chip.NEEDS_YOU]

    def _wait_for_receiver(self, opened: OpenWindow) -> None:
        window = opened.window
        opened.wait(lambda: window._overview.receiver.checked, "the receiver's first answer")

    def _no_toast(self, opened: OpenWindow) -> None:
        opened.window.toast.dismiss()
        opened.wait(lambda: not opened.window.toast.isVisible(), "the toast is gone")

    def _dialog(self, opened: OpenWindow) -> QDialog:
        def found() -> list[QDialog]:
            return [one for one in opened.window.findChildren(QDialog) if one.isVisible()]

        opened.wait(found, "the dialog")
        return found()[0]

    def _with_dialog(self, name: str, opened: OpenWindow) -> None:
        dialog = self._dialog(opened)
        QTest.qWaitForWindowExposed(dialog)
        self._camera.take(name, opened)
        dialog.reject()
        opened.wait(lambda: not _visible(dialog), "the dialog is closed")


BUSY = ("busy", "expanded", "smallest", "overlay", "keys", "toast", "question", "banner")
NAMES = ("first", "empty", *BUSY, "needs-you")


def _visible(dialog: QDialog) -> bool:
    try:
        return dialog.isVisible()
    except RuntimeError:  # it has deleted itself already
        return False
