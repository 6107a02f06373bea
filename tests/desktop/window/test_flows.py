"""What somebody does with the window, on the real engine, with a receiver that is a process of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import RemoteEngine
from howdah_desktop.remote import secrets
from howdah_desktop.remote.pairing import pair
from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.widgets.confirm import ConfirmDialog
from howdah_desktop.window.widgets.link_facts import LinkFacts
from howdah_desktop.window.widgets.pairing_form import PairingForm
from howdah_desktop.window.widgets.pairing_panel import PairingPanel
from howdah_desktop.window.widgets.parts import grouped
from howdah_desktop.window.widgets.text import Text
from kit.link import FaultyLink
from kit.ports import free_port
from kit.receiver import running_receiver
from kit.window_scene import MB, Scene, over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_desktop.window.look import RowLook
    from howdah_desktop.window.theme import Theme
    from kit.receiver import RunningReceiver


# -- pairing


@pytest.fixture
def unpaired(
    theme: Theme, receiver: RunningReceiver, link: FaultyLink, own_machine: Path
) -> Iterator[Scene]:
    """A window on its first day."""
    scene = Scene(theme, receiver, link, own_machine / "files")
    with scene.open(connected=False):
        scene.wait(lambda: scene.is_open(PairingForm), "the first page asks for a link")
        yield scene


def paste_link(scene: Scene, link: str) -> PairingForm:
    form = scene.seen(PairingForm)
    QGuiApplication.clipboard().setText(link)
    form.paste_button.click()
    return form


def assert_works(scene: Scene) -> None:
    scene.wait(lambda: "Connected" in scene.card, "it is paired and connected")
    assert not scene.is_open(PairingPanel)
    scene.run.drop(scene.file("first.txt", 10))
    scene.wait(lambda: scene.arrived("first.txt"), "a file arrives")


def test_the_first_page_pairs_with_the_link_that_is_pasted(unpaired: Scene) -> None:
    form = paste_link(unpaired, over(unpaired.link, unpaired.receiver.link))
    unpaired.wait(form.facts.isVisible, "it says where the link leads")
    unpaired.run.press("Pair", form)
    unpaired.wait(lambda: unpaired.toast.startswith("Paired with "), "it is said")
    assert_works(unpaired)


def test_a_link_that_does_not_work_says_why_and_the_next_one_can_be_pasted(unpaired: Scene) -> None:
    used = over(unpaired.link, unpaired.receiver.link)
    pair(used, "another device")
    nobody = used.replace(f":{unpaired.link.port}/", f":{free_port()}/")
    for link, sentence in (
        ("howdah://somewhere", "Copy the whole line"),
        (used, "Run howdah-receiver pair there for a new link."),
        (nobody, "Check that it runs"),
    ):
        form = paste_link(unpaired, link)
        unpaired.run.press("Pair", form)
        unpaired.wait(lambda form=form: form.problem.isVisible(), f"told about {link}")
        assert sentence in form.problem.text()
        assert form.link_field.text() == link
    unpaired.run.press(
        "Pair", paste_link(unpaired, over(unpaired.link, unpaired.receiver.new_link()))
    )
    assert_works(unpaired)


def test_a_pairing_that_hangs_is_cancelled_and_not_kept_when_it_still_succeeds(
    unpaired: Scene,
) -> None:
    unpaired.link.blackhole()
    first = over(unpaired.link, unpaired.receiver.link)
    form = paste_link(unpaired, first)
    unpaired.run.press("Pair", form)
    unpaired.wait(lambda: form.cancel_button.isVisible(), "it can be cancelled")
    unpaired.link.wait_for(lambda: unpaired.link.open_connections > 0)
    unpaired.run.press("Cancel", form)
    assert not form.is_busy
    assert form.link_field.text() == first
    unpaired.link.blackhole(on=False)
    unpaired.wait(lambda: unpaired.link.down_bytes > 0, "the answer comes after all")
    unpaired.wait(lambda: unpaired.link.open_connections == 0, "and is thrown away")
    with pytest.raises(ProblemError, match="not_paired"):
        secrets.load()
    assert unpaired.is_open(PairingForm)
    unpaired.run.press(
        "Pair", paste_link(unpaired, over(unpaired.link, unpaired.receiver.new_link()))
    )
    assert_works(unpaired)


def test_the_certificate_is_shown_before_anything_is_sent(theme: Theme, own_machine: Path) -> None:
    tls = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with (
        running_receiver(own_machine / "data", env=tls) as receiver,
        FaultyLink(receiver.port) as link,
    ):
        scene = Scene(theme, receiver, link, own_machine / "files")
        with scene.open(connected=False) as run:
            scene.wait(lambda: scene.is_open(PairingForm), "the first page")
            pin = receiver.link.partition("sha256:")[2][:64]
            form = paste_link(scene, over(link, receiver.link))
            scene.wait(form.facts.isVisible, "it says where the link leads")
            shown = [text.text() for text in scene.seen(LinkFacts).findChildren(Text)]
            assert grouped(pin) in shown
            assert link.up_bytes == 0
            run.press("Pair", form)
            assert_works(scene)
            assert "TLS pinned" in scene.card


# -- giving


def test_a_folder_is_one_row_that_counts_and_everything_in_it_arrives(scene: Scene) -> None:
    folder = scene.folder("photos", 300)
    one, two = scene.file("one.bin", 3 * MB), scene.file("two.txt", 10)
    scene.run.drop(folder, one, two)
    scene.wait(lambda: scene.run.look("photos").note == "300 files", "it is counted")
    assert set(scene.titles()) == {"photos", "one.bin", "two.txt"}
    assert scene.counts[Chip.ALL] == 3
    scene.wait(lambda: "of 300 files" in scene.status("photos"), "it tells how far it is")
    scene.wait(lambda: scene.status("photos") == "30.0 kB · 300 verified", "all have arrived")
    scene.wait(lambda: scene.counts[Chip.DONE] == 3, "the chips count them as done")
    assert "verified, blake3" in scene.status("one.bin")
    assert all(scene.arrived(f"photos/{path.name}") for path in folder.iterdir())
    assert scene.arrived("one.bin")
    assert scene.arrived("two.txt")


def test_a_folder_opens_and_is_found_by_what_is_in_it(scene: Scene) -> None:
    scene.run.drop(scene.folder("letters", 12), scene.file("single.txt", 10))
    scene.wait(lambda: scene.counts[Chip.DONE] == 2, "both have arrived")
    scene.expand("letters")
    scene.wait(lambda: len(scene.titles()) == 14, "its rows are shown")
    assert scene.run.look("00003.txt").child

    scene.run.keys("Ctrl+F")
    scene.type("00007")
    scene.wait(lambda: scene.titles() == ["letters", "00007.txt"], "only what is called so")
    scene.run.keys("Ctrl+F")
    scene.type("nothing is called so")
    scene.wait(lambda: scene.titles() == [], "nothing is found")
    scene.run.keys("Ctrl+F")
    scene.type("single")
    scene.wait(lambda: scene.titles() == ["single.txt"], "and a single one by its own name")


def test_chips_show_what_they_say(scene: Scene) -> None:
    scene.run.drop(scene.file("done.txt", 10))
    scene.wait(lambda: scene.counts[Chip.DONE] == 1, "it has arrived")
    missing = scene.file("missing.bin", 10)
    scene.link.blackhole()
    scene.run.drop(missing, scene.file("slow.bin", 20 * MB))
    scene.wait(lambda: len(scene.titles()) == 3, "they are there")
    scene.run.choose("slow.bin")
    scene.run.window.page.pause_selected()
    scene.wait(lambda: scene.counts[Chip.PAUSED] == 1, "one is paused")
    for chip, shown in ((Chip.PAUSED, ["slow.bin"]), (Chip.DONE, ["done.txt"])):
        scene.run.window.page.chips.choose(chip.value)
        assert scene.titles() == shown
    scene.run.window.page.chips.choose(Chip.NEEDS_YOU.value)
    assert scene.titles() == []
    scene.run.press("Show all")
    assert len(scene.titles()) == 3
    scene.link.blackhole(on=False)


def test_files_that_were_copied_are_pasted(scene: Scene) -> None:
    data = QMimeData()
    files = [scene.file("copied one.txt", 10), scene.file("100% grün.txt", 20)]
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    QGuiApplication.clipboard().setMimeData(data)
    scene.run.keys("Ctrl+V")
    scene.wait(lambda: all(scene.arrived(path.name) for path in files), "both arrive")


@pytest.mark.parametrize("what", ["files", "folder"])
def test_the_dialogs_of_add_send_what_is_chosen_there(scene: Scene, what: str) -> None:
    chosen = scene.folder("album", 2) if what == "folder" else scene.file("chosen.txt", 10)
    page = scene.run.window.page
    (page.header.add_folder if what == "folder" else page.header.add_files).emit()
    scene.wait(lambda: scene.is_open(QFileDialog), "the dialog is there")
    dialog = scene.seen(QFileDialog)
    dialog.setDirectory(str(chosen.parent))
    dialog.selectFile(str(chosen))
    dialog.accept()
    expected = ["album/00000.txt", "album/00001.txt"] if what == "folder" else ["chosen.txt"]
    scene.wait(lambda: all(map(scene.arrived, expected)), "it arrives")
    scene.wait(lambda: not scene.is_open(QFileDialog), "the dialog is gone")


def test_what_is_held_over_the_window_is_counted_and_named(scene: Scene) -> None:
    overlay = scene.run.window.overlay
    paths = [scene.file("a.txt", 1), scene.file("b.txt", 1)]
    scene.run.drag(paths)
    assert overlay.isVisible()
    name = scene.card.removeprefix("Receiver ").partition(".")[0]
    assert overlay.accessibleName().startswith("Send 2 items to ")
    assert name in overlay.accessibleName()
    scene.run.drag_away()
    assert not overlay.isVisible()
    scene.run.drop(*paths)
    assert not overlay.isVisible()
    scene.wait(lambda: scene.arrived("b.txt"), "dropped")


# -- stopping and going on


def test_one_that_is_paused_keeps_what_was_received(scene: Scene) -> None:
    size = 24 * MB
    scene.link.rate_bytes_per_second = 12 * MB
    scene.mark()
    scene.run.drop(scene.file("film.bin", size))
    scene.wait(lambda: scene.up > size * 2 / 3, "it is on its way")
    scene.run.press_button_of("film.bin")
    scene.wait(lambda: scene.status("film.bin").startswith("Paused by you"), "it is paused")
    scene.wait(lambda: "are kept" in scene.status("film.bin"), "and says what is kept")
    scene.link.rate_bytes_per_second = None
    scene.run.press_button_of("film.bin")
    scene.wait(lambda: "verified" in scene.status("film.bin"), "it has arrived")
    assert scene.arrived("film.bin")
    assert scene.up < size + again(scene), "nothing that was received goes twice"


def again(scene: Scene) -> int:
    """Bytes that may go twice at a stop: what was under way and not acknowledged, up to 4 MB for each of the
    three connections, and the requests."""
    return 12 * MB


def test_all_are_paused_and_go_on_from_the_head_of_the_page(scene: Scene) -> None:
    sizes = {"a.bin": 24 * MB, "b.bin": 12 * MB, "c.bin": 2 * MB}
    scene.link.rate_bytes_per_second = 10 * MB
    scene.mark()
    scene.run.drop(*(scene.file(name, size) for name, size in sizes.items()))
    scene.wait(lambda: scene.up > 14 * MB, "they are on their way")
    scene.run.press("Pause all")
    scene.wait(lambda: scene.counts[Chip.PAUSED] + scene.counts[Chip.DONE] == 3, "all stand")
    assert scene.counts[Chip.PAUSED] >= 2
    scene.wait(lambda: "paused" in footer(scene), "the footer says so")
    scene.link.rate_bytes_per_second = None
    scene.run.press("Go on")
    scene.wait(lambda: scene.counts[Chip.DONE] == 3, "all have arrived")
    assert all(map(scene.arrived, sizes))
    assert scene.up < sum(sizes.values()) + again(scene)


def footer(scene: Scene) -> str:
    return " ".join(text.text() for text in scene.run.window.footer.findChildren(Text))


def test_one_is_cancelled_and_what_is_done_is_removed_from_the_list(scene: Scene) -> None:
    scene.run.drop(scene.file("done.txt", 10))
    scene.wait(lambda: scene.counts[Chip.DONE] == 1, "it has arrived")
    scene.link.rate_bytes_per_second = 2 * MB
    scene.run.drop(scene.file("unwanted.bin", 12 * MB))
    scene.wait(lambda: scene.counts[Chip.ACTIVE] == 1, "it is on its way")
    scene.run.choose("unwanted.bin")
    scene.run.keys("Ctrl+Backspace")
    scene.wait(lambda: scene.status("unwanted.bin") == "Cancelled by you", "it is cancelled")
    scene.run.press_button_of("unwanted.bin")
    scene.wait(lambda: scene.titles() == ["done.txt"], "it is out of the list")
    scene.run.choose("done.txt")
    scene.run.keys("Del", scene.run.window.page.list)
    scene.wait(lambda: scene.titles() == [], "and so is what was done")
    assert scene.arrived("done.txt")
    assert not scene.stored("unwanted.bin").exists()


def test_what_is_on_its_way_is_not_removed_but_says_what_to_do(scene: Scene) -> None:
    scene.link.blackhole()
    scene.run.drop(scene.file("film.bin", MB))
    scene.wait(lambda: scene.titles() == ["film.bin"], "it is there")
    scene.run.choose("film.bin")
    scene.run.keys("Del", scene.run.window.page.list)
    assert scene.toast.startswith("It is still on its way.")
    assert scene.titles() == ["film.bin"]
    scene.link.blackhole(on=False)
    scene.wait(lambda: scene.arrived("film.bin"), "it arrives")


# -- closing


def test_closing_asks_while_something_is_on_its_way_and_the_next_start_goes_on(
    scene: Scene,
) -> None:
    size = 60 * MB
    scene.link.rate_bytes_per_second = 10 * MB
    scene.mark()
    scene.run.drop(scene.file("film.bin", size))
    scene.wait(lambda: scene.up > 14 * MB, "it is on its way")
    window = scene.run.window
    window.close()
    scene.run.press("Stay", scene.seen(ConfirmDialog))
    scene.wait(lambda: not scene.is_open(ConfirmDialog), "answered")
    assert window.isVisible()
    closed: list[int] = []
    window.closed.connect(lambda: closed.append(1))
    window.close()
    scene.run.press("Close", scene.seen(ConfirmDialog))
    scene.wait(lambda: closed == [1], "it is closed")
    assert not window.isVisible()
    scene.run.howdah.end()
    scene.link.rate_bytes_per_second = None
    with scene.open():
        scene.wait(lambda: "verified" in scene.status("film.bin"), "it goes on by itself")
        assert scene.arrived("film.bin")
        assert scene.up < size + again(scene)


def test_closing_does_not_ask_when_nothing_moves_and_looks_are_kept(scene: Scene) -> None:
    scene.run.drop(scene.file("note.txt", 10))
    scene.wait(lambda: scene.counts[Chip.DONE] == 1, "it has arrived")
    window = scene.run.window
    window.resize(800, 610)  # a screen that is not there has 800 by 800
    window.choose_scheme("dark")
    window.close()
    assert not window.isVisible()
    scene.run.howdah.end()
    with scene.open() as again:
        assert (again.window.width(), again.window.height()) == (800, 610)
        remembered = again.howdah.window._remembered  # what app.run reads
        assert remembered.value("scheme") == "dark"
        scene.wait(lambda: scene.titles() == ["note.txt"], "and the list")


# -- coming down


def test_what_another_process_fetches_is_a_row_too(scene: Scene, own_machine: Path) -> None:
    sent = scene.file("film.bin", 2 * MB)
    scene.run.drop(sent)
    scene.wait(lambda: "verified" in scene.status("film.bin"), "it is there, and listed")
    here = own_machine / "fetched"
    here.mkdir()
    remote = RemoteEngine(own_machine / "howdah")
    try:
        remote.add_fetches(["film.bin"], os.fsencode(here))
    finally:
        remote.close()
    model = scene.run.window.page.model

    def fetched() -> list[RowLook]:
        looks = (model.look(model.key_at(row)) for row in range(model.rowCount()))
        return [look for look in looks if look.download]

    scene.wait(lambda: ["verified" in look.status for look in fetched()] == [True], "it ends")
    assert (here / "film.bin").read_bytes() == sent.read_bytes()
