"""The window answers within a tenth of a second, whatever happens behind it."""

from __future__ import annotations

import builtins
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.models.roles import LookRole
from howdah_desktop.window.widgets.confirm import ConfirmDialog
from kit.heartbeat import Heart, heartbeat
from kit.window_run import live
from kit.window_scene import MB, Scene

MOST_SECONDS = 0.1
FOLDERS, IN_EACH = 100, 1_000


@contextmanager
def alive() -> Iterator[Heart]:
    """The GUI thread is never kept for longer than anyone would notice."""
    live(200)  # what is only done once is not measured
    with heartbeat() as heart:
        yield heart
    assert heart.longest() < MOST_SECONDS, heart.story()


def test_a_receiver_that_freezes_holds_up_nobody(scene: Scene) -> None:
    scene.link.rate_bytes_per_second = 10 * MB
    names = ["film.bin", "clip.bin"]
    more = [scene.file("more.txt", 10), scene.folder("more", 20)]
    scene.run.drop(*(scene.file(name, 16 * MB) for name in names))
    scene.wait(lambda: scene.link.up_bytes > 4 * MB, "they are on their way")
    film, clip = scene.run.key("film.bin"), scene.run.key("clip.bin")
    scene.receiver.process.send(signal.SIGSTOP)
    with alive():
        scene.run.press_button_of("film.bin")
        scene.wait(lambda: state(scene, film) == "paused", "it is paused though nobody answers")
        scene.run.choose("clip.bin")
        scene.run.keys("Ctrl+Backspace")
        scene.wait(lambda: state(scene, clip) == "cancelled", "and the other one is cancelled")
        scene.run.keys("F5")
        scene.run.drop(*more)
        scene.wait(lambda: {"more", "more.txt"} <= set(scene.titles()), "more is taken")
        scene.run.keys("Ctrl+F")
        scene.type("fil")
        scene.wait(lambda: scene.titles() == ["film.bin"], "it filters")
        scene.run.window.page.header.set_filter("")
        scene.run.press_button_of("film.bin")
        scene.wait(lambda: state(scene, film) != "paused", "it may go on")
        live(500)
    scene.receiver.process.send(signal.SIGCONT)
    scene.link.rate_bytes_per_second = None
    scene.wait(lambda: scene.arrived("film.bin") and scene.arrived("more.txt"), "all goes on")


def state(scene: Scene, key: int) -> str:
    row = scene.run.window.page.model.view(key)
    return getattr(row, "state", "")


# -- a disk that hangs


class HangingDisk:
    """Whoever asks the file system about something below a folder waits until `release`."""

    CALLS = ("stat", "lstat", "scandir", "listdir", "open", "readlink", "access")

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.hanging: set[str] = set()
        """Names of the threads that wait."""
        self._released = threading.Event()
        self._gui = threading.get_ident()
        self.in_gui: list[str] = []
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._hangs(name, getattr(os, name)))
        monkeypatch.setattr(os.path, "realpath", self._hangs("realpath", os.path.realpath))
        monkeypatch.setattr(builtins, "open", self._hangs("open", builtins.open))

    def release(self) -> None:
        self._released.set()

    def _hangs(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        below = os.fsencode(self.folder)

        def hanging(path: Any = ".", *others: Any, **named: Any) -> Any:
            if not isinstance(path, int) and os.fsencode(path).startswith(below):
                if threading.get_ident() == self._gui:
                    self.in_gui.append(name)
                else:
                    self.hanging.add(threading.current_thread().name)
                    self._released.wait()
            return call(path, *others, **named)

        return hanging


def test_a_source_disk_that_hangs_holds_up_nothing_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"hangs/{number}.bin" for number in range(6)]
    for name in names:
        scene.file(name, 1000)
    folder = scene.folder("hangs/folder", 3)
    film, quick = scene.file("film.bin", 12 * MB), scene.file("quick.txt", 10)
    scene.link.rate_bytes_per_second = 4 * MB
    scene.run.drop(film)
    scene.wait(lambda: scene.link.up_bytes > MB, "it is on its way")
    key = scene.run.key("film.bin")
    disk = HangingDisk(scene.files / "hangs", monkeypatch)
    try:
        with alive():
            for name in names:
                scene.run.drop(scene.files / name)
            scene.run.drop(folder)
            scene.wait(lambda: disk.hanging, "somebody hangs")
            scene.run.press_button_of("film.bin")
            scene.wait(lambda: state(scene, key) == "paused", "the other one is paused", 5)
            scene.run.press_button_of("film.bin")
            scene.wait(lambda: state(scene, key) != "paused", "and goes on", 5)
            scene.run.keys("F5")
            scene.run.drop(quick)
            scene.wait(lambda: scene.arrived("quick.txt"), "another one arrives", 10)
    finally:
        disk.release()
    assert disk.in_gui == []
    scene.link.rate_bytes_per_second = None
    hung = [*(f"{number}.bin" for number in range(6)), "folder/00002.txt"]
    scene.wait(lambda: all(scene.stored(name).exists() for name in hung), "what hung arrives")


def test_what_is_on_its_way_while_its_disk_hangs_can_be_paused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.file("hangs/film.bin", 12 * MB)
    scene.link.rate_bytes_per_second = 4 * MB
    scene.run.drop(scene.files / "hangs/film.bin")
    scene.wait(lambda: scene.link.up_bytes > MB, "it is on its way")
    key = scene.run.key("film.bin")
    disk = HangingDisk(scene.files / "hangs", monkeypatch)
    try:
        with alive():
            scene.run.press_button_of("film.bin")
            scene.wait(lambda: state(scene, key) == "paused", "it is paused", 5)
    finally:
        disk.release()
    assert disk.in_gui == []


# -- 100,000 files


@pytest.fixture
def heap() -> Iterator[Path]:
    """A folder with 100,000 files, made quickly: of each folder's, all are one."""
    memory = Path("/dev/shm")
    base = tempfile.mkdtemp(prefix="hd-", dir=memory if os.access(memory, os.W_OK) else None)
    heap = Path(base) / "heap"
    for number in range(FOLDERS):
        folder = f"{heap}/{number:03}"
        os.makedirs(folder)
        first = f"{folder}/00000.txt"
        with open(first, "wb") as file:
            file.write(b"a letter")
        for other in range(1, IN_EACH):
            os.link(first, f"{folder}/{other:05}.txt")
    yield heap
    shutil.rmtree(base)


@pytest.mark.timeout(240)
def test_a_hundred_thousand_files_are_dropped_looked_through_and_cancelled(
    scene: Scene, heap: Path
) -> None:
    page = scene.run.window.page
    total = FOLDERS * IN_EACH
    with alive():
        scene.run.drop(heap)
        scene.wait(lambda: scene.is_open(ConfirmDialog), "it is asked about while it is counted")
        counted = root_files(scene)
        scene.wait(lambda: root_files(scene) > counted, "the count goes up")
        scene.run.press("Not now", scene.seen(ConfirmDialog))
        scene.wait(lambda: root_files(scene) == total, "all are counted", seconds=90)
        page.list.setFocus()
        page.list.setCurrentIndex(page.model.index(0))
        scene.press_key(Qt.Key.Key_Right)
        scene.wait(lambda: page.model.rowCount() == total + 1, "all its rows are shown")
        page.list.scrollToBottom()
        scene.run.keys("Ctrl+F")
        scene.type("00777")
        scene.wait(lambda: page.model.rowCount() == FOLDERS + 1, "one of each folder is found")
        page.header.set_filter("")
        scene.wait(lambda: page.model.rowCount() == total + 1, "and all again")
        live(20)
        for chip in (Chip.PAUSED, Chip.DONE, Chip.ALL):
            page.chips.choose(chip.value)
            live(20)
        page.list.setFocus()
        page.list.scrollToTop()
        page.list.setCurrentIndex(page.model.index(0))
        scene.run.keys("Ctrl+Backspace")
        scene.wait(lambda: root_files(scene, "cancelled") == total, "all are cancelled")
        seen = page.model.index(5)
        scene.wait(lambda: seen.data(LookRole).status == "Cancelled by you", "each of them says so")
        live(300)
    assert not scene.stored("heap").exists()


def root_files(scene: Scene, state: str | None = None) -> int:
    """How many files the folder's row counts."""
    model = scene.run.window.page.model
    row = model.view(model.key_at(0)) if model.rowCount() else None
    files: dict[str, int] = getattr(row, "files", {})
    return sum(files.values()) if state is None else files.get(state, 0)
