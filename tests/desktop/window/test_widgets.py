"""The widgets show what they are given, say what the user wants, and can be used without a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest
from PySide6 import QtGui
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QAccessible, QEnterEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from howdah_desktop.window import fonts
from howdah_desktop.window.look import BannerText, CardState, Column, Tone
from howdah_desktop.window.theme import Theme
from howdah_desktop.window.widgets import toast as toast_module
from howdah_desktop.window.widgets.banner import Banner
from howdah_desktop.window.widgets.button import Button
from howdah_desktop.window.widgets.chip import Chip
from howdah_desktop.window.widgets.chips import Chips
from howdah_desktop.window.widgets.confirm import ConfirmDialog, confirm
from howdah_desktop.window.widgets.connection_card import ConnectionCard
from howdah_desktop.window.widgets.drop_strip import DropStrip
from howdah_desktop.window.widgets.elided import Elided
from howdah_desktop.window.widgets.empty_panel import EmptyPanel
from howdah_desktop.window.widgets.footer import Footer
from howdah_desktop.window.widgets.header import Header
from howdah_desktop.window.widgets.keys_dialog import KeyGroup, KeysDialog
from howdah_desktop.window.widgets.overlay import DropOverlay
from howdah_desktop.window.widgets.pairing_panel import PairingDialog, PairingPanel
from howdah_desktop.window.widgets.parts import grouped, set_look, short_count
from howdah_desktop.window.widgets.sidebar import Sidebar
from howdah_desktop.window.widgets.speed_curve import nice_top
from howdah_desktop.window.widgets.summary_card import Summary, SummaryCard
from howdah_desktop.window.widgets.text import Text
from howdah_desktop.window.widgets.toast import Toast

PRINT = "3f2a91c07be455d0" * 4
LINK = f"howdah://nas.home:8484/pair?code=ABCD-EFGH-JKLM&pin=sha256:{PRINT}"
COUNTS = {"all": 11, "active": 3, "waiting": 1, "paused": 1, "needs you": 1, "done": 5}
MANY = dict.fromkeys(COUNTS, 123_456)
SUMMARY = Summary(
    (
        Column("Sending", "84.2", "MB/s"),
        Column("Left", "952", "MB in 4 transfers"),
        Column("Done in", "15", "s"),
    ),
    (8.0, 14.0, 12.0, 40.0, 0.0, 42.0),
)
CHANGED = BannerText(
    Tone.ERROR,
    "nas.home shows another certificate",
    "Nothing is sent until you have compared it with what the receiver prints.",
    (("Pinned", PRINT), ("Shown now", f"sha256:{PRINT[::-1]}")),
    (("pair", "Pair again"), ("look", "Check again")),
)
CARD = CardState(Tone.GOOD, "nas.home", "Connected · TLS pinned", "Last heard at 10:42")
KEYS = (
    KeyGroup("Transfers", (("Ctrl+O", "Add files"), ("Del / Backspace", "Remove from the list"))),
    KeyGroup("Window", (("?", "These keys"), ("Ctrl++", "Larger"))),
)


class Assembled(QWidget):
    """All that stands around the list, as the main window puts it together."""

    def __init__(self, theme: Theme, page: str = "list") -> None:
        super().__init__()
        self.sidebar = Sidebar(theme)
        self.sidebar.set_count(6)
        self.sidebar.card.show_state(CARD)
        self.banner = Banner(theme)
        self.header = Header(theme)
        self.summary = SummaryCard(theme)
        self.summary.show_summary(SUMMARY)
        self.chips = Chips(theme)
        self.chips.set_counts(COUNTS)
        self.strip = DropStrip(theme)
        self.empty = EmptyPanel(theme)
        self.empty.show_receiver("nas.home", "Home")
        self.footer = Footer(theme)
        self.footer.show_text("3 sending, 1 waiting, 1 needs you", "Limit: none")
        self.pairing = PairingPanel(theme)
        self.pairing.set_device_name("studio")
        self.pairing.set_link(LINK)
        self.pairing.show_link("nas.home:8484", PRINT)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(22, 0, 22, 12)
        for widget in (self.summary, self.chips, self.strip):
            column.addWidget(widget)
            widget.setVisible(page == "list")
        column.addWidget(self.empty, 1)
        column.addStretch(0 if page == "empty" else 1)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.banner)
        right.addWidget(self.header)
        right.addWidget(content, 1)
        right.addWidget(self.pairing, 1)
        right.addWidget(self.footer)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.sidebar)
        across.addLayout(right, 1)
        self.empty.setVisible(page == "empty")
        self.header.setVisible(page != "pairing")
        content.setVisible(page != "pairing")
        self.pairing.setVisible(page == "pairing")


Shown = Callable[[QWidget], QWidget]
Kind = TypeVar("Kind", bound=QWidget)


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    """Shows a widget as the active window."""

    def show(widget: QWidget) -> QWidget:
        qtbot.addWidget(widget)
        widget.show()
        widget.activateWindow()
        qtbot.waitUntil(widget.isActiveWindow)
        return widget

    return show


@pytest.fixture(params=[1.0, 1.25], ids=["ordinary letters", "letters a quarter larger"])
def sized_theme(request: pytest.FixtureRequest, theme: Theme) -> Iterator[Theme]:
    """The theme, with letters of two sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "POINTS_PER_PIXEL", fonts.POINTS_PER_PIXEL * request.param)
        # The sheet is only written anew for other colours.
        theme.choose("dark")
        theme.choose("light")
        yield theme
    theme.choose("dark")
    theme.choose("light")


def button(within: QWidget, name: str) -> QAbstractButton:
    """The one that a screen reader calls so."""
    return next(it for it in within.findChildren(QAbstractButton) if it.accessibleName() == name)


def press(widget: QWidget, key: Qt.Key = Qt.Key.Key_Space) -> None:
    QTest.keyClick(widget, key)


def spoken_name(widget: QWidget) -> str:
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def everything(theme: Theme) -> list[QWidget]:
    window = Assembled(theme)
    window.banner.show_banner(CHANGED)
    said = Toast(theme, window)
    said.say("14 items added.", "Undo", 7)
    DropOverlay(theme, window).announce("Send 14 items to nas.home / Home", "All of them.")
    dialog = PairingDialog(theme)
    dialog.panel.show_link("nas.home:8484", PRINT)
    return [
        window,
        dialog,
        KeysDialog(theme, KEYS),
        ConfirmDialog(theme, "Cancel 3 transfers?", "What has arrived stays.", "Cancel them"),
    ]


# -- all of them


def test_everything_that_takes_the_keyboard_has_a_name(qtbot: QtBot, theme: Theme) -> None:
    widgets = everything(theme)
    nameless = []
    for whole in widgets:
        qtbot.addWidget(whole)
        for widget in whole.findChildren(QWidget):
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not spoken_name(widget):
                nameless.append(widget)
    assert nameless == []


def test_every_button_can_be_reached_by_tab(qtbot: QtBot, theme: Theme) -> None:
    for whole in everything(theme):
        qtbot.addWidget(whole)
        for widget in whole.findChildren(QAbstractButton):
            # Of the chips, Tab reaches the chosen one; a field's own buttons have Escape.
            if isinstance(widget, Chip) or isinstance(widget.parent(), QLineEdit):
                continue
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget.accessibleName()


@pytest.mark.parametrize("page", ["list", "empty", "pairing"])
def test_nothing_is_cut_in_the_smallest_window(shown: Shown, sized_theme: Theme, page: str) -> None:
    window = Assembled(sized_theme, page)
    window.resize(800, 500)
    shown(window)
    assert (window.width(), window.height()) == (800, 500)
    assert [cut for cut in visible(window, QLabel) if is_cut(cut)] == []
    assert [cut for cut in visible(window, QPushButton) if is_cut(cut)] == []


@pytest.mark.parametrize("counts", [COUNTS, MANY], ids=["few", "many"])
def test_all_chips_fit_into_the_smallest_window(
    shown: Shown, sized_theme: Theme, counts: dict[str, int]
) -> None:
    window = Assembled(sized_theme)
    window.chips.set_counts(counts)
    window.resize(800, 500)
    shown(window)
    chips = visible(window, Chip)
    assert len(chips) == len(COUNTS)
    assert all(chip.width() >= chip.sizeHint().width() for chip in chips)
    assert max(chip.geometry().right() for chip in chips) < window.chips.width()


def visible(window: QWidget, kind: type[Kind]) -> list[Kind]:
    return [widget for widget in window.findChildren(kind) if widget.isVisible()]


def is_cut(widget: QWidget) -> bool:
    if isinstance(widget, Elided):
        return widget.width() < widget.minimumSizeHint().width()
    if isinstance(widget, QLabel) and widget.wordWrap():
        return widget.height() < widget.heightForWidth(widget.width())
    wanted = widget.sizeHint()
    return widget.width() < wanted.width() or widget.height() < wanted.height()


def test_letters_and_pictures_follow_the_theme(qtbot: QtBot, theme: Theme) -> None:
    small = Text(theme, "words", font="small", look="muted")
    window = Assembled(theme)
    for widget in (small, window):
        qtbot.addWidget(widget)
        widget.show()
    size = small.font().pointSizeF()
    light = window.grab().toImage()
    theme.choose("dark")
    assert small.font().pointSizeF() == size == theme.font("small").pointSizeF()
    dark = window.grab().toImage()
    assert light.pixelColor(2, 2).lightness() > 200 > 60 > dark.pixelColor(2, 2).lightness()
    for part in (window.sidebar, window.chips, window.summary, window.header):
        middle = part.mapTo(window, part.rect().center())
        assert dark.pixelColor(middle).lightness() < 128


def test_a_look_can_change_while_it_is_shown(qtbot: QtBot, theme: Theme) -> None:
    label = Text(theme, "words", font="small")
    qtbot.addWidget(label)
    label.show()
    set_look(label, "error")
    assert label.palette().color(label.foregroundRole()).name() == theme.colours.error
    assert label.font().pointSizeF() == theme.font("small").pointSizeF()


# -- small things


def test_a_fingerprint_is_grouped_for_two_people_who_compare_it() -> None:
    assert grouped("sha256:3f2a91c07be4", 2) == "3F2A 91C0\n7BE4"
    assert grouped("3F:2A:91:C0") == "3F2A 91C0"
    assert grouped("") == ""


@pytest.mark.parametrize(
    ("count", "short"), [(0, "0"), (9_999, "9999"), (12_345, "12k"), (1_250_000, "1.2M")]
)
def test_a_count_can_be_short(count: int, short: str) -> None:
    assert short_count(count) == short


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (84.2e6, 100e6), (42, 50), (7, 8), (0.3, 0.3)]
)
def test_the_curve_ends_at_a_round_number(highest: float, top: float) -> None:
    assert nice_top(highest) == pytest.approx(top)


def test_a_line_that_does_not_fit_is_told_in_its_tooltip(qtbot: QtBot, theme: Theme) -> None:
    line = Elided(theme, "a receiver with a very long name")
    qtbot.addWidget(line)
    line.resize(line.sizeHint())
    line.show()
    assert line.toolTip() == ""
    line.resize(60, 20)
    assert line.toolTip() == line.text()


@pytest.mark.parametrize("with_announcements", [True, False], ids=["Qt 6.8", "older Qt"])
def test_words_are_announced_to_a_screen_reader(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch, with_announcements: bool
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(QAccessible, "isActive", staticmethod(lambda: True))
    monkeypatch.setattr(QAccessible, "updateAccessibility", staticmethod(sent.append))
    if not with_announcements:
        monkeypatch.delattr(QtGui, "QAccessibleAnnouncementEvent")
    card = ConnectionCard(theme)
    qtbot.addWidget(card)
    card.show_state(CARD)
    assert sent == []  # how it stands at the start is no news
    lost = CardState(Tone.WARN, "nas.home", "No answer, next try in 8 s")
    card.show_state(lost)
    assert len(sent) == 1
    card.show_state(replace(lost, line="No answer, next try in 7 s"))
    assert len(sent) == 1  # seconds that are counted down are none either


# -- sidebar and card


def test_the_sidebar_counts_what_is_unfinished(qtbot: QtBot, theme: Theme) -> None:
    sidebar = Sidebar(theme)
    qtbot.addWidget(sidebar)
    sidebar.set_count(6)
    assert sidebar.transfers.accessibleName() == "Transfers, 6 unfinished"
    sidebar.set_count(0)
    assert sidebar.transfers.accessibleName() == "Transfers"
    sidebar.transfers.click()
    assert sidebar.transfers.isChecked()
    assert sidebar.sizeHint().width() == 204


def test_the_card_says_its_state_and_what_its_menu_offers(qtbot: QtBot, theme: Theme) -> None:
    card = ConnectionCard(theme)
    qtbot.addWidget(card)
    card.show_state(CARD)
    assert spoken_name(card) == ("Receiver nas.home. Connected · TLS pinned. Last heard at 10:42")
    menu = card.menu_button.menu()
    check, pair = menu.actions()
    with qtbot.waitSignal(card.check_wanted):
        check.trigger()
    with qtbot.waitSignal(card.pair_wanted):
        pair.trigger()


@pytest.mark.parametrize("tone", [Tone.GOOD, Tone.WARN, Tone.ERROR])
def test_the_card_grows_with_its_words(shown: Shown, theme: Theme, tone: Tone) -> None:
    sidebar = Sidebar(theme)
    sidebar.resize(204, 500)
    shown(sidebar)
    sidebar.card.show_state(CardState(tone, "nas.home", "Connected"))
    QApplication.processEvents()
    low = sidebar.card.height()
    sidebar.card.show_state(
        CardState(tone, "nas.home", "No answer since 10:42, the next try is in 8 s", "Kept.", True)
    )
    QApplication.processEvents()
    assert sidebar.card.height() > low
    assert [cut for cut in visible(sidebar, QLabel) if is_cut(cut)] == []


# -- header


def test_the_header_says_what_is_wanted(qtbot: QtBot, theme: Theme) -> None:
    header = Header(theme)
    qtbot.addWidget(header)
    header.resize(900, 58)
    header.show()
    with qtbot.waitSignal(header.filtered, check_params_cb=lambda words: words == "k"):
        QTest.keyClicks(header.field, "k")
    press(header.field, Qt.Key.Key_Escape)
    assert header.field.text() == ""
    files, folder = header.add_button.menu().actions()
    assert [it.text().partition("\t")[2] for it in (files, folder)] == ["Ctrl+O", "Ctrl+Shift+O"]
    assert files.shortcut().isEmpty()  # the window has these keys: two owners would get nothing
    with qtbot.waitSignal(header.add_files):
        files.trigger()
    with qtbot.waitSignal(header.add_folder):
        folder.trigger()
    by_name = next(it for it in header.sort_button.menu().actions() if it.text() == "Name")
    with qtbot.waitSignal(header.sorted, check_params_cb=lambda key: key == "name"):
        by_name.trigger()
    assert by_name.isChecked()


def test_setting_the_order_is_not_said_to_be_the_users_wish(qtbot: QtBot, theme: Theme) -> None:
    header = Header(theme)
    qtbot.addWidget(header)
    with qtbot.assertNotEmitted(header.sorted):
        header.set_sorted("size")
    assert [it.data() for it in header.sort_button.menu().actions() if it.isChecked()] == ["size"]


@pytest.mark.parametrize("width", [900, 560], ids=["wide", "narrow"])
def test_pause_all_turns_into_go_on(qtbot: QtBot, theme: Theme, width: int) -> None:
    header = Header(theme)
    qtbot.addWidget(header)
    header.resize(width, 58)
    header.show()

    def all_of_it(name: str) -> QAbstractButton:
        found = [it for it in visible(header, QAbstractButton) if it.accessibleName() == name]
        assert len(found) == 1
        return found[0]

    with qtbot.waitSignal(header.pause_all):
        press(all_of_it("Pause all"))
    header.set_all(paused=True, enabled=True)
    with qtbot.waitSignal(header.resume_all):
        press(all_of_it("Go on"))
    header.set_all(paused=True, enabled=False)
    assert not all_of_it("Go on").isEnabled()


def test_the_filter_does_not_jump_when_all_is_paused(shown: Shown, theme: Theme) -> None:
    header = Header(theme)
    header.resize(900, 58)
    shown(header)
    before = header.field.geometry()
    header.set_all(paused=True, enabled=True)
    QApplication.processEvents()
    assert header.field.geometry() == before


def test_the_empty_page_has_only_add(qtbot: QtBot, theme: Theme) -> None:
    header = Header(theme)
    qtbot.addWidget(header)
    header.resize(900, 58)
    header.show()
    header.set_busy_controls(False)
    assert [it.accessibleName() for it in visible(header, QAbstractButton)] == ["Add"]
    header.set_busy_controls(True)
    assert header.field.isVisible()


# -- summary


def test_numbers_do_not_move_their_neighbours(shown: Shown, theme: Theme) -> None:
    card = SummaryCard(theme)
    card.resize(872, 69)
    shown(card)

    def second(number: str) -> int:
        card.show_summary(
            Summary((Column("Sending", number, "MB/s"), Column("Left", "5", "GB")), (1.0, 2.0))
        )
        QApplication.processEvents()
        return card.columns[1].x()

    places = {second(number) for number in ("84.2", "9.41", "1", "111", "84.2")}
    assert len(places) == 1
    # Should it ever grow, it does not come back: that would be another jump.
    assert second("1,234,567") == second("84.2") > places.pop()


def test_there_may_be_fewer_columns_later(shown: Shown, theme: Theme) -> None:
    card = SummaryCard(theme)
    shown(card)
    card.show_summary(SUMMARY)
    card.show_summary(Summary((Column("Left", "0", "B"),), ()))
    assert [column.isVisible() for column in card.columns] == [True, False, False]
    assert spoken_name(card.columns[0]) == "Left 0 B"


# -- chips


def test_one_chip_is_chosen_and_the_arrow_keys_choose_another(
    qtbot: QtBot, shown: Shown, theme: Theme
) -> None:
    chips = Chips(theme)
    shown(chips)
    chips.set_counts(COUNTS)
    names = [chip.accessibleName() for chip in visible(chips, Chip)]
    assert names == [
        "All, 11 transfers",
        "Active, 3 transfers",
        "Waiting, 1 transfer",
        "Paused, 1 transfer",
        "Needs you, 1 transfer",
        "Done, 5 transfers",
    ]
    first, second, *_, last = visible(chips, Chip)
    first.setFocus()
    with qtbot.waitSignal(chips.chosen, check_params_cb=lambda key: key == "active"):
        press(first, Qt.Key.Key_Right)
    assert second.hasFocus()
    assert (chips.key, first.isChecked()) == ("active", False)
    press(second, Qt.Key.Key_End)
    assert last.hasFocus()
    press(last, Qt.Key.Key_Right)
    assert chips.key == "all"
    press(first, Qt.Key.Key_Left)
    assert chips.key == "done"
    press(last, Qt.Key.Key_Home)
    assert first.hasFocus()
    with qtbot.waitSignal(chips.chosen, check_params_cb=lambda key: key == "needs you"):
        chips.choose("needs you")


# -- banner


def test_the_banner_says_what_is_decided(qtbot: QtBot, shown: Shown, theme: Theme) -> None:
    window = Assembled(theme)
    shown(window)
    banner = window.banner
    assert not banner.isVisible()
    banner.show_banner(CHANGED)
    assert banner.isVisible()
    assert button(banner, "Pair again").property("look") == "primary"
    with qtbot.waitSignal(banner.acted, check_params_cb=lambda key: key == "look"):
        press(button(banner, "Check again"))
    prints = [it.text() for it in visible(banner, QLabel) if it.property("look") == "mono"]
    assert prints == [grouped(PRINT), grouped(PRINT[::-1])]
    banner.show_banner(BannerText(Tone.WARN, "Pairing has ended", "Pair again.", (), ()))
    QApplication.processEvents()
    assert visible(banner, QPushButton) == []
    banner.hide_banner()
    assert not banner.isVisible()


# -- overlay


def test_the_overlay_covers_the_window_and_lets_the_drop_through(
    shown: Shown, theme: Theme
) -> None:
    window = Assembled(theme)
    overlay = DropOverlay(theme, window)
    shown(window)
    overlay.announce("Send 14 items to nas.home / Home", "Folders go with all that is in them.")
    assert overlay.geometry() == window.rect()
    below = window.childAt(window.rect().center())
    assert below is not None
    assert below is not overlay
    assert not overlay.isAncestorOf(below)
    window.resize(900, 600)
    assert overlay.geometry() == window.rect()
    overlay.withdraw()
    assert not overlay.isVisible()


# -- toast


@pytest.fixture
def window(shown: Shown, theme: Theme, monkeypatch: pytest.MonkeyPatch) -> QWidget:
    """A window for toasts, which come and go without motion there."""
    monkeypatch.setattr(toast_module, "motion_reduced", lambda: True)
    window = QWidget()
    window.resize(800, 500)
    field = QLineEdit(window)
    field.setAccessibleName("A field")
    return shown(window)


def counting_down(toast: Toast) -> bool:
    return any(timer.isActive() for timer in toast.findChildren(QTimer))


def test_a_toast_leaves_by_itself(qtbot: QtBot, theme: Theme, window: QWidget) -> None:
    toast = Toast(theme, window, stay_ms=1)
    with qtbot.waitSignal(toast.gone, check_params_cb=lambda key: key == 7):
        toast.say("14 items added.", "Undo", 7)
    assert not toast.isVisible()


def test_a_toast_fades(
    qtbot: QtBot, theme: Theme, window: QWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toast_module, "motion_reduced", lambda: False)
    toast = Toast(theme, window)
    toast.say("Added.")
    toast.dismiss()
    assert toast.isVisible()
    qtbot.waitUntil(lambda: not toast.isVisible())


def test_a_toasts_button_says_its_key(qtbot: QtBot, theme: Theme, window: QWidget) -> None:
    toast = Toast(theme, window)
    toast.say("14 items added.", "Undo", 7)
    assert window.rect().contains(toast.geometry())
    with qtbot.waitSignals([toast.acted, toast.gone]):
        press(button(toast, "Undo"))
    assert not toast.isVisible()


def test_a_newer_toast_takes_the_place_of_an_older_one(
    qtbot: QtBot, theme: Theme, window: QWidget
) -> None:
    toast = Toast(theme, window)
    toast.say("One.", "Undo", 1)
    with qtbot.waitSignal(toast.gone, check_params_cb=lambda key: key == 1):
        toast.say("Two.")
    assert toast.isVisible()
    assert spoken_name(toast) == "Two."
    assert [it.accessibleName() for it in visible(toast, QAbstractButton)] == ["Dismiss"]


def test_a_toast_waits_for_mouse_and_keyboard(qtbot: QtBot, theme: Theme, window: QWidget) -> None:
    toast = Toast(theme, window)
    toast.say("14 items added.", "Undo", 7)
    assert counting_down(toast)
    middle = QPointF(5, 5)
    QApplication.sendEvent(toast, QEnterEvent(middle, middle, middle))
    assert not counting_down(toast)
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))
    assert counting_down(toast)
    button(toast, "Undo").setFocus()
    assert not counting_down(toast)
    button(toast, "Dismiss").setFocus()
    assert not counting_down(toast)
    next(iter(window.findChildren(QLineEdit))).setFocus()
    assert counting_down(toast)
    button(toast, "Undo").setFocus()
    with qtbot.waitSignal(toast.gone):
        press(button(toast, "Undo"), Qt.Key.Key_Escape)


def test_a_long_toast_gives_way_to_its_button(theme: Theme, window: QWidget) -> None:
    toast = Toast(theme, window)
    toast.say("a very long name " * 20 + "added.", "Undo")
    assert window.rect().contains(toast.geometry())
    assert toast.rect().contains(button(toast, "Dismiss").geometry())
    window.resize(1000, 600)
    assert toast.geometry().bottom() > 500


# -- the empty page and pairing


def test_the_empty_page_offers_what_dragging_does(qtbot: QtBot, theme: Theme) -> None:
    panel = EmptyPanel(theme)
    qtbot.addWidget(panel)
    panel.show_receiver("nas.home", "Home")
    words = [label.text() for label in panel.findChildren(QLabel)]
    assert words[0] == "Drop files or folders to send them to nas.home"
    assert words[1].startswith("They go to Home.")
    with qtbot.waitSignal(panel.add_files):
        press(button(panel, "Choose files"))
    with qtbot.waitSignal(panel.add_folder):
        press(button(panel, "Choose a folder"))


def test_the_strip_lets_browse(qtbot: QtBot, theme: Theme) -> None:
    strip = DropStrip(theme)
    qtbot.addWidget(strip)
    with qtbot.waitSignal(strip.browse):
        press(button(strip, "Browse for files to send"))


def test_a_link_is_pasted_read_and_used(qtbot: QtBot, shown: Shown, theme: Theme) -> None:
    panel = PairingPanel(theme)
    shown(panel)
    panel.set_device_name("studio")
    assert not button(panel, "Pair").isEnabled()
    QGuiApplication.clipboard().setText(f"  {LINK}\n")
    with qtbot.waitSignal(panel.link_changed, check_params_cb=lambda link: link == LINK):
        button(panel, "Paste the link").click()
    panel.show_link("nas.home:8484", PRINT)
    said = " ".join(label.text() for label in visible(panel, QLabel))
    assert grouped(PRINT) in said
    assert "Compare it with what the receiver prints." in said
    pair = (LINK, "studio")
    with qtbot.waitSignal(panel.pair, check_params_cb=lambda *both: both == pair):
        press(panel.form.link_field, Qt.Key.Key_Return)


def test_a_receiver_on_this_computer_has_no_certificate(shown: Shown, theme: Theme) -> None:
    panel = PairingPanel(theme)
    shown(panel)
    panel.show_link("127.0.0.1:8484", None, tls=False)
    said = [label.text() for label in visible(panel, QLabel)]
    assert "On this computer, without TLS." in said
    assert "Certificate" not in said
    panel.show_link("files.example.org:443", None)
    said = [label.text() for label in visible(panel, QLabel)]
    assert "TLS, vouched for by an authority that this computer trusts." in said
    assert "Certificate" not in said
    panel.hide_link()
    assert not panel.form.facts.isVisible()


def test_pairing_can_be_cancelled_and_can_fail(qtbot: QtBot, shown: Shown, theme: Theme) -> None:
    panel = PairingPanel(theme)
    shown(panel)
    panel.set_link(LINK)
    panel.set_busy(True)
    assert not panel.form.link_field.isEnabled()
    assert panel.form.progress.isVisible()
    assert button(panel, "Cancel").hasFocus()
    with qtbot.waitSignal(panel.cancelled):
        press(button(panel, "Cancel"))
    with qtbot.assertNotEmitted(panel.pair):
        panel.form.link_field.returnPressed.emit()
    panel.set_busy(False)
    panel.show_problem("This link was used before.")
    assert panel.form.problem.isVisible()
    assert panel.form.link_field.isEnabled()
    panel.show_problem("")
    assert not panel.form.problem.isVisible()


def test_the_command_is_copied(shown: Shown, theme: Theme) -> None:
    panel = PairingPanel(theme)
    shown(panel)
    button(panel, "Copy the command").click()
    assert QGuiApplication.clipboard().text() == "howdah-receiver serve"


def test_escape_cancels_pairing_before_it_closes_the_dialog(
    qtbot: QtBot, shown: Shown, theme: Theme
) -> None:
    dialog = PairingDialog(theme)
    shown(dialog)
    assert dialog.panel.form.link_field.hasFocus()
    dialog.panel.set_busy(True)
    with qtbot.waitSignal(dialog.panel.cancelled):
        press(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    dialog.panel.set_busy(False)
    with qtbot.waitSignal(dialog.finished):
        button(dialog, "Cancel").click()


# -- dialogs


def test_the_keys_scroll_and_escape_closes_them(qtbot: QtBot, shown: Shown, theme: Theme) -> None:
    dialog = KeysDialog(theme, KEYS)
    shown(dialog)
    caps = [it.accessibleName() for it in dialog.findChildren(QWidget) if it.accessibleName()]
    assert [cap for cap in caps if cap in {"Ctrl", "O", "Del", "Backspace", "?", "+"}] == [
        "Ctrl",
        "O",
        "Del",
        "Backspace",
        "?",
        "Ctrl",
        "+",
    ]
    with qtbot.waitSignal(dialog.rejected):
        press(dialog, Qt.Key.Key_Escape)


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_enter_and_escape_are_the_safe_answer(
    qtbot: QtBot, shown: Shown, theme: Theme, key: Qt.Key
) -> None:
    dialog = ConfirmDialog(theme, "Cancel 3?", "What has arrived stays.", "Cancel them", "Keep")
    shown(dialog)
    assert dialog.no_button.hasFocus()
    with qtbot.waitSignal(dialog.finished, check_params_cb=lambda answer: answer == 0):
        press(dialog, key)


def test_a_question_does_not_wait_and_its_words_may_change(
    qtbot: QtBot, shown: Shown, theme: Theme
) -> None:
    window = shown(QFrame())
    dialog = confirm(window, theme, "Send all?", "12,400 files.", "Send all", "Not now")
    assert dialog.isVisible()
    dialog.set_text("12,900 files, " * 40)
    QApplication.processEvents()
    assert [cut for cut in visible(dialog, QLabel) if is_cut(cut)] == []
    with qtbot.waitSignal(dialog.accepted):
        press(dialog.yes_button)


def test_letters_stay_what_they_are_when_the_colours_change(qtbot: QtBot, theme: Theme) -> None:
    labels = [
        Text(theme, "12AB", look="mono"),
        Text(theme, "nas.home", font="strong", look="strong"),
        Text(theme, "Title", font="title", look="title"),
    ]
    for label in labels:
        qtbot.addWidget(label)
        label.show()
    button = Button(theme, "Pair")
    qtbot.addWidget(button)
    button.show()
    widgets = [*labels, button]
    before = [(widget.font().family(), widget.font().weight()) for widget in widgets]
    theme.choose("dark")
    assert [(widget.font().family(), widget.font().weight()) for widget in widgets] == before
