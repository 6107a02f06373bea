"""Where the parts of a row stand: made once per look and width, then painted many times.

Places count from the row's upper left corner. What has edges stands between the screen's dots, text stands
where its metrics say, so that larger letters move their neighbours instead of touching them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QFont, QImage, QPen, QPixmap, QTransform

from howdah_desktop.window.chunk_bar import pixel_runs
from howdah_desktop.window.delegates.acts import (
    CLOSE_WORDS,
    MENU_WORDS,
    OPEN_WORDS,
    Face,
    face,
    spoken_act,
)
from howdah_desktop.window.delegates.brushes import (
    ABOVE_BAR,
    BAR_HEIGHT,
    BELOW_BAR,
    Brushes,
    Lettering,
)
from howdah_desktop.window.delegates.line_one import LineOne, line_one
from howdah_desktop.window.delegates.text import one_line
from howdah_desktop.window.look import RowLook

PADDING: Final = 16
INDENT: Final = 30
TILE: Final = 34
CHILD_TILE: Final = 28
BESIDE_TILE: Final = 14
BUTTON: Final = 28
WORDS_HEIGHT: Final = 30
BESIDE_WORDS: Final = 26
"""Both sides together."""
BETWEEN_BUTTONS: Final = 8
BEFORE_BUTTONS: Final = 14
BEFORE_RIGHT: Final = 12
BETWEEN_LINES: Final = 6
"""Where no bar stands between them."""
EASY_TO_HIT: Final = 4
"""A button answers this far around itself."""
CHEVRON: Final = 9
BADGE: Final = 14
BADGE_ICON: Final = 10

ELIDE_END: Final = Qt.TextElideMode.ElideRight


class Hit(Enum):
    """What of a row answers the mouse."""

    ACT = "act"
    MENU = "menu"
    TOGGLE = "toggle"


@dataclass(slots=True)
class Placed:
    """A row, ready to be painted. `look` is kept so that nothing else takes its identity."""

    look: RowLook
    width: float
    texts: list[tuple[QFont, QPen, QPointF, str]] = field(default_factory=list)
    pictures: list[tuple[QPointF, QPixmap]] = field(default_factory=list)
    fills: list[tuple[QBrush, QRectF, float]] = field(default_factory=list)
    """Areas with round corners: badge, pill, bar."""
    tile: QRectF = field(default_factory=QRectF)
    act: QRectF | None = None
    act_face: Face | None = None
    menu: QRectF = field(default_factory=QRectF)
    toggle: QRectF | None = None
    tips: list[tuple[QRectF, str]] = field(default_factory=list)
    """What a tooltip says, and where: of text only where it is cut."""

    def hit(self, where: QPointF) -> Hit | None:
        for part, area in ((Hit.ACT, self.act), (Hit.MENU, self.menu), (Hit.TOGGLE, self.toggle)):
            if area is not None and _around(area).contains(where):
                return part
        return None

    def area(self, part: Hit) -> QRectF:
        areas = {Hit.ACT: self.act, Hit.MENU: self.menu, Hit.TOGGLE: self.toggle}
        return areas[part] or QRectF()

    def tip(self, where: QPointF) -> tuple[QRectF, str]:
        """Empty words: nothing is to be said there."""
        return next((tip for tip in self.tips if tip[0].contains(where)), (QRectF(), ""))


def place(look: RowLook, width: float, brushes: Brushes) -> Placed:
    placed = Placed(look, width)
    middle = brushes.row_height / 2
    left = PADDING + (INDENT if look.child else 0)
    side = CHILD_TILE if look.child else TILE
    _place_tile(placed, brushes, left, side, middle)
    right = _place_buttons(placed, brushes, middle) - BEFORE_BUTTONS
    _place_lines(placed, brushes, left + side + BESIDE_TILE, right, middle)
    return placed


# -- the tile


def _place_tile(placed: Placed, brushes: Brushes, left: float, side: int, middle: float) -> None:
    look = placed.look
    box = _box(brushes, left, middle - side / 2, side, side)
    placed.tile = box
    kind = one_line(look.tile)
    chevron = CHEVRON + 1 if look.expandable else 0
    lettering = brushes.tile_lettering(brushes.tile_text.width(kind), side - 3 - chevron)
    start = box.center().x() - (lettering.width(kind) + chevron) / 2
    if look.expandable:
        icon = "chevron-down" if look.expanded else "chevron-right"
        picture = brushes.picture(icon, "muted", CHEVRON)
        placed.pictures.append((_corner(brushes, start - 1, middle - CHEVRON / 2), picture))
        placed.toggle = box
        placed.tips.append((_around(box), CLOSE_WORDS if look.expanded else OPEN_WORDS))
    _add_centred(placed, brushes, lettering, brushes.muted, start + chevron, middle, kind)
    if look.download:
        _place_badge(placed, brushes, box)


def _place_badge(placed: Placed, brushes: Brushes, tile: QRectF) -> None:
    """An arrow at the tile's corner: it comes here."""
    box = _box(brushes, tile.right() + 4 - BADGE, tile.bottom() + 4 - BADGE, BADGE, BADGE)
    placed.fills.append((brushes.badge, box, BADGE / 2))
    inset = (BADGE - BADGE_ICON) / 2
    where = _corner(brushes, box.left() + inset, box.top() + inset)
    placed.pictures.append((where, brushes.picture("arrow-down", "accent", BADGE_ICON)))


# -- the buttons


def _place_buttons(placed: Placed, brushes: Brushes, middle: float) -> float:
    """Returns where they begin. A row without its button keeps the room: bars end alike."""
    look = placed.look
    left = placed.width - PADDING - BUTTON
    placed.menu = _box(brushes, left, middle - BUTTON / 2, BUTTON, BUTTON)
    _add_icon(placed, brushes, placed.menu, "ellipsis", "muted")
    placed.tips.append((_around(placed.menu), MENU_WORDS))
    left -= BETWEEN_BUTTONS
    found = face(look)
    if found is None:
        return left - BUTTON
    words = one_line(look.act_words)
    room = brushes.words.width(words) if words else 0.0
    width, height = (room + BESIDE_WORDS, WORDS_HEIGHT) if words else (BUTTON, BUTTON)
    box = _box(brushes, left - width, middle - height / 2, width, height)
    placed.act, placed.act_face = box, found
    placed.tips.append((_around(box), spoken_act(look)))
    if words:
        start = box.center().x() - room / 2
        _add_centred(placed, brushes, brushes.words, brushes.text, start, middle, words)
    else:
        _add_icon(placed, brushes, box, found.icon, found.role)
    return box.left()


# -- the lines


def _place_lines(
    placed: Placed, brushes: Brushes, left: float, right: float, middle: float
) -> None:
    look = placed.look
    name, small = brushes.name, brushes.small
    between = BETWEEN_LINES if look.bar is None else ABOVE_BAR + BAR_HEIGHT + BELOW_BAR
    top = middle - (name.height + between + small.height) / 2
    baseline = brushes.snap(top + name.ascent)
    room = max(right - left, 0.0)
    _add_line_one(placed, brushes, line_one(look, room, brushes), left, baseline)
    below = top + name.height
    if look.bar is not None and room >= 1:
        bar = _box(brushes, left, below + ABOVE_BAR, room, BAR_HEIGHT)
        texture = _bar_texture(placed.look, brushes, bar)
        placed.fills.append((texture, bar, bar.height() / 2))
    _place_status(placed, brushes, left, right, brushes.snap(below + between + small.ascent))


def _add_line_one(
    placed: Placed, brushes: Brushes, line: LineOne, left: float, baseline: float
) -> None:
    middle = baseline - brushes.name.cap_height / 2
    for piece in line.pieces:
        where = QPointF(left + piece.start, baseline)
        placed.texts.append((piece.lettering.font, piece.pen, where, piece.text))
        if piece.tip:
            area = QRectF(where.x(), baseline - brushes.name.ascent, piece.width, 0.0)
            area.setHeight(brushes.name.height)
            placed.tips.append((area, piece.tip))
    if line.tag:
        pen, fill = brushes.pills[placed.look.tag_tone]
        height = round(brushes.tag.height) + 5
        pill = _box(brushes, left + line.tag_start, middle - height / 2, line.tag_width, height)
        placed.fills.append((fill, pill, 5.0))
        if line.tag_tip:
            placed.tips.append((pill, line.tag_tip))
        start = pill.left() + line.tag_padding
        _add_centred(placed, brushes, brushes.tag, pen, start, pill.center().y(), line.tag)


def _place_status(
    placed: Placed, brushes: Brushes, left: float, right: float, baseline: float
) -> None:
    look, small = placed.look, brushes.small
    after = one_line(look.right)
    end = right
    if after:
        end = right - small.width(after)
        where = QPointF(end, baseline)
        placed.texts.append((small.font, brushes.muted, where, after))
        end -= BEFORE_RIGHT
    status = one_line(look.status)
    shown = small.elided(status, end - left, ELIDE_END)
    pen = brushes.inks[look.status_tone]
    placed.texts.append((small.font, pen, QPointF(left, baseline), shown))
    if shown != status:
        area = QRectF(left, baseline - small.ascent, end - left, small.height)
        placed.tips.append((area, status))


def _bar_texture(look: RowLook, brushes: Brushes, bar: QRectF) -> QBrush:
    """One row of dots, as wide as the bar: many pieces cost no more than one, and its ends are round."""
    dots = round(bar.width() * brushes.ratio)
    parts = list(brushes.bars[look.bar_tone])
    round_ends = max(1, round(brushes.ratio * 2))
    runs = pixel_runs(look.bar or (), dots, round_ends)
    row = b"".join(bytes((parts.index(run.part),)) * (run.last - run.first) for run in runs)
    image = QImage(row, dots, 1, dots, QImage.Format.Format_Indexed8)
    image.setColorTable(list(brushes.bars[look.bar_tone].values()))
    # A copy: the image only borrows `row`.
    brush = QBrush(image.convertToFormat(QImage.Format.Format_RGB32))
    to_dots = QTransform.fromTranslate(bar.left(), bar.top())
    brush.setTransform(to_dots.scale(1 / brushes.ratio, 1 / brushes.ratio))
    return brush


# -- small things


def _add_centred(
    placed: Placed,
    brushes: Brushes,
    lettering: Lettering,
    pen: QPen,
    left: float,
    middle: float,
    text: str,
) -> None:
    """Capitals stand in the middle; what hangs below the line does not count."""
    baseline = brushes.snap(middle + lettering.cap_height / 2)
    placed.texts.append((lettering.font, pen, QPointF(left, baseline), text))


def _add_icon(placed: Placed, brushes: Brushes, box: QRectF, icon: str, role: str) -> None:
    picture = brushes.picture(icon, role, 16)
    place = _corner(brushes, box.center().x() - 8, box.center().y() - 8)
    placed.pictures.append((place, picture))


def _box(brushes: Brushes, left: float, top: float, width: float, height: float) -> QRectF:
    """With its edges between dots, and never of another size for standing elsewhere."""
    snap = brushes.snap
    return QRectF(snap(left), snap(top), snap(width), snap(height))


def _corner(brushes: Brushes, left: float, top: float) -> QPointF:
    return QPointF(brushes.snap(left), brushes.snap(top))


def _around(area: QRectF) -> QRectF:
    return area.adjusted(-EASY_TO_HIT, -EASY_TO_HIT, EASY_TO_HIT, EASY_TO_HIT)
