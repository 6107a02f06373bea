"""Every key of the window, in one table: what it does, and what the page of keys says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut

from howdah_desktop.window.arrangement import Chip
from howdah_desktop.window.theme import Theme

if TYPE_CHECKING:
    from howdah_desktop.window.main_window import MainWindow
    from howdah_desktop.window.widgets.keys_dialog import KeysDialog


@dataclass(frozen=True, slots=True)
class Key:
    keys: tuple[str, ...]
    what: str
    do: Callable[[MainWindow], object]


def _show(chip: Chip, number: int) -> Key:
    return Key((f"Alt+{number}",), f"Show {chip.value}", lambda w: w.page.chips.choose(chip.value))


GIVE = (
    Key(("Ctrl+O",), "Send files", lambda w: w.choose_files()),
    Key(("Ctrl+Shift+O",), "Send a folder", lambda w: w.choose_folder()),
    Key(("Ctrl+V",), "Send the files that were copied; open a pairing link", lambda w: w.paste()),
)
CHOSEN = (
    Key(("Ctrl+P",), "Pause", lambda w: w.page.pause_selected()),
    Key(("Ctrl+G",), "Go on, or try now", lambda w: w.page.resume_selected()),
    Key(("Ctrl+Backspace",), "Cancel", lambda w: w.page.cancel_selected()),
)
ALL = (
    Key(("Ctrl+Shift+P",), "Pause all", lambda w: w.page.header.pause_all.emit()),
    Key(("Ctrl+Shift+G",), "Go on with all", lambda w: w.page.header.resume_all.emit()),
    Key(("F5", "Ctrl+R"), "Ask the receiver now", lambda w: w.check_receiver()),
)
LOOK = (
    Key(("Ctrl+F",), "Filter by name", lambda w: w.page.header.focus_filter()),
    *(_show(chip, number) for number, chip in enumerate(Chip, 1)),
    Key(("Ctrl+Shift+L",), "Light, dark, or as the system", lambda w: w.next_scheme()),
)
WINDOW = (
    Key(("?", "F1"), "Show these keys", lambda w: w.show_keys()),
    Key(("Ctrl+W", "Ctrl+Q"), "Close the window", lambda w: w.close()),
)

GROUPS = (
    ("Give", GIVE),
    ("The chosen rows", CHOSEN),
    ("All", ALL),
    ("Look", LOOK),
    ("Window", WINDOW),
)
OF_THE_LIST = (
    ("Space / Enter", "Do what the row's button says"),
    ("Right / Left", "Open or close a folder"),
    ("Del", "Remove from the list"),
    ("Ctrl+A", "Choose all"),
    ("Shift+F10", "Everything else that can be done"),
)
WHEN_NOTHING_ELSE_TAKES_IT = (("Esc", "Put the message away"),)
"""Of the window, and no shortcut: that would come before a field that Escape empties."""


def install(window: MainWindow) -> None:
    for _, keys in GROUPS:
        for key in keys:
            for sequence in key.keys:
                shortcut = QShortcut(QKeySequence(sequence), window)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(lambda do=key.do: do(window))


def page(theme: Theme, window: MainWindow) -> KeysDialog:
    from howdah_desktop.window.widgets.keys_dialog import KeyGroup, KeysDialog

    groups = [
        KeyGroup(title, tuple((" / ".join(k.keys), k.what) for k in keys)) for title, keys in GROUPS
    ]
    groups[-1] = KeyGroup(groups[-1].title, (*groups[-1].keys, *WHEN_NOTHING_ELSE_TAKES_IT))
    groups.insert(2, KeyGroup("In the list", OF_THE_LIST))
    return KeysDialog(theme, groups, window)
