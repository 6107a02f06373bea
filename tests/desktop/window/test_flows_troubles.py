"""What goes wrong around the window: each has one sentence, nothing is lost, and it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication

from howdah_desktop.engine import holding
from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.widgets.banner import Banner
from howdah_desktop.window.widgets.confirm import ConfirmDialog
from howdah_desktop.window.widgets.pairing_panel import PairingDialog
from howdah_desktop.window.widgets.parts import grouped
from howdah_desktop.window.widgets.text import Text
from kit.link import FaultyLink
from kit.receiver import running_receiver
from kit.window_scene import MB, Scene, over, pair_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_desktop.window.theme import Theme


def test_a_receiver_that_goes_is_one_state_and_all_goes_on_when_it_is_back(scene: Scene) -> None:
    names = ["film.bin", "a.bin", "b.bin"]
    scene.link.rate_bytes_per_second = 6 * MB
    scene.run.drop(scene.file("film.bin", 12 * MB), *(scene.file(n, 9 * MB) for n in names[1:]))
    scene.wait(lambda: scene.counts[Chip.ACTIVE] > 0 and scene.link.up_bytes > 3 * MB, "they move")
    scene.receiver.kill()
    scene.wait(lambda: "next try in" in scene.card, "the card counts down")
    name = scene.card.removeprefix("Receiver ").partition(".")[0]
    scene.wait(
        lambda: all(scene.status(n).startswith(f"Waits for {name}") for n in names), "they wait"
    )
    assert [scene.tag(n) for n in names] == ["", "", ""], "no row is in error"
    assert scene.counts[Chip.NEEDS_YOU] == 0

    scene.link.rate_bytes_per_second = None
    scene.receiver.process.close()
    scene.receiver.start()
    scene.run.keys("F5")
    scene.wait(lambda: "Connected" in scene.card, "it is back")
    scene.wait(lambda: scene.counts[Chip.DONE] == 3, "and everything ends by itself")
    assert all(map(scene.arrived, names))


# -- a full receiver


@pytest.fixture
def full(theme: Theme, own_machine: Path) -> Iterator[Scene]:
    """A window whose receiver has 24 MB, and no more."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = own_machine / "data"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "howdah-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with running_receiver(disk) as receiver, FaultyLink(receiver.port) as link:
            pair_over(link, receiver)
            scene = Scene(theme, receiver, link, own_machine / "files")
            with scene.open():
                yield scene
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def make_room(scene: Scene) -> None:
    disk = str(scene.receiver.data)
    subprocess.run(["mount", "-o", "remount,size=96m", disk], check=True)


def assert_full(scene: Scene) -> None:
    """The row says so, and a small one still goes."""
    scene.run.drop(scene.file("film.bin", 40 * MB))
    scene.wait(lambda: scene.tag("film.bin") == "receiver is full", "the row says so")
    assert "Nothing is lost; it goes on by itself." in scene.status("film.bin")
    scene.wait(lambda: scene.counts[Chip.NEEDS_YOU] == 1, "it needs somebody")
    scene.run.window.page.chips.choose(Chip.NEEDS_YOU.value)
    assert scene.titles() == ["film.bin"]
    scene.run.drop(scene.file("small.txt", 1000))
    scene.wait(lambda: scene.arrived("small.txt"), "a small one still goes")


def test_what_does_not_fit_goes_on_by_try_now_when_there_is_room(full: Scene) -> None:
    assert_full(full)
    make_room(full)
    full.run.press_button_of("film.bin")
    full.wait(lambda: full.arrived("film.bin"), "it has arrived")
    full.wait(lambda: full.counts[Chip.NEEDS_YOU] == 0, "and needs nobody any more")


@pytest.mark.soak  # a receiver is asked again after ten seconds
def test_what_does_not_fit_goes_on_by_itself_when_there_is_room(
    full: Scene,
) -> None:
    assert_full(full)
    make_room(full)
    full.wait(lambda: full.arrived("film.bin"), "it has arrived")


# -- another certificate


def test_another_certificate_stops_everything_until_it_is_paired_again(
    theme: Theme, own_machine: Path
) -> None:
    tls = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with (
        running_receiver(own_machine / "data", env=tls) as receiver,
        FaultyLink(receiver.port) as link,
    ):
        pair_over(link, receiver)
        before = _pin(receiver.link)
        scene = Scene(theme, receiver, link, own_machine / "files")
        with scene.open() as run:
            receiver.kill()
            receiver.process.close()
            shutil.rmtree(receiver.data / "tls")
            receiver.start()
            scene.mark()
            run.drop(scene.file("film.bin", 2 * MB))
            scene.wait(lambda: scene.is_open(Banner), "a banner stands there")
            new = receiver.new_link()
            shown = [text.text() for text in run.window.banner.findChildren(Text)]
            assert grouped(before) in shown
            assert grouped(_pin(new)) in shown
            assert scene.up < 10_000, "handshakes alone"
            assert scene.counts[Chip.NEEDS_YOU] == 0, "it is the receiver's trouble, and no row's"

            run.press("Pair again\N{HORIZONTAL ELLIPSIS}", run.window.banner)
            scene.wait(lambda: scene.is_open(PairingDialog), "a dialog asks for a link")
            dialog = scene.seen(PairingDialog)
            QGuiApplication.clipboard().setText(over(link, new))
            dialog.panel.form.paste_button.click()
            run.press("Pair", dialog)
            scene.wait(lambda: not scene.is_open(PairingDialog), "paired")
            scene.wait(lambda: not scene.is_open(Banner), "all is well")
            scene.wait(lambda: scene.arrived("film.bin"), "what waited has arrived")


def _pin(link: str) -> str:
    return link.partition("sha256:")[2][:64]


# -- taking back, and asking


def test_a_drop_is_taken_back_before_anything_of_it_has_arrived(scene: Scene) -> None:
    scene.link.rate_bytes_per_second = MB
    scene.run.drop(scene.file("wrong.bin", 6 * MB), scene.file("wrong too.bin", 6 * MB))
    scene.wait(lambda: scene.toast == "2 items added.", "it can be undone")
    scene.wait(lambda: scene.counts[Chip.ACTIVE] > 0, "it moves already")
    scene.undo()
    scene.wait(lambda: scene.toast == "Taken back: nothing of it is sent.", "it is said")
    scene.wait(lambda: scene.titles() == [], "nothing of it is listed")
    scene.link.rate_bytes_per_second = None
    scene.run.drop(scene.file("right.txt", 10))
    scene.wait(lambda: scene.arrived("right.txt"), "what comes after it does")
    assert not scene.stored("wrong.bin").exists()
    assert not scene.stored("wrong too.bin").exists()


def test_what_had_arrived_of_a_drop_that_is_taken_back_is_said(scene: Scene) -> None:
    slow = scene.file("slow.bin", 12 * MB)
    scene.link.rate_bytes_per_second = MB
    scene.run.drop(scene.file("quick.txt", 10), slow)
    scene.wait(lambda: scene.arrived("quick.txt"), "one of them has arrived")
    scene.wait(lambda: scene.counts[Chip.DONE] == 1, "and it is seen")
    scene.undo()
    said = "Taken back. 1 file had arrived before, and stay"
    scene.wait(lambda: scene.toast.startswith(said), "it is said")
    scene.wait(lambda: scene.titles() == ["quick.txt"], "what arrived stays in the list")
    assert not scene.stored("slow.bin").exists()


@pytest.fixture
def cautious(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than ten files are more than anyone drops by accident."""
    monkeypatch.setattr(holding, "MOST_FILES", 10)


@pytest.mark.usefixtures("cautious")
def test_more_than_anyone_drops_by_accident_waits_for_a_yes(scene: Scene) -> None:
    folder = scene.folder("everything", 25)
    scene.run.drop(folder)
    scene.wait(lambda: scene.is_open(ConfirmDialog), "it is asked about")
    scene.run.press("Not now", scene.seen(ConfirmDialog))
    scene.wait(lambda: scene.tag("everything") == "waits for your yes", "the row waits")
    scene.wait(lambda: scene.status("everything").startswith("25 files"), "and has counted")
    assert not scene.stored("everything").exists()
    scene.run.drop(scene.file("other.txt", 10))
    scene.wait(lambda: scene.arrived("other.txt"), "other files are not held up")
    assert not scene.is_open(ConfirmDialog), "it is asked once"
    scene.run.press_button_of("everything")
    scene.wait(lambda: "25 verified" in scene.status("everything"), "all of it arrives")
    assert all(scene.arrived(f"everything/{path.name}") for path in folder.iterdir())


@pytest.mark.usefixtures("cautious")
def test_a_yes_in_the_dialog_sends_all(scene: Scene) -> None:
    scene.run.drop(scene.folder("everything", 12))
    scene.wait(lambda: scene.is_open(ConfirmDialog), "it is asked about")
    scene.run.press("Send all", scene.seen(ConfirmDialog))
    scene.wait(lambda: "12 verified" in scene.status("everything"), "all of it arrives")


@pytest.mark.usefixtures("cautious")
def test_single_files_that_are_too_many_are_asked_about_and_can_be_cancelled(scene: Scene) -> None:
    scene.run.drop(*(scene.file(f"{number}.txt", 10) for number in range(15)))
    scene.wait(lambda: scene.is_open(ConfirmDialog), "it is asked about")
    scene.run.press("Not now", scene.seen(ConfirmDialog))
    scene.wait(lambda: scene.counts[Chip.NEEDS_YOU] == 15, "they wait")
    page = scene.run.window.page
    page.list.setFocus()
    page.list.selectAll()
    scene.run.keys("Ctrl+Backspace")
    scene.wait(lambda: scene.counts[Chip.PAUSED] == 0, "they are cancelled")
    assert not scene.stored("3.txt").exists()
