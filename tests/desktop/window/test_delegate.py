"""What is painted of a row, and where: colours, lines that fit, and nothing outside of the row."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from howdah_desktop.window.delegates.acts import face, spoken_act
from howdah_desktop.window.delegates.brushes import Brushes, Lettering
from howdah_desktop.window.delegates.line_one import line_one
from howdah_desktop.window.delegates.placement import Hit, Placed, place
from howdah_desktop.window.delegates.text import one_line, tooltip
from howdah_desktop.window.delegates.transfer import TransferDelegate
from howdah_desktop.window.look import Act, Part, RowLook, Span, Tone
from howdah_desktop.window.theme import Theme
from kit.rows import Rows, Shown

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

OUTSIDE = QColor("#ff00ff")
AREA = QRect(20, 30, 700, 64)
PICTURE = QRect(0, 0, 740, 124)
RATIOS = [1.0, 1.25, 1.5, 2.0]

State = QStyle.StateFlag
_ALL_STATES = State.State_Enabled | State.State_Selected | State.State_HasFocus
_DESELECT = QItemSelectionModel.SelectionFlag.Deselect
_LEFT = Qt.MouseButton.LeftButton

FULL = RowLook(
    "interview-take-3.mp4",
    "MP4",
    "Videos/2026/",
    note="312 files",
    tag="only changes",
    bar=(
        Span(0, 0.25, Part.KNOWN),
        Span(0.25, 0.5, Part.RECEIVED),
        Span(0.5, 0.75, Part.IN_FLIGHT),
    ),
    status="1.21 GB of 2.10 GB · 55.6 MB/s",
    right="15 s left",
    act=Act.PAUSE,
)
ODD_NAMES = {
    "empty": "",
    "long": "a-very-" + "long-" * 400 + "name.tar.gz",
    "chinese and japanese": "写真アルバム京都の旅二千二十六年" * 20 + ".zip",
    "emoji": "party 🎉🐘👨‍👩‍👧‍👦🏳️‍🌈" * 20 + ".mov",
    "right to left": "ملف طويل جدا عربي مسמכים" * 10 + ".pdf",
    "turned": "photo\u202egpj.exe",
    "lines": "one\ntwo\r\nthree\u2028four\tfive\x00six",
    "not UTF-8": b"caf\xe9 \xff.txt".decode("utf-8", "surrogateescape"),
    "high": "Z̷̡͎̪͓͍͉͕̐̏́͜ą̷̬̫̬͑̊̈́̃̑͝͝l̶" * 30,
    "html": "<b>bold</b>&amp;.html",
    "wide letters": "W" * 255,
}
TALL = "Z" + "\u0300" * 60 + "\u0323" * 60


def odd(name: str, look: RowLook = FULL) -> RowLook:
    return replace(look, title=name, target=name, note=name, tag=name, status=name, right="9 s")


def paint(
    delegate: TransferDelegate,
    look: RowLook,
    ratio: float = 1.0,
    state: QStyle.StateFlag = State.State_Enabled,
    area: QRect = AREA,
) -> QImage:
    """A row somewhere on a larger picture, which has no other purpose than not to be touched."""
    image = QImage(PICTURE.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(OUTSIDE)
    rows = Rows([look, look])
    option = QStyleOptionViewItem()
    option.rect, option.state = area, state
    painter = QPainter(image)
    delegate.paint(painter, option, rows.index(0))
    painter.end()
    return image


def colour(image: QImage, x: float, y: float) -> str:
    """Of the dot at a place of the design."""
    ratio = image.devicePixelRatio()
    return image.pixelColor(int(x * ratio), int(y * ratio)).name()


@pytest.fixture
def delegate(theme: Theme) -> TransferDelegate:
    return TransferDelegate(theme)


def placed(delegate: TransferDelegate, look: RowLook, ratio: float = 1.0) -> Placed:
    return place(look, AREA.width(), delegate.brushes(ratio))


def bar_area(delegate: TransferDelegate, look: RowLook, ratio: float = 1.0) -> QRect:
    """In the picture."""
    fills = placed(delegate, look, ratio).fills
    found = next(area for _, area, radius in fills if area.height() == radius * 2 < 8)
    return found.toRect().translated(AREA.topLeft())


# -- the bar


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_each_part_of_the_bar_has_its_colour(
    theme: Theme, delegate: TransferDelegate, ratio: float, choice: str
) -> None:
    theme.choose(choice)
    image = paint(delegate, FULL, ratio)
    bar = bar_area(delegate, FULL, ratio)
    seen = [
        colour(image, bar.x() + bar.width() * share, bar.y() + 2.5)
        for share in (0.02, 0.24, 0.26, 0.49, 0.51, 0.74, 0.76, 0.98)
    ]
    known, received, flying, missing = seen[::2]
    assert seen[1::2] == [known, received, flying, missing]
    assert received == theme.colours.accent
    assert flying == theme.colours.in_flight
    assert missing == theme.colours.track
    assert len({known, received, flying, missing}) == 4


@pytest.mark.parametrize("ratio", RATIOS)
def test_parts_of_the_bar_meet_between_two_dots(delegate: TransferDelegate, ratio: float) -> None:
    """A dot of a colour that no part has would be a blurred edge."""
    image = paint(delegate, FULL, ratio)
    bar = bar_area(delegate, FULL, ratio)
    y = int((bar.y() + 2.5) * ratio)
    inside = range(int((bar.x() + 4) * ratio), int((bar.right() - 4) * ratio))
    assert len({image.pixel(x, y) for x in inside}) == 4


def test_a_bar_that_lacks_a_last_bit_shows_it(theme: Theme, delegate: TransferDelegate) -> None:
    look = replace(FULL, bar=(Span(0, 0.9999, Part.RECEIVED),))
    bar = bar_area(delegate, look)
    image = paint(delegate, look)
    assert colour(image, bar.right() - 5, bar.y() + 2) == theme.colours.accent
    assert colour(image, bar.right() - 1, bar.y() + 2) == theme.colours.track


def test_a_bar_of_a_hundred_thousand_pieces_is_one_area(delegate: TransferDelegate) -> None:
    pieces = tuple(Span(at / 1e5, (at + 1) / 1e5, Part.RECEIVED) for at in range(100_000) if at % 3)
    assert len(placed(delegate, replace(FULL, bar=pieces)).fills) == len(
        placed(delegate, FULL).fills
    )


def test_a_row_without_bar_has_its_lines_closer_together(delegate: TransferDelegate) -> None:
    def lines(look: RowLook) -> list[float]:
        return sorted({text[2].y() for text in placed(delegate, look).texts})

    with_bar, without = lines(FULL), lines(replace(FULL, bar=None))
    assert with_bar[0] < without[0]
    assert with_bar[-1] > without[-1]


# -- grounds, edges, rings


def test_the_ground_says_what_is_selected_and_what_is_pointed_at(
    theme: Theme, qtbot: QtBot
) -> None:
    shown = Shown(theme, [FULL] * 4)
    qtbot.addWidget(shown.list)
    shown.list.selectAll()
    shown.list.selectionModel().select(shown.model.index(1), _DESELECT)
    shown.list.selectionModel().select(shown.model.index(2), _DESELECT)
    option = shown.list.option_for(shown.model.index(1))
    shown.delegate.point_at(option, shown.model.index(1), shown.name_of(1).toPointF())
    image = shown.list.grab().toImage()
    colours = theme.colours
    grounds = [colour(image, 30, 64 * row + 6) for row in range(4)]
    assert grounds == [colours.selected, colours.hover, colours.surface, colours.selected]


def test_a_line_is_between_rows_and_not_below_the_last(theme: Theme, qtbot: QtBot) -> None:
    shown = Shown(theme, [FULL] * 2)
    qtbot.addWidget(shown.list)
    image = shown.list.grab().toImage()
    first, second = (shown.list.visualRect(shown.model.index(row)).bottom() for row in (0, 1))
    assert colour(image, 300, first + 1) == theme.colours.border
    assert colour(image, 300, second + 1) == theme.colours.surface


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_focus_is_a_ring_inside_the_row(
    theme: Theme, delegate: TransferDelegate, ratio: float
) -> None:
    image = paint(delegate, FULL, ratio, State.State_Enabled | State.State_HasFocus)
    for x, y in ((AREA.left() + 3, 60), (AREA.right() - 2, 60), (300, 33), (300, 91)):
        assert colour(image, x, y) == theme.colours.accent
    assert colour(image, AREA.left() + 1, 60) == theme.colours.surface
    delegate.shows_focus = False
    image = paint(delegate, FULL, ratio, State.State_Enabled | State.State_HasFocus)
    assert colour(image, AREA.left() + 3, 60) == theme.colours.surface


def test_the_corners_of_the_list_are_round(theme: Theme, qtbot: QtBot) -> None:
    shown = Shown(theme, [FULL] * 12)
    qtbot.addWidget(shown.list)
    shown.list.selectAll()
    shown.list.verticalScrollBar().setValue(20)
    image = shown.list.grab().toImage()
    width, height = image.width(), image.height()
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (1, 1)):
        assert colour(image, x, y) == theme.colours.window
    assert colour(image, 300, 0) == theme.colours.border
    assert colour(image, 12, 12) == theme.colours.selected


# -- nothing outside


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("name", [*ODD_NAMES.values(), TALL], ids=[*ODD_NAMES, "very high"])
def test_nothing_is_painted_outside_of_the_row(
    delegate: TransferDelegate, name: str, ratio: float
) -> None:
    for area in (AREA, AREA.adjusted(0, 0, -430, 0)):
        image = paint(delegate, odd(name), ratio, _ALL_STATES, area)
        inside = QImage(image)
        painter = QPainter(inside)
        painter.fillRect(area, OUTSIDE)
        painter.end()
        blank = QImage(image.size(), image.format())
        blank.fill(OUTSIDE)
        blank.setDevicePixelRatio(ratio)
        assert inside == blank


def test_rows_share_their_edges_at_any_scale(delegate: TransferDelegate) -> None:
    """Half a dot between two rows would shine through."""
    image = QImage(PICTURE.size() * 1.25, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(1.25)
    image.fill(OUTSIDE)
    rows = Rows([FULL] * 3)
    painter = QPainter(image)
    option = QStyleOptionViewItem()
    for row in range(3):
        option.rect = QRect(0, 1 + 41 * row, 740, 41)
        delegate.paint(painter, option, rows.index(row))
    painter.end()
    assert OUTSIDE.rgb() not in {image.pixel(5, y) for y in range(2, round(123 * 1.25))}


# -- lines that fit


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=list(ODD_NAMES))
@pytest.mark.parametrize("room", [60, 200, 400, 800])
def test_the_first_line_fits(delegate: TransferDelegate, name: str, room: int) -> None:
    line = line_one(odd(name), room, delegate.brushes(1.0))
    end = 0.0
    for piece in line.pieces:
        assert piece.start >= end
        end = piece.start + piece.width
    if line.tag:
        assert line.tag_start >= end
        end = line.tag_start + line.tag_width
    assert end <= room + 0.1


def test_where_it_goes_gives_way_before_the_name(delegate: TransferDelegate) -> None:
    look = replace(FULL, target="Projects/Harbour/Plans/", note="", tag="")
    brushes = delegate.brushes(1.0)
    name_width = brushes.name.width(look.title)

    def words(room: float) -> list[str]:
        return [piece.text for piece in line_one(look, room, brushes).pieces]

    assert words(800) == [look.title, "→ ", look.target]
    name, _, target = words(name_width + 100)
    assert name == look.title
    assert "…" in target
    assert words(name_width + 10) == [look.title]
    assert words(name_width - 30)[0].endswith("mp4")


def test_a_download_says_where_it_comes_from(delegate: TransferDelegate) -> None:
    look = replace(FULL, download=True)
    texts = [piece.text for piece in line_one(look, 800, delegate.brushes(1.0)).pieces]
    assert "← " in texts
    assert len(placed(delegate, look).pictures) == len(placed(delegate, FULL).pictures) + 1


def test_the_status_gives_way_to_what_stands_right_of_it(delegate: TransferDelegate) -> None:
    look = replace(FULL, status="It waits. " * 50)
    texts = {text: where for _, _, where, text in placed(delegate, look).texts}
    status = next(text for text in texts if text.startswith("It waits"))
    assert status.endswith("…")
    width = delegate.brushes(1.0).small.width(status)
    assert texts[status].x() + width < texts["15 s left"].x()


def test_bars_end_alike_whether_a_row_has_a_button_or_not(delegate: TransferDelegate) -> None:
    assert bar_area(delegate, FULL) == bar_area(delegate, replace(FULL, act=None))
    wide = bar_area(delegate, replace(FULL, act_words="Make room…"))
    assert wide.right() < bar_area(delegate, FULL).right()


def test_files_of_a_folder_stand_further_in(delegate: TransferDelegate) -> None:
    child = placed(delegate, replace(FULL, child=True))
    assert child.tile.left() == placed(delegate, FULL).tile.left() + 30
    assert (child.tile.width(), child.tile.height()) == (28, 28)


@pytest.mark.parametrize("kind", ["", "C", "JPEG", "WEBM", "DOCX", "WWWW"])
@pytest.mark.parametrize("child", [True, False])
def test_the_kind_fits_its_tile(delegate: TransferDelegate, kind: str, child: bool) -> None:
    brushes = delegate.brushes(1.0)
    look = replace(FULL, tile=kind, child=child, expandable=True)
    row = place(look, 700, brushes)
    font, _, where, text = row.texts[0]
    assert text == kind
    width = Lettering(font).width(text)
    assert row.tile.left() <= where.x()
    assert where.x() + width <= row.tile.right()


@pytest.mark.parametrize("larger", [1.0, 1.25, 1.6])
def test_larger_letters_keep_their_distance(
    theme: Theme, monkeypatch: pytest.MonkeyPatch, larger: float
) -> None:
    font = Theme.font

    def larger_font(self: Theme, role: str) -> QFont:
        made = font(self, role)
        made.setPointSizeF(made.pointSizeF() * larger)
        return made

    monkeypatch.setattr(Theme, "font", larger_font)
    delegate = TransferDelegate(theme)
    brushes = delegate.brushes(1.0)
    row = place(FULL, 700, brushes)
    bar = next(area for _, area, radius in row.fills if radius == 2.5)
    pill = next(area for _, area, radius in row.fills if radius == 5.0)
    baselines = [where.y() for font, _, where, _ in row.texts if font is brushes.name.font]
    statuses = [where.y() for _, _, where, text in row.texts if text == FULL.status]
    assert baselines[0] - brushes.name.ascent >= 0
    assert pill.top() >= 0
    assert pill.bottom() <= bar.top()
    assert baselines[0] + brushes.name.metrics.descent() <= bar.top()
    assert statuses[0] - brushes.small.cap_height > bar.bottom()
    assert statuses[0] + brushes.small.metrics.descent() <= delegate.row_height
    assert delegate.row_height >= 64
    assert (delegate.row_height == 64) == (larger == 1.0)


# -- words


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=list(ODD_NAMES))
def test_names_become_one_line(name: str) -> None:
    shown = one_line(name)
    assert len(shown) == len(name)
    shown.encode()  # no halves of characters
    assert not set(shown) & set("\n\r\t\0\u2028\u202e")


def test_tooltips_are_never_taken_for_html() -> None:
    assert tooltip("<b>a & b") == "<qt>&lt;b&gt;a &amp; b</qt>"
    assert tooltip("") == ""


def test_the_tick_is_for_what_arrived() -> None:
    done = RowLook("a", "A", "b", act=Act.REMOVE)
    assert [face(look).icon for look in _ends(done)] == ["check", "x", "x", "x"]  # type: ignore[union-attr]
    assert {spoken_act(look) for look in _ends(done)} == {"Remove from the list"}
    assert face(replace(done, act=None)) is None


def _ends(done: RowLook) -> list[RowLook]:
    return [
        done,
        replace(done, bar_tone=Tone.PLAIN),
        replace(done, tag="left out", tag_tone=Tone.WARN),
        replace(done, status_tone=Tone.ERROR),
    ]


# -- what is kept


def test_a_row_is_placed_once(delegate: TransferDelegate, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[RowLook] = []

    def counted(look: RowLook, width: float, brushes: Brushes) -> Placed:
        made.append(look)
        return place(look, width, brushes)

    monkeypatch.setattr("howdah_desktop.window.delegates.transfer.place", counted)
    for state in (State.State_Enabled, State.State_Selected, State.State_HasFocus):
        paint(delegate, FULL, state=state)
    other = replace(FULL)
    paint(delegate, other)
    assert [id(look) for look in made] == [id(FULL), id(other)]


def test_looks_that_are_gone_are_not_mistaken_for_new_ones(delegate: TransferDelegate) -> None:
    """Rows are kept by identity; Python gives a new look the place of one that is gone."""
    for number in range(600):
        look = replace(FULL, status=f"number {number}")
        paint(delegate, look)
        del look
        if number % 100 == 0:
            gc.collect()
    fresh = replace(FULL, bar=None, status="", tag="")
    assert paint(delegate, fresh) == paint(TransferDelegate(delegate.theme), fresh)


def test_another_theme_paints_anew(theme: Theme, delegate: TransferDelegate) -> None:
    light = paint(delegate, FULL)
    theme.choose("dark")
    dark = paint(delegate, FULL)
    assert colour(light, 25, 35) != colour(dark, 25, 35) == theme.colours.surface


def test_a_button_under_the_mouse_is_lit_and_a_pressed_one_too(theme: Theme, qtbot: QtBot) -> None:
    shown = Shown(theme, [FULL])
    qtbot.addWidget(shown.list)
    where = shown.middle_of(0, Hit.MENU) - QPoint(9, 9)
    plain = shown.list.viewport().grab().toImage()
    shown.move_mouse(where)
    lit = shown.list.viewport().grab().toImage()
    QTest.mousePress(shown.list.viewport(), _LEFT, pos=where)
    pressed = shown.list.viewport().grab().toImage()
    colours = [colour(image, where.x(), where.y()) for image in (plain, lit, pressed)]
    assert colours == [theme.colours.surface, theme.colours.track, theme.colours.accent_soft]
    QTest.mouseRelease(shown.list.viewport(), _LEFT, pos=where)
