"""A list whose rows are all of one height, so that their places are arithmetic.

QListView keeps the place of each row and makes all of them anew whenever a row changes, comes or goes:
0.15 s for 100,000 rows of a Python model, ten times a second. Here none of that depends on how many rows
there are. What is left of QListView: selection, keyboard, dragging, what screen readers are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyleOptionViewItem, QWidget

Index = QModelIndex | QPersistentModelIndex
Move = QAbstractItemView.CursorAction


class UniformRows(QListView):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row_height = 1
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def visible_rows(self) -> tuple[int, int]:
        """First and last row that is seen, even in part; (0, -1) if none is."""
        return self._rows_between(0, self.viewport().height() - 1)

    def option_for(self, index: Index) -> QStyleOptionViewItem:
        """What a delegate is told of a row."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.rect = self.visualRect(index)
        return option

    # -- places

    def _rows_between(self, top: int, bottom: int) -> tuple[int, int]:
        """Rows that have something between two heights of the viewport, both included."""
        offset, height = self.verticalOffset(), self._row_height
        first = max((top + offset) // height, 0)
        return first, min((bottom + offset) // height, self._count() - 1)

    def _count(self) -> int:
        # Qt calls before there is a model, which the stubs deny.
        model: QAbstractItemModel | None = self.model()
        return 0 if model is None else model.rowCount()

    def _area_of(self, first: int, last: int) -> QRect:
        top = first * self._row_height - self.verticalOffset()
        return QRect(0, top, self.viewport().width(), (last - first + 1) * self._row_height)

    def visualRect(self, index: Index) -> QRect:  # noqa: N802  # Qt's
        return self._area_of(index.row(), index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: N802  # Qt's
        first, last = self._rows_between(point.y(), point.y())
        inside = first == last and 0 <= point.x() < self.viewport().width()
        return self.model().index(first, 0) if inside else QModelIndex()

    def verticalOffset(self) -> int:  # noqa: N802  # Qt's
        return self.verticalScrollBar().value()

    def horizontalOffset(self) -> int:  # noqa: N802  # Qt's
        return 0

    def isIndexHidden(self, index: Index) -> bool:  # noqa: N802  # Qt's
        return False

    def doItemsLayout(self) -> None:  # noqa: N802  # Qt's
        hint = self.itemDelegate().sizeHint(QStyleOptionViewItem(), QModelIndex())
        self._row_height = max(hint.height(), 1)
        # Past QListView, which would ask for every row.
        QAbstractItemView.doItemsLayout(self)

    def updateGeometries(self) -> None:  # noqa: N802  # Qt's
        self.horizontalScrollBar().setRange(0, 0)
        seen = self.viewport().height()
        whole = self._count() * self._row_height
        self.verticalScrollBar().setPageStep(seen)
        self.verticalScrollBar().setRange(0, max(whole - seen, 0))

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802  # Qt's
        self.viewport().scroll(0, dy)

    def scrollTo(  # noqa: N802  # Qt's
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()
        area, seen, bar = self.visualRect(index), self.viewport().height(), self.verticalScrollBar()
        at_top, at_bottom = area.top(), area.bottom() + 1 - seen
        wanted = {
            QAbstractItemView.ScrollHint.PositionAtTop: at_top,
            QAbstractItemView.ScrollHint.PositionAtBottom: at_bottom,
            QAbstractItemView.ScrollHint.PositionAtCenter: (at_top + at_bottom) // 2,
        }
        nearest = min(at_top, 0) or max(at_bottom, 0)
        bar.setValue(bar.value() + wanted.get(hint, nearest))

    def moveCursor(  # noqa: N802  # Qt's
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        last, current = self._count() - 1, self.currentIndex().row()
        page = max(self.viewport().height() // self._row_height - 1, 1)
        steps = {Move.MoveUp: -1, Move.MovePrevious: -1, Move.MoveDown: 1, Move.MoveNext: 1}
        steps |= {Move.MovePageUp: -page, Move.MovePageDown: page}
        if action == Move.MoveHome or current < 0:
            current = 0
        elif action == Move.MoveEnd:
            current = last
        return self.model().index(max(0, min(current + steps.get(action, 0), last)), 0)

    # -- what is selected

    def setSelection(  # noqa: N802  # Qt's
        self, rect: QRect, command: QItemSelectionModel.SelectionFlag
    ) -> None:
        area = rect.normalized()
        first, last = self._rows_between(area.top(), area.bottom())
        selection = QItemSelection()
        if first <= last:
            selection.select(self.model().index(first, 0), self.model().index(last, 0))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: N802  # Qt's
        first, last = self.visible_rows()
        region = QRegion()
        for some in selection.toList():
            top, bottom = max(some.top(), first), min(some.bottom(), last)
            if top <= bottom:
                region += self._area_of(top, bottom)
        return region

    # -- painting

    def dataChanged(  # noqa: N802  # Qt's
        self, top_left: Index, bottom_right: Index, roles: Sequence[int] = ()
    ) -> None:
        """The rows that changed, and no others."""
        first, last = self.visible_rows()
        top, bottom = max(top_left.row(), first), min(bottom_right.row(), last)
        if top <= bottom:
            self.viewport().update(self._area_of(top, bottom))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt's
        self.executeDelayedItemsLayout()
        painter = QPainter(self.viewport())
        option, delegate, model = QStyleOptionViewItem(), self.itemDelegate(), self.model()
        self.initViewItemOption(option)
        plain, chosen = option.state, self.selectionModel()
        focused = self.currentIndex() if self.hasFocus() else QModelIndex()
        first, last = self._rows_between(event.rect().top(), event.rect().bottom())
        for row in range(first, last + 1):
            area = self._area_of(row, row)
            # What lies between two rows that changed has not changed.
            if not event.region().intersects(area):
                continue
            index = model.index(row, 0)
            state = plain
            if chosen.isSelected(index):
                state |= QStyle.StateFlag.State_Selected
            if index == focused:
                state |= QStyle.StateFlag.State_HasFocus
            option.rect, option.state = area, state
            delegate.paint(painter, option, index)
        painter.end()
