"""The list of transfers: what mouse and keyboard mean there. `TransferDelegate` paints its rows."""

from __future__ import annotations

import sys
from typing import Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QPointF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QWidget,
)

from howdah_desktop.window.delegates.transfer import Spot, TransferDelegate
from howdah_desktop.window.look import RowLook
from howdah_desktop.window.models.roles import KeyRole, LookRole
from howdah_desktop.window.theme import Theme
from howdah_desktop.window.widgets.round_corners import RoundCorners, paint_edge
from howdah_desktop.window.widgets.smooth_wheel import SmoothWheel
from howdah_desktop.window.widgets.uniform_rows import UniformRows

WHEEL_LINE: Final = 32
"""A notch is three of them: a row and a half."""

Key: Final = Qt.Key
_COMMANDS: Final = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)
_BY_KEYBOARD: Final = {
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
}


class TransferList(UniformRows):
    menu_wanted = Signal(int, QPoint)
    """A row's key, and where on the screen. Its buttons' own signals are the delegate's."""
    expand = Signal(int)
    collapse = Signal(int)
    remove_wanted = Signal()
    """Of the selected rows."""
    typed = Signal(str)
    """Somebody begins to write a name."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._mouse: QPointF | None = None
        self.setProperty("look", "list")
        self.setAccessibleName("Transfers")
        self._set_up_list()
        self._wheel = SmoothWheel(self.verticalScrollBar())
        self._corners = RoundCorners(theme, self)
        # Models tell many changes in one go; the rows under the mouse are looked up once.
        self._settling = QTimer(self, interval=0, singleShot=True)
        self._settling.timeout.connect(self._look_under_mouse)
        self.verticalScrollBar().valueChanged.connect(self._look_under_mouse)
        theme.changed.connect(self._dress_anew)

    def _set_up_list(self) -> None:
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalScrollBar().setSingleStep(WHEEL_LINE)
        self.setMouseTracking(True)
        # Room for the edge. Rows reach it, and show themselves which has the focus;
        # the application's sheet must not know better.
        self.setFrameShape(QFrame.Shape.Box)
        self.setStyleSheet("QListView { padding: 0; border: 1px solid transparent; }")

    # -- what is asked

    def selected_keys(self) -> list[int]:
        """In the order of the list."""
        model, rows = self.model(), list[int]()
        # Not by `selectedIndexes`: all of a long list are one range.
        for some in self.selectionModel().selection().toList():
            rows.extend(range(some.top(), some.bottom() + 1))
        rows.sort()
        return [model.data(model.index(row, 0), KeyRole) for row in rows]

    def setModel(self, model: QAbstractItemModel | None) -> None:  # noqa: N802  # Qt's
        super().setModel(model)
        if model is not None:
            for signal in (
                model.rowsInserted,
                model.rowsRemoved,
                model.layoutChanged,
                model.modelReset,
            ):
                signal.connect(lambda *_: self._settling.start())

    # -- keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt's
        self._wheel.stop()
        self._show_focus(True)
        if self._own_key(event):
            event.accept()
            return
        text = event.text()
        if text.isprintable() and text.strip() and not event.modifiers() & _COMMANDS:
            self.typed.emit(text)
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:  # noqa: N802  # Qt's
        """Letters start the filter."""

    def _own_key(self, event: QKeyEvent) -> bool:
        """Whether the key means something here that it does not mean in other lists."""
        if event.modifiers() & _COMMANDS:
            return False
        key, index = Qt.Key(event.key()), self.currentIndex()
        if key == Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
            return True
        if key == Key.Key_Delete and self.selectionModel().hasSelection():
            self.remove_wanted.emit()
            return True
        if not index.isValid():
            return False
        if key in {Key.Key_Space, Key.Key_Return, Key.Key_Enter}:
            self._act(index)
            return True
        if key in {Key.Key_Left, Key.Key_Right}:
            self._fold(index, key == Key.Key_Right)
            return True
        return self._open_menu(event)

    def _open_menu(self, event: QKeyEvent) -> bool:
        """The menu key comes as an event of its own; its stand-in only on Windows does."""
        shift = Qt.KeyboardModifier.ShiftModifier
        if event.key() != Key.Key_F10 or event.modifiers() != shift or sys.platform == "win32":
            return False
        index, where = self._current_corner()
        self.menu_wanted.emit(index.data(KeyRole), where)
        return True

    def _act(self, index: QModelIndex) -> None:
        look: RowLook = index.data(LookRole)
        delegate = self._delegate()
        if look.act is not None and delegate is not None:
            delegate.acted.emit(index.data(KeyRole), look.act)

    def _fold(self, index: QModelIndex, open_it: bool) -> None:
        look: RowLook = index.data(LookRole)
        if look.expandable and look.expanded != open_it:
            (self.expand if open_it else self.collapse).emit(index.data(KeyRole))
        elif look.child and not open_it:
            self._go_to_folder(index)

    def _go_to_folder(self, index: QModelIndex) -> None:
        above = index
        while above.isValid() and above.data(LookRole).child:
            above = above.siblingAtRow(above.row() - 1)
        if above.isValid():
            self.setCurrentIndex(above)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802  # Qt's
        if event.reason() in _BY_KEYBOARD:
            self._show_focus(True)
        super().focusInEvent(event)

    def _show_focus(self, shown: bool) -> None:
        delegate = self._delegate()
        if delegate is not None and delegate.shows_focus != shown:
            delegate.shows_focus = shown
            self.update(self.currentIndex())

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's
        self._wheel.stop()
        self._show_focus(False)
        self._point_at(event.position())
        super().mousePressEvent(event)
        self._repaint_under_mouse()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's
        super().mouseDoubleClickEvent(event)
        self._repaint_under_mouse()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's
        self._point_at(event.position())
        delegate = self._delegate()
        # From a held button nothing is dragged over rows to select them.
        if delegate is None or not delegate.holds:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's
        delegate = self._delegate()
        if delegate is None or not delegate.holds:
            super().mouseReleaseEvent(event)
            return
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            delegate.editorEvent(event, self.model(), self.option_for(index), index)
        delegate.let_go()
        self._repaint_under_mouse()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  # Qt's
        if self._wheel.turn(event):
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  # Qt's
        if event.type() == QEvent.Type.Leave:
            self._point_at(None)
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt's
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            index, where = self.indexAt(event.pos()), event.globalPos()
        else:
            index, where = self._current_corner()
        if not index.isValid():
            return
        if not self.selectionModel().isSelected(index):
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(index, flag)
        self.menu_wanted.emit(index.data(KeyRole), where)

    def _current_corner(self) -> tuple[QModelIndex, QPoint]:
        """Where the current row's menu opens without a mouse."""
        index, delegate = self.currentIndex(), self._delegate()
        if not index.isValid() or delegate is None:
            return QModelIndex(), QPoint()
        self.scrollTo(index)
        corner = delegate.menu_corner(self.option_for(index), index)
        return index, self.viewport().mapToGlobal(corner)

    def _point_at(self, where: QPointF | None) -> None:
        """Light up what is there, and nothing else; only rows that change are painted."""
        delegate = self._delegate()
        if delegate is None:
            return
        self._mouse = where
        index = QModelIndex() if where is None else self.indexAt(where.toPoint())
        before = delegate.spot_under_mouse()
        after = delegate.point_at(self.option_for(index), index, where or QPointF())
        if before == after:
            return
        over_button = after is not None and after.part is not None
        shape = Qt.CursorShape.PointingHandCursor if over_button else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)
        self._update_spot(before)
        self.update(index)

    def _look_under_mouse(self) -> None:
        """Rows have moved under a mouse that has not."""
        if self._mouse is not None:
            self._point_at(self._mouse)

    def _repaint_under_mouse(self) -> None:
        if self._mouse is not None:
            self.update(self.indexAt(self._mouse.toPoint()))

    def _update_spot(self, spot: Spot | None) -> None:
        """Paint the row that was lit, wherever it is by now, if it is seen."""
        if spot is None:
            return
        first, last = self.visible_rows()
        model = self.model()
        for row in range(first, last + 1):
            index = model.index(row, 0)
            if index.data(KeyRole) == spot.key:
                self.update(index)

    # -- looks

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            paint_edge(self, self._theme)
            return True
        return super().event(event)

    def _dress_anew(self) -> None:
        self.viewport().update()
        self.update()
        self._corners.update()

    def _delegate(self) -> TransferDelegate | None:
        delegate = self.itemDelegate()
        return delegate if isinstance(delegate, TransferDelegate) else None
