"""A list of rows as the window shows it, without an engine: `RowLook`s in a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
)
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from howdah_desktop.window.delegates.placement import Hit, place
from howdah_desktop.window.delegates.transfer import TransferDelegate
from howdah_desktop.window.look import RowLook
from howdah_desktop.window.models.roles import KeyRole, LookRole
from howdah_desktop.window.theme import Theme
from howdah_desktop.window.widgets.transfer_list import TransferList

Index = QModelIndex | QPersistentModelIndex


class Rows(QAbstractListModel):
    """A row's key is ten times its number, counted from one."""

    def __init__(self, looks: Iterable[RowLook]) -> None:
        super().__init__()
        self.looks = list(looks)
        self.asked: set[int] = set()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008  # Qt's
        return 0 if parent.isValid() else len(self.looks)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        self.asked.add(index.row())
        look = self.looks[index.row()]
        if role == LookRole:
            return look
        if role == KeyRole:
            return (index.row() + 1) * 10
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return look.spoken
        return look.title if role == Qt.ItemDataRole.DisplayRole else None

    def change(self, row: int, look: RowLook) -> None:
        self.looks[row] = look
        self.dataChanged.emit(self.index(row), self.index(row), [LookRole])


class Shown:
    """A list on the screen."""

    def __init__(
        self, theme: Theme, looks: Iterable[RowLook], width: int = 880, height: int = 500
    ) -> None:
        self.model = Rows(looks)
        self.list = TransferList(theme)
        self.delegate = TransferDelegate(theme, self.list)
        self.list.setModel(self.model)
        self.list.setItemDelegate(self.delegate)
        self.list.resize(width, height)
        self.list.show()
        self.list.executeDelayedItemsLayout()

    def middle_of(self, row: int, part: Hit) -> QPoint:
        """In the viewport."""
        area = self.list.visualRect(self.model.index(row))
        look, ratio = self.model.looks[row], self.list.devicePixelRatioF()
        placed = place(look, area.width(), self.delegate.brushes(ratio))
        return area.topLeft() + placed.area(part).center().toPoint()

    def name_of(self, row: int) -> QPoint:
        """Where no button is: in the row's name."""
        return self.list.visualRect(self.model.index(row)).topLeft() + QPoint(70, 18)

    def move_mouse(self, where: QPoint) -> None:
        """At once: QTest only moves the cursor, and leaves it to the platform to tell."""
        viewport, none = self.list.viewport(), Qt.MouseButton.NoButton
        everywhere = viewport.mapToGlobal(where).toPointF()
        kind, keys = QEvent.Type.MouseMove, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            viewport, QMouseEvent(kind, where.toPointF(), everywhere, none, none, keys)
        )
