"""The window without a mouse, and as a screen reader finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QAccessible, QAccessibleInterface, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QWidget

from howdah_desktop.engine import backoff
from howdah_desktop.remote import secrets
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.window import keys
from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.widgets.keys_dialog import KeysDialog
from kit.link import FaultyLink
from kit.ports import free_port
from kit.window_scene import MB, Scene

if TYPE_CHECKING:
    from pathlib import Path

    from howdah_desktop.window.theme import Theme

SEQUENCES = [sequence for _, group in keys.GROUPS for key in group for sequence in key.keys]


@dataclass(frozen=True)
class Expected:
    """What is so after a key was pressed and was not before."""

    holds: Callable[[Scene], bool]
    before: Callable[[Scene], object] = lambda scene: None


def shows(chip: Chip) -> Expected:
    def elsewhere(scene: Scene) -> None:
        scene.run.window.page.chips.choose((Chip.DONE if chip is Chip.ALL else Chip.ALL).value)

    return Expected(lambda scene: scene.run.window.page.model.arrangement.chip is chip, elsewhere)


def state(scene: Scene, name: str) -> str:
    return str(getattr(scene.run.window.page.model.view(scene.run.key(name)), "state", ""))


def paused(scene: Scene) -> bool:
    return state(scene, "film.bin") == "paused"


def pause(scene: Scene) -> None:
    scene.run.window.page.pause_selected()
    scene.wait(lambda: paused(scene), "it is paused")


def copy_file(scene: Scene) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scene.file("copied.txt", 10)))])
    QGuiApplication.clipboard().setMimeData(data)


def asks_for_files(scene: Scene) -> bool:
    return scene.is_open(QFileDialog)


def was_asked(scene: Scene) -> bool:
    """By nobody else: the next try is five minutes away."""
    return len(scene.link.connections) > 1


EXPECTED = {
    "Ctrl+O": Expected(asks_for_files),
    "Ctrl+Shift+O": Expected(asks_for_files),
    "Ctrl+V": Expected(lambda scene: "copied.txt" in scene.titles(), copy_file),
    "Ctrl+P": Expected(paused),
    "Ctrl+G": Expected(lambda scene: not paused(scene), pause),
    "Ctrl+Backspace": Expected(lambda scene: state(scene, "film.bin") == "cancelled"),
    "Ctrl+Shift+P": Expected(paused),
    "Ctrl+Shift+G": Expected(lambda scene: not paused(scene), pause),
    "F5": Expected(was_asked),
    "Ctrl+R": Expected(was_asked),
    "Ctrl+F": Expected(lambda scene: scene.run.window.page.header.field.hasFocus()),
    **{f"Alt+{number}": shows(chip) for number, chip in enumerate(Chip, 1)},
    "Ctrl+Shift+L": Expected(lambda scene: scene.theme.choice == "dark"),
    "?": Expected(lambda scene: scene.is_open(KeysDialog)),
    "F1": Expected(lambda scene: scene.is_open(KeysDialog)),
    "Ctrl+W": Expected(lambda scene: not scene.run.window.isVisible(), pause),
    "Ctrl+Q": Expected(lambda scene: not scene.run.window.isVisible(), pause),
}


@pytest.fixture
def away(theme: Theme, own_machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A receiver that is not there, and one file that waits for it: nothing happens by itself."""
    monkeypatch.setattr(backoff, "DELAYS_SECONDS", (300,) * len(backoff.DELAYS_SECONDS))
    with FaultyLink(free_port()) as link:
        address = f"http://127.0.0.1:{link.port}"
        secrets.save(PairedReceiver(address, None, 40 * "x", "d_1", "owner", "nas", "c_1"))
        scene = Scene(theme, None, link, own_machine / "files")
        with scene.open(connected=False):
            scene.wait(lambda: "next try in" in scene.card, "nobody answers")
            scene.run.drop(scene.file("film.bin", MB))
            scene.wait(lambda: state(scene, "film.bin") == "queued", "it waits")
            scene.run.choose("film.bin")
            yield scene


def test_every_key_is_expected_to_do_something() -> None:
    assert sorted(EXPECTED) == sorted(SEQUENCES)
    assert len(set(SEQUENCES)) == len(SEQUENCES), "no two do the same key"


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_each_key_does_what_it_says(away: Scene, sequence: str) -> None:
    expected = EXPECTED[sequence]
    expected.before(away)
    away.run.window.setFocus()
    away.run.keys(sequence)
    away.wait(lambda: expected.holds(away), f"{sequence} does it")


def test_escape_does_in_each_place_what_one_expects_there(away: Scene) -> None:
    page = away.run.window.page
    away.run.window.toast.dismiss()
    page.list.setFocus()
    away.run.choose("film.bin")
    assert page.list.selected_keys() != []
    away.run.keys("Esc", page.list)
    assert page.list.selected_keys() == [], "in the list: nothing is chosen"
    away.run.keys("Ctrl+F")
    away.type("film")
    away.run.keys("Esc", page.header.field)
    assert page.header.field.text() == "", "in the filter: everything is shown"
    away.run.window.toast.say("Something was said.")
    away.run.keys("Esc", page.header.field)
    away.wait(lambda: away.toast == "", "and where there is nothing else: the message goes")


@pytest.mark.parametrize("empty", [False, True])
def test_tab_reaches_everything_and_comes_round(away: Scene, empty: bool) -> None:
    window = away.run.window
    if empty:
        away.run.keys("Ctrl+Backspace")
        away.wait(lambda: state(away, "film.bin") == "cancelled", "cancelled")
        away.run.choose("film.bin")
        away.run.keys("Del", window.page.list)
        away.wait(lambda: away.titles() == [], "the page of welcome")
    window.toast.dismiss()
    away.wait(lambda: not window.toast.isVisible(), "it has gone")
    window.activateWindow()
    window.setFocus()
    reached: list[QWidget] = []
    at: QWidget = window
    for _ in range(60):
        QTest.keyClick(at, Qt.Key.Key_Tab)
        at = window.focusWidget()
        if at in reached:
            break
        reached.append(at)
    missing = [widget for widget in by_keyboard(window) if widget not in reached]
    assert missing == []
    for _ in reached:
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Backtab)
    assert window.focusWidget() is reached[0], "and back the same way"


def by_keyboard(window: QWidget) -> list[QWidget]:
    """What Tab has to reach; of buttons of which one is chosen, that one."""
    tab = Qt.FocusPolicy.TabFocus
    found = []
    for widget in window.findChildren(QWidget):
        usable = widget.isVisible() and widget.isEnabled() and widget.window() is window
        if not usable or not widget.focusPolicy() & tab or widget.focusProxy() is not None:
            continue
        if (
            isinstance(widget, QAbstractButton)
            and widget.group() is not None
            and not widget.isChecked()
        ):
            continue
        found.append(widget)
    return found


def test_a_screen_reader_finds_a_name_and_a_role_everywhere(away: Scene) -> None:
    window = away.run.window
    nameless = []
    for widget in [window, *window.findChildren(QWidget)]:
        if not widget.isVisible() or widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue
        found = QAccessible.queryAccessibleInterface(widget)
        assert found is not None
        if widget is window:
            assert found.text(QAccessible.Text.Name) == "Howdah"
        elif not found.text(QAccessible.Text.Name) or found.role() == QAccessible.Role.NoRole:
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


def test_a_screen_reader_reads_a_row_as_one_sentence(away: Scene) -> None:
    rows = QAccessible.queryAccessibleInterface(away.run.window.page.list)
    assert rows.role() in (QAccessible.Role.List, QAccessible.Role.Table)
    assert rows.childCount() == 1
    row: QAccessibleInterface = rows.child(0)
    away.wait(lambda: "Waits for nas" in row.text(QAccessible.Text.Name), "it says how it stands")
    assert row.text(QAccessible.Text.Name) == away.run.look("film.bin").spoken
    assert row.text(QAccessible.Text.Name).startswith("film.bin, to Home.")


def test_a_word_is_deleted_in_the_filter_and_no_transfer_is_cancelled(scene: Scene) -> None:
    scene.run.drop(scene.file("film.bin", MB))
    scene.wait(lambda: "film.bin" in scene.titles(), "its row stands there")
    field = scene.run.window.page.header.field
    scene.run.keys("Ctrl+F")
    field.setText("film bi")
    scene.run.window.page.model.search("film")  # its row stands there, whatever is typed
    scene.run.choose("film.bin")
    scene.run.keys("Ctrl+Backspace", field)
    assert field.text() == "film "
    assert scene.run.window.page.list.selected_keys(), "it is chosen all the while"
    assert state(scene, "film.bin") != "cancelled"
