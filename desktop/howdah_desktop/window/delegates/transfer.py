"""A row of the list for Qt: paints it, and turns presses on its buttons into signals.

`acts` says what the one button is, `line_one` and `placement` where everything stands, `painting` paints it;
`brushes` is what all rows share.
"""

from __future__ import annotations

from collections import OrderedDict
from math import floor
from typing import Final, NamedTuple

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from howdah_desktop.window.delegates.brushes import Brushes, Lettering, row_height
from howdah_desktop.window.delegates.painting import Circumstances, paint_row
from howdah_desktop.window.delegates.placement import Hit, Placed, place
from howdah_desktop.window.delegates.text import tooltip
from howdah_desktop.window.look import Act, RowLook
from howdah_desktop.window.models.roles import KeyRole, LookRole
from howdah_desktop.window.theme import Theme

Index = QModelIndex | QPersistentModelIndex

MOST_PLACED: Final = 256
"""Rows kept as placed: some screens full."""
MOST_SCREENS: Final = 3

_PRESSES: Final = {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick}


class Spot(NamedTuple):
    """A row, and what of it; no part: the row itself."""

    key: int
    part: Hit | None = None
    act: Act | None = None
    """What its button did when it was pressed."""


class TransferDelegate(QStyledItemDelegate):
    acted = Signal(int, object)
    """A row's key, and the `Act` of its button."""
    menu_wanted = Signal(int, QPoint)
    """A row's key, and where on the screen its menu opens."""
    toggled = Signal(int)
    """Of a folder: show its files, or hide them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._screens: dict[float, Brushes] = {}
        self._placed: OrderedDict[tuple[int, float, float], Placed] = OrderedDict()
        self._under_mouse: Spot | None = None
        self._pressed: Spot | None = None
        self._fired: tuple[int, Hit | None] | None = None
        self.shows_focus = True
        """Off while the mouse is what is used."""
        self.row_height = 0
        self._forget()
        theme.changed.connect(self._forget)

    # -- for Qt

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802  # Qt's
        return QSize(0, self.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = index.data(LookRole)
        if look is None:
            return
        # PySide's stubs do not know the option's fields.
        area: QRect = option.rect
        to_device = painter.deviceTransform()
        ratio, down = to_device.m11() or 1.0, to_device.dy()
        left = _on_edge(area.x(), ratio, to_device.dx())
        # Rows share their edges: each ends on the dot where the next one begins.
        top = _on_edge(area.y(), ratio, down)
        height = _on_edge(area.y() + area.height(), ratio, down) - top
        placed = self._place(look, area.width(), ratio)
        painter.save()
        painter.translate(left, top)
        # Letters can be much higher than their font says.
        painter.setClipRect(QRectF(0.0, 0.0, area.width(), height), Qt.ClipOperation.IntersectClip)
        paint_row(painter, placed, self.brushes(ratio), height, self._how(option, index))
        painter.restore()

    def editorEvent(  # noqa: N802  # Qt's
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        """Presses on buttons end here: they do not change what is selected."""
        if not isinstance(event, QMouseEvent) or event.button() != Qt.MouseButton.LeftButton:
            return False
        spot = self._spot(event.position(), option, index)
        if event.type() in _PRESSES:
            return self._press(spot, event.type() == QEvent.Type.MouseButtonDblClick)
        if event.type() == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            pressed, self._pressed = self._pressed, None
            # A row may have changed its button or its place while the mouse was down.
            if spot == pressed:
                self._fire(spot, option, index)
            return True
        return False

    def helpEvent(  # noqa: N802  # Qt's
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        look = index.data(LookRole)
        if look is None:
            return False
        area: QRect = option.rect
        where = QPointF(event.pos() - area.topLeft())
        placed = self._place(look, area.width(), view.devicePixelRatioF())
        spot, words = placed.tip(where)
        # Over the same spot the tooltip stays where it is.
        around = spot.toAlignedRect().translated(area.topLeft())
        QToolTip.showText(event.globalPos(), tooltip(words), view.viewport(), around)
        return True

    # -- for the list

    @property
    def holds(self) -> bool:
        """A button is held down."""
        return self._pressed is not None

    def let_go(self) -> None:
        """The mouse was released elsewhere."""
        self._pressed = None

    def point_at(self, option: QStyleOptionViewItem, index: Index, where: QPointF) -> Spot | None:
        """What is under the mouse is lit from now on; None: nothing of any row."""
        self._under_mouse = self._spot(where, option, index) if index.isValid() else None
        return self._under_mouse

    def spot_under_mouse(self) -> Spot | None:
        return self._under_mouse

    def menu_corner(self, option: QStyleOptionViewItem, index: Index) -> QPoint:
        """Where a row's menu opens, in the viewport."""
        area: QRect = option.rect
        placed = self._place(index.data(LookRole), area.width(), self._ratio(option))
        return area.topLeft() + placed.menu.bottomLeft().toPoint() + QPoint(0, 2)

    # -- inside

    def _forget(self) -> None:
        """The theme is another."""
        self._screens.clear()
        self._placed.clear()
        font = self.theme.font
        self.row_height = row_height(Lettering(font("name")), Lettering(font("small")))

    def brushes(self, ratio: float) -> Brushes:
        found = self._screens.get(ratio)
        if found is None:
            if len(self._screens) >= MOST_SCREENS:
                self._screens.clear()
            found = self._screens[ratio] = Brushes(self.theme, ratio)
        return found

    def _place(self, look: RowLook, width: float, ratio: float) -> Placed:
        # By identity: to compare looks costs more than to paint them.
        key = (id(look), width, ratio)
        found = self._placed.get(key)
        if found is not None:
            self._placed.move_to_end(key)
            return found
        found = self._placed[key] = place(look, width, self.brushes(ratio))
        if len(self._placed) > MOST_PLACED:
            self._placed.popitem(last=False)
        return found

    def _how(self, option: QStyleOptionViewItem, index: Index) -> Circumstances:
        state: QStyle.StateFlag = option.state
        spot, pressed = self._under_mouse, self._pressed
        here = spot is not None and spot.key == index.data(KeyRole)
        part = spot.part if spot is not None and here else None
        if pressed is not None and pressed[:2] != (spot and spot[:2]):
            part = None  # while one button is held, no other one is lit
        return Circumstances(
            selected=bool(state & QStyle.StateFlag.State_Selected),
            under_mouse=here,
            part=part,
            pressed=part is not None and pressed is not None,
            focus=self.shows_focus and bool(state & QStyle.StateFlag.State_HasFocus),
            last=index.row() == index.model().rowCount() - 1,
        )

    def _spot(self, where: QPointF, option: QStyleOptionViewItem, index: Index) -> Spot:
        look = index.data(LookRole)
        key = index.data(KeyRole)
        if look is None:
            return Spot(key)
        area: QRect = option.rect
        placed = self._place(look, area.width(), self._ratio(option))
        part = placed.hit(where - QPointF(area.topLeft()))
        return Spot(key, part, look.act if part is Hit.ACT else None)

    def _press(self, spot: Spot, again: bool) -> bool:
        self._pressed = None
        if spot.part is None:
            return False
        # The second half of a double click must not undo what the first half did.
        if not (again and spot[:2] == self._fired):
            self._pressed = spot
        return True

    def _fire(self, spot: Spot, option: QStyleOptionViewItem, index: Index) -> None:
        self._fired = spot[:2]
        if spot.part is Hit.ACT and spot.act is not None:
            self.acted.emit(spot.key, spot.act)
        elif spot.part is Hit.TOGGLE:
            self.toggled.emit(spot.key)
        elif spot.part is Hit.MENU:
            view, corner = option.widget, self.menu_corner(option, index)
            if isinstance(view, QAbstractItemView):
                self.menu_wanted.emit(spot.key, view.viewport().mapToGlobal(corner))

    def _ratio(self, option: QStyleOptionViewItem) -> float:
        widget: QWidget | None = option.widget
        return 1.0 if widget is None else widget.devicePixelRatioF()


def _on_edge(place: int, ratio: float, offset: float) -> float:
    """The nearest edge between two dots of the screen, which begins `offset` dots away."""
    return (floor(place * ratio + offset + 0.5) - offset) / ratio
