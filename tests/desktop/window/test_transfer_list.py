"""What mouse and keyboard mean in the list of transfers."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QAccessible,
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QWheelEvent,
)
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QToolTip

from howdah_desktop.window.delegates.placement import Hit
from howdah_desktop.window.look import Act, Part, RowLook, Span
from howdah_desktop.window.widgets.transfer_list import TransferList
from howdah_desktop.window.widgets.uniform_rows import UniformRows
from kit.rows import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from howdah_desktop.window.theme import Theme

Key, Button, Mod = Qt.Key, Qt.MouseButton, Qt.KeyboardModifier

MOVING = RowLook(
    "a.mp4",
    "MP4",
    "Videos/",
    bar=(Span(0, 0.5, Part.RECEIVED),),
    status="1 of 2 GB",
    right="15 s left",
    act=Act.PAUSE,
    spoken="a.mp4, half of it is there",
)
FOLDER = RowLook("Kyoto", "DIR", "Photos/", note="2 files", act=Act.PAUSE, expandable=True)
OPEN = replace(FOLDER, expanded=True)
CHILD = RowLook("1.jpg", "JPG", "Photos/", act=Act.PAUSE, child=True)
WAITING = RowLook("b.zip", "ZIP", "Data/", act=Act.TRY_NOW, act_words="Try now")
DONE = RowLook("c.pdf", "PDF", "Texts/", status="1 MB · verified", right="10:42", act=Act.REMOVE)
PLAIN = RowLook("d.txt", "TXT", "Texts/", status="left alone")

LOOKS = [MOVING, FOLDER, WAITING, DONE, PLAIN, OPEN, CHILD, CHILD]


@pytest.fixture
def shown(theme: Theme, qtbot: QtBot) -> Iterator[Shown]:
    made = Shown(theme, LOOKS)
    qtbot.addWidget(made.list)
    QAbstractItemModelTester(made.model, made.model)
    made.list.setFocus(Qt.FocusReason.TabFocusReason)
    yield made
    made.list.hide()


@pytest.fixture
def told(shown: Shown) -> list[tuple[object, ...]]:
    """Every signal, by its name."""
    heard: list[tuple[object, ...]] = []

    def listen(name: str) -> Callable[..., None]:
        return lambda *what: heard.append((name, *what))

    for owner, names in (
        (shown.delegate, ("acted", "toggled")),
        (shown.list, ("expand", "collapse", "remove_wanted", "typed")),
    ):
        for name in names:
            getattr(owner, name).connect(listen(name))
    shown.delegate.menu_wanted.connect(lambda key, _: heard.append(("button menu", key)))
    shown.list.menu_wanted.connect(lambda key, _: heard.append(("menu", key)))
    return heard


def click(shown: Shown, where: QPoint, mod: Qt.KeyboardModifier = Mod.NoModifier) -> None:
    QTest.mouseClick(shown.list.viewport(), Button.LeftButton, mod, where)


def press_key(shown: Shown, key: Qt.Key, mod: Qt.KeyboardModifier = Mod.NoModifier) -> None:
    QTest.keyClick(shown.list, key, mod)


def go_to(shown: Shown, row: int) -> None:
    shown.list.setCurrentIndex(shown.model.index(row))


# -- the mouse


@pytest.mark.parametrize(
    ("row", "part", "expected"),
    [
        (0, Hit.ACT, ("acted", 10, Act.PAUSE)),
        (2, Hit.ACT, ("acted", 30, Act.TRY_NOW)),
        (3, Hit.ACT, ("acted", 40, Act.REMOVE)),
        (1, Hit.TOGGLE, ("toggled", 20)),
        (4, Hit.MENU, ("button menu", 50)),
    ],
)
def test_each_button_says_what_it_is_for(
    shown: Shown, told: list[object], row: int, part: Hit, expected: object
) -> None:
    click(shown, shown.middle_of(row, part))
    assert told == [expected]


def test_a_button_does_not_change_what_is_selected(shown: Shown, told: list[object]) -> None:
    click(shown, shown.name_of(2))
    for part in (Hit.ACT, Hit.MENU):
        click(shown, shown.middle_of(0, part))
    assert shown.list.selected_keys() == [30]


def test_a_row_without_buttons_under_the_mouse_is_selected(
    shown: Shown, told: list[object]
) -> None:
    click(shown, shown.name_of(2))
    click(shown, shown.name_of(4), Mod.ShiftModifier)
    assert shown.list.selected_keys() == [30, 40, 50]
    click(shown, shown.name_of(3), Mod.ControlModifier)
    assert shown.list.selected_keys() == [30, 50]
    assert told == []


def test_a_click_below_the_rows_selects_nothing(shown: Shown) -> None:
    shown.list.resize(880, 700)
    click(shown, shown.name_of(2))
    click(shown, QPoint(300, 650))
    assert shown.list.selected_keys() == []


def test_a_mouse_that_leaves_the_button_before_it_is_released_does_nothing(
    shown: Shown, told: list[object]
) -> None:
    viewport, where = shown.list.viewport(), shown.middle_of(0, Hit.ACT)
    QTest.mousePress(viewport, Button.LeftButton, Mod.NoModifier, where)
    shown.move_mouse(shown.name_of(2))
    QTest.mouseRelease(viewport, Button.LeftButton, Mod.NoModifier, shown.name_of(2))
    assert told == []
    assert shown.list.selected_keys() == []
    assert not shown.delegate.holds


def test_a_button_that_changes_under_the_pressed_mouse_does_nothing(
    shown: Shown, told: list[object]
) -> None:
    """It was pressed to pause; meanwhile the file arrived, and the button removes it now."""
    viewport, where = shown.list.viewport(), shown.middle_of(0, Hit.ACT)
    QTest.mousePress(viewport, Button.LeftButton, Mod.NoModifier, where)
    shown.model.change(0, DONE)
    QTest.mouseRelease(viewport, Button.LeftButton, Mod.NoModifier, where)
    assert told == []


def test_the_second_half_of_a_double_click_is_no_second_order(
    shown: Shown, told: list[object]
) -> None:
    viewport, where = shown.list.viewport(), shown.middle_of(0, Hit.ACT)
    click(shown, where)
    QTest.mouseDClick(viewport, Button.LeftButton, Mod.NoModifier, where)
    assert told == [("acted", 10, Act.PAUSE)]


def test_quick_clicks_on_rows_that_move_up_are_orders_each(
    shown: Shown, told: list[object]
) -> None:
    viewport = shown.list.viewport()
    where = shown.middle_of(3, Hit.ACT)
    click(shown, where)
    QTest.mousePress(viewport, Button.LeftButton, Mod.NoModifier, shown.middle_of(2, Hit.ACT))
    QTest.mouseRelease(viewport, Button.LeftButton, Mod.NoModifier, shown.middle_of(2, Hit.ACT))
    assert told == [("acted", 40, Act.REMOVE), ("acted", 30, Act.TRY_NOW)]


def test_only_buttons_have_the_hand(shown: Shown) -> None:
    viewport = shown.list.viewport()
    shown.move_mouse(shown.middle_of(0, Hit.ACT))
    assert viewport.cursor().shape() == Qt.CursorShape.PointingHandCursor
    shown.move_mouse(shown.name_of(0))
    assert viewport.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_what_is_lit_follows_the_rows_that_scroll_under_the_mouse(shown: Shown) -> None:
    shown.list.resize(880, 200)
    shown.move_mouse(shown.middle_of(0, Hit.ACT))
    assert shown.delegate.spot_under_mouse() == (10, Hit.ACT, Act.PAUSE)
    bar = shown.list.verticalScrollBar()
    bar.setValue(64)
    assert shown.delegate.spot_under_mouse() == (20, Hit.ACT, Act.PAUSE)
    QApplication.sendEvent(shown.list.viewport(), QEvent(QEvent.Type.Leave))
    assert shown.delegate.spot_under_mouse() is None


def test_a_right_click_selects_a_row_that_was_not(shown: Shown, told: list[object]) -> None:
    go_to(shown, 0)
    for row in (3, 4):
        flags = QItemSelectionModel.SelectionFlag.Select
        shown.list.selectionModel().select(shown.model.index(row), flags)
    _right_click(shown, shown.name_of(3))
    assert shown.list.selected_keys() == [10, 40, 50]
    _right_click(shown, shown.name_of(2))
    assert shown.list.selected_keys() == [30]
    assert told == [("menu", 40), ("menu", 30)]


def _right_click(shown: Shown, where: QPoint) -> None:
    viewport = shown.list.viewport()
    QTest.mouseClick(viewport, Button.RightButton, Mod.NoModifier, where)
    everywhere = viewport.mapToGlobal(where)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, everywhere)
    QApplication.sendEvent(viewport, event)


def test_a_notch_of_the_wheel_is_a_motion_and_notches_add_up(shown: Shown, qtbot: QtBot) -> None:
    shown.list.resize(880, 200)
    bar = shown.list.verticalScrollBar()
    for _ in range(2):
        _turn_wheel(shown, -120)
    assert bar.value() < 192
    qtbot.waitUntil(lambda: bar.value() == 192)
    _turn_wheel(shown, 1_200)
    qtbot.waitUntil(lambda: bar.value() == 0)


def _turn_wheel(shown: Shown, angle: int) -> None:
    where = QPointF(100, 100)
    everywhere = shown.list.viewport().mapToGlobal(where)
    event = QWheelEvent(
        where,
        everywhere,
        QPoint(),
        QPoint(0, angle),
        Button.NoButton,
        Mod.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(shown.list.viewport(), event)


@pytest.mark.parametrize(
    ("row", "part", "expected"),
    [
        (0, Hit.ACT, "Pause"),
        (2, Hit.ACT, "Try now"),
        (3, Hit.ACT, "Remove from the list"),
        (0, Hit.MENU, "More"),
        (1, Hit.TOGGLE, "Show its files"),
        (5, Hit.TOGGLE, "Hide its files"),
    ],
)
def test_buttons_have_tooltips(shown: Shown, row: int, part: Hit, expected: str) -> None:
    assert _tooltip(shown, shown.middle_of(row, part)) == f"<qt>{expected}</qt>"


def test_what_is_cut_is_told_in_full(shown: Shown) -> None:
    name = f"<b>{'long ' * 60}.zip"
    status = "Nothing is lost. " * 30
    shown.model.change(0, replace(WAITING, title=name, status=status))
    told = _tooltip(shown, shown.name_of(0))
    assert told.startswith("<qt>&lt;b&gt;long long")
    assert told.endswith(".zip</qt>")
    assert "Nothing is lost. " * 20 in _tooltip(shown, shown.name_of(0) + QPoint(0, 25))


def test_what_is_seen_whole_is_not_told_again(shown: Shown) -> None:
    assert _tooltip(shown, shown.name_of(0)) == ""


def _tooltip(shown: Shown, where: QPoint) -> str:
    QToolTip.hideText()
    viewport = shown.list.viewport()
    event = QHelpEvent(QEvent.Type.ToolTip, where, viewport.mapToGlobal(where))
    QApplication.sendEvent(viewport, event)
    return QToolTip.text()


# -- the keyboard


@pytest.mark.parametrize("key", [Key.Key_Space, Key.Key_Return, Key.Key_Enter])
def test_the_act_of_the_current_row_has_keys(shown: Shown, told: list[object], key: Qt.Key) -> None:
    go_to(shown, 2)
    press_key(shown, key)
    go_to(shown, 4)  # has none
    press_key(shown, key)
    assert told == [("acted", 30, Act.TRY_NOW)]


def test_arrows_open_and_close_folders(shown: Shown, told: list[object]) -> None:
    for row, key in ((1, Key.Key_Right), (1, Key.Key_Left), (5, Key.Key_Left), (5, Key.Key_Right)):
        go_to(shown, row)
        press_key(shown, key)
    assert told == [("expand", 20), ("collapse", 60)]


def test_left_goes_from_a_file_to_its_folder(shown: Shown, told: list[object]) -> None:
    go_to(shown, 7)
    press_key(shown, Key.Key_Left)
    assert shown.list.currentIndex().row() == 5
    assert told == []


def test_delete_wants_the_selected_rows_gone(shown: Shown, told: list[object]) -> None:
    press_key(shown, Key.Key_Delete)
    assert told == []
    go_to(shown, 3)
    press_key(shown, Key.Key_Delete)
    assert told == [("remove_wanted",)]


def test_letters_start_the_filter(shown: Shown, told: list[object]) -> None:
    go_to(shown, 0)
    for letter in "ké":
        event = QKeyEvent(QEvent.Type.KeyPress, 0, Mod.NoModifier, letter)
        QApplication.sendEvent(shown.list, event)
    press_key(shown, Key.Key_B, Mod.ControlModifier)
    assert told == [("typed", "k"), ("typed", "é")]
    assert shown.list.currentIndex().row() == 0


def test_all_can_be_selected_and_none(shown: Shown) -> None:
    press_key(shown, Key.Key_A, Mod.ControlModifier)
    assert shown.list.selected_keys() == [10, 20, 30, 40, 50, 60, 70, 80]
    press_key(shown, Key.Key_Escape)
    assert shown.list.selected_keys() == []


@pytest.mark.parametrize(
    ("start", "key", "expected"),
    [
        (0, Key.Key_Down, 1),
        (3, Key.Key_Up, 2),
        (0, Key.Key_Up, 0),
        (7, Key.Key_Down, 7),
        (3, Key.Key_Home, 0),
        (3, Key.Key_End, 7),
        (7, Key.Key_PageUp, 5),
        (0, Key.Key_PageDown, 2),
    ],
)
def test_keys_move_and_bring_into_sight(
    shown: Shown, start: int, key: Qt.Key, expected: int
) -> None:
    shown.list.resize(880, 200)
    go_to(shown, start)
    press_key(shown, key)
    assert shown.list.currentIndex().row() == expected
    assert shown.list.selected_keys() == [(expected + 1) * 10]
    area = shown.list.visualRect(shown.list.currentIndex())
    assert shown.list.viewport().rect().contains(area)


def test_shift_selects_from_where_it_began(shown: Shown) -> None:
    go_to(shown, 2)
    press_key(shown, Key.Key_Down, Mod.ShiftModifier)
    press_key(shown, Key.Key_Down, Mod.ShiftModifier)
    assert shown.list.selected_keys() == [30, 40, 50]
    press_key(shown, Key.Key_Home, Mod.ShiftModifier)
    assert shown.list.selected_keys() == [10, 20, 30]


def test_the_menu_key_opens_the_menu_beside_the_row(shown: Shown, told: list[object]) -> None:
    where: list[QPoint] = []
    shown.list.menu_wanted.connect(lambda _, point: where.append(point))
    go_to(shown, 1)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(3, 3), QPoint(900, 900))
    QApplication.sendEvent(shown.list, event)
    assert told == [("menu", 20)]
    area = shown.list.visualRect(shown.model.index(1))
    assert area.contains(shown.list.viewport().mapFromGlobal(where[0]))
    press_key(shown, Key.Key_F10, Mod.ShiftModifier)
    assert where[1] == where[0]


def test_the_ring_of_the_focus_is_for_the_keyboard(shown: Shown) -> None:
    seen = [shown.delegate.shows_focus]
    click(shown, shown.name_of(2))
    seen.append(shown.delegate.shows_focus)
    press_key(shown, Key.Key_Down)
    seen.append(shown.delegate.shows_focus)
    assert seen == [True, False, True]


# -- rows that come, go and change


def test_only_rows_that_changed_are_painted(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    qtbot.wait(20)
    painted: list[int] = []
    paint = type(shown.delegate).paint

    def count(*of: object) -> None:
        painted.append(of[-1].row())  # type: ignore[attr-defined]
        paint(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(type(shown.delegate), "paint", count)
    shown.model.change(2, replace(WAITING, status="other"))
    qtbot.waitUntil(lambda: bool(painted))
    assert painted == [2]


def test_a_list_of_a_hundred_thousand_rows_asks_for_what_it_shows(
    theme: Theme, qtbot: QtBot
) -> None:
    made = Shown(theme, [MOVING] * 100_000)
    qtbot.addWidget(made.list)
    made.model.asked.clear()
    made.model.beginInsertRows(QModelIndex(), 0, 0)
    made.model.looks.insert(0, DONE)
    made.model.endInsertRows()
    made.list.scrollToBottom()
    made.list.grab()
    assert made.list.visible_rows()[1] == 100_000
    assert len(made.model.asked) < 30


def test_rows_come_and_go_where_somebody_looks(shown: Shown, qtbot: QtBot) -> None:
    shown.list.resize(880, 200)
    bar, model = shown.list.verticalScrollBar(), shown.model
    qtbot.waitUntil(lambda: bar.maximum() == 8 * 64 - 198)
    go_to(shown, 7)
    shown.move_mouse(QPoint(100, 150))
    model.beginRemoveRows(QModelIndex(), 6, 7)
    del model.looks[6:]
    model.endRemoveRows()
    qtbot.waitUntil(lambda: bar.maximum() == 6 * 64 - 198)
    assert shown.list.currentIndex().row() == 5
    assert shown.list.visible_rows() == (2, 5)
    qtbot.waitUntil(lambda: shown.delegate.spot_under_mouse() == (60, None, None))
    model.beginResetModel()
    model.looks = [DONE]
    model.endResetModel()
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    qtbot.waitUntil(lambda: shown.delegate.spot_under_mouse() is None)
    assert shown.list.selected_keys() == []


def test_no_method_that_qt_calls_is_let_go(theme: Theme, qtbot: QtBot) -> None:
    """PySide 6.11 takes a reference off a method that raises while Qt calls it: it is freed one day,
    and something else is called in its place."""
    methods = [(of, vars(of)[name]) for of in (UniformRows, TransferList) for name in vars(of)]
    before = [sys.getrefcount(method) for _, method in methods if callable(method)]
    for _ in range(5):
        made = Shown(theme, LOOKS)
        qtbot.addWidget(made.list)
        made.list.grab()
        made.list.close()
    after = [sys.getrefcount(method) for _, method in methods if callable(method)]
    assert all(new >= old for old, new in zip(before, after, strict=True))


def test_an_empty_list_has_no_rows(theme: Theme, qtbot: QtBot) -> None:
    made = Shown(theme, [])
    qtbot.addWidget(made.list)
    made.list.grab()
    press_key(made, Key.Key_Down)
    press_key(made, Key.Key_Space)
    click(made, QPoint(50, 50))
    assert made.list.visible_rows() == (0, -1)
    assert made.list.selected_keys() == []


# -- for who does not see it


def test_the_list_and_its_rows_are_spoken(shown: Shown) -> None:
    spoken = QAccessible.queryAccessibleInterface(shown.list)
    assert spoken is not None
    assert spoken.text(QAccessible.Text.Name) == "Transfers"
    assert spoken.role() == QAccessible.Role.List
    assert spoken.childCount() == len(LOOKS)
    first = spoken.child(0)
    assert first is not None
    assert first.text(QAccessible.Text.Name) == "a.mp4, half of it is there"
    assert QGuiApplication.focusObject() is not None
