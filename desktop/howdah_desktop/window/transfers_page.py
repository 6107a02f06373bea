"""The page of transfers: what is on its way, and what can be done about it."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from howdah_desktop.engine.views import Overview, RootView
from howdah_desktop.window import overall
from howdah_desktop.window.acts import ENDED, possible
from howdah_desktop.window.arrangement import Chip, Loaded, Order
from howdah_desktop.window.delegates.transfer import TransferDelegate
from howdah_desktop.window.look import Act, Column
from howdah_desktop.window.models.transfers import TransferModel
from howdah_desktop.window.orders import Orders
from howdah_desktop.window.row_menu import RowMenu
from howdah_desktop.window.theme import Theme
from howdah_desktop.window.widgets.all_button import AllButton
from howdah_desktop.window.widgets.chips import Chips
from howdah_desktop.window.widgets.drop_strip import DropStrip
from howdah_desktop.window.widgets.empty_panel import EmptyPanel
from howdah_desktop.window.widgets.header import Header
from howdah_desktop.window.widgets.nothing_found import NothingFound
from howdah_desktop.window.widgets.summary_card import Summary, SummaryCard
from howdah_desktop.window.widgets.transfer_list import TransferList

MARGIN = 22
SECOND = 1_000
STRIP_FROM_HEIGHT = 480
SEARCH_MILLISECONDS = 150
"""Looking into folders asks the ledger: not at every letter."""


class TransfersPage(QWidget):
    add_files = Signal()
    add_folder = Signal()
    cancel_all = Signal()
    told = Signal(str)
    """Something worth a toast."""

    def __init__(self, theme: Theme, orders: Orders, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._orders = orders
        self._curve: deque[float] = deque([0.0] * overall.CURVE_SECONDS, overall.CURVE_SECONDS)
        self._speed = 0.0
        self._summary: tuple[Column, ...] = ()
        self.model = TransferModel(self)
        self.header = Header(theme)
        self.summary = SummaryCard(theme)
        self.chips = Chips(theme)
        self.all = AllButton(theme)
        self.list = TransferList(theme)
        self.delegate = TransferDelegate(theme, self.list)
        self.strip = DropStrip(theme)
        self.empty = EmptyPanel(theme)
        self.nothing = NothingFound(theme)
        self._menu = RowMenu(theme, self)
        self._search = QTimer(self, interval=SEARCH_MILLISECONDS, singleShot=True)
        self._clock = QTimer(self, interval=SECOND)
        self._assemble()
        self._connect()

    # -- what is told

    def load(self, loaded: Loaded) -> None:
        self.model.load(loaded)

    def apply(self, overview: Overview) -> None:
        self.model.apply(overview)
        self._speed = (overview.up_bytes_per_second or 0.0) + (
            overview.down_bytes_per_second or 0.0
        )
        self._summary = overall.summary(overview)
        self._show_summary()
        counts = overview.counts
        paused = counts.get("paused", 0)
        movable = overall.on_its_way(counts)
        self.header.set_all(paused=bool(paused and not movable), enabled=bool(paused or movable))
        failed = counts.get("failed", 0)
        self.all.set_possible(
            resume=bool(paused or failed or counts.get("waiting")),
            remove=any(counts.get(state) for state in ENDED),
            cancel=bool(movable or paused or failed),
        )
        # The curve goes on as long as there is something to be seen in it.
        if (movable or any(self._curve)) and not self._clock.isActive():
            self._clock.start()

    def name_receiver(self, name: str) -> None:
        self.model.name_receiver(name)
        self.empty.show_receiver(name, "Home")

    # -- keys of the window

    def pause_selected(self) -> None:
        self._order_selected(self._orders.pause)

    def resume_selected(self) -> None:
        self._order_selected(self._orders.resume)

    def cancel_selected(self) -> None:
        self._order_selected(self._orders.cancel)

    def remove_selected(self) -> None:
        """What is at an end goes out of the list; the rest has to be cancelled first."""
        keys = self.list.selected_keys()
        rows = [row for key in keys if (row := self.model.view(key)) is not None]
        if rows and not possible(rows).remove:
            self.told.emit("It is still on its way. Cancel it first, then remove it.")
            return
        self._order_selected(self._orders.remove)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt's
        super().resizeEvent(event)
        # Files can be dropped anywhere: in a low window the list needs the room more.
        self.strip.setVisible(self.height() >= STRIP_FROM_HEIGHT)

    # -- inside

    def _assemble(self) -> None:
        self.list.setModel(self.model)
        self.list.setItemDelegate(self.delegate)
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(MARGIN, 0, MARGIN, 12)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addSpacing(9)
        row = QHBoxLayout()
        row.addWidget(self.chips, 1)
        row.addWidget(self.all)
        column.addLayout(row)
        column.addSpacing(6)
        column.addWidget(self.list, 100)
        column.addWidget(self.nothing, 100)
        column.addSpacing(13)
        column.addWidget(self.strip)
        column.addStretch(1)
        welcome = QWidget(self)
        inset = QVBoxLayout(welcome)
        inset.setContentsMargins(MARGIN, 4, MARGIN, 18)
        inset.addWidget(self.empty)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(welcome)
        self._stack.addWidget(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.header)
        whole.addWidget(self._stack, 1)
        # Neither until it is known which: a page of welcome before 100,000 rows would be a lie.
        self._stack.addWidget(QWidget(self))
        self._stack.setCurrentIndex(2)
        self.header.set_busy_controls(False)
        self.nothing.hide()

    def _connect(self) -> None:
        orders, header = self._orders, self.header
        header.filtered.connect(self._filter)
        header.sorted.connect(lambda key: self.model.choose_order(Order(key)))
        self.all.resume_all.connect(lambda: orders.resume(None))
        self.all.remove_done.connect(lambda: orders.remove(None))
        self.all.cancel_all.connect(self.cancel_all)
        header.pause_all.connect(lambda: orders.pause(None))
        header.resume_all.connect(lambda: orders.resume(None))
        for source in (header, self.empty):
            source.add_files.connect(self.add_files)
            source.add_folder.connect(self.add_folder)
        self.strip.browse.connect(self.add_files)
        self.chips.chosen.connect(lambda key: self.model.choose_chip(Chip(key)))
        self.nothing.all_wanted.connect(self._show_all)
        self.delegate.acted.connect(self._act)
        self.delegate.menu_wanted.connect(self._open_menu)
        self.delegate.toggled.connect(self._toggle)
        self.list.menu_wanted.connect(self._open_menu)
        self.list.expand.connect(lambda key: self._toggle(key, True))
        self.list.collapse.connect(lambda key: self._toggle(key, False))
        self.list.remove_wanted.connect(self.remove_selected)
        self.list.typed.connect(self._typed)
        self.model.arranged.connect(self._fit)
        self.model.counted.connect(self._show_counts)
        # Later: what was clicked in the menu comes after it is hidden.
        self._menu.aboutToHide.connect(lambda: QTimer.singleShot(0, self.model.release))
        self._search.timeout.connect(self._look_into_folders)
        self._clock.timeout.connect(self._second)

    def _act(self, key: int, act: Act) -> None:
        if act is Act.SEND_ALL:
            row = self.model.view(key)
            if row is not None:
                self._orders.release(row.group)
            return
        self._orders.act(act, [key])

    def _toggle(self, key: int, wanted: bool | None = None) -> None:
        if not isinstance(self.model.view(key), RootView):
            return
        expanded = self.model.arrangement.expanded(key)
        if wanted is None:
            wanted = not expanded
        if wanted and not expanded:
            self.model.expand(key)
            self._orders.expand(-key)
        elif expanded and not wanted:
            self._orders.collapse(-key)
            self.model.collapse(key)

    def _open_menu(self, key: int, where: QPoint) -> None:
        """For the row, or for all that are selected with it."""
        selected = self.list.selected_keys()
        keys = selected if key in selected else [key]
        rows = [row for one in keys if (row := self.model.view(one)) is not None]
        if not rows:
            return
        self.model.hold()
        self._menu.open_for(keys, rows, self._orders, where)

    def _order_selected(self, order: object) -> None:
        keys = self.list.selected_keys()
        if keys:
            order(keys)  # type: ignore[operator]

    # -- filter and search

    def _filter(self, text: str) -> None:
        self.model.search(text.strip())
        self._search.start()

    def _look_into_folders(self) -> None:
        text = self.model.arrangement.text
        if not text:
            return

        def found(folders: object) -> None:
            if self.model.arrangement.text == text:
                self.model.search(text, folders)  # type: ignore[arg-type]

        self._orders.find(text, found)

    def _typed(self, text: str) -> None:
        self.header.focus_filter()
        self.header.set_filter(text)

    def _show_all(self) -> None:
        self.header.set_filter("")
        self.chips.choose(Chip.ALL.value)

    # -- looks

    def _show_counts(self) -> None:
        counts = self.model.arrangement.counts
        self.chips.set_counts({chip.value: count for chip, count in counts.items()})
        some = counts[Chip.ALL] > 0
        self._stack.setCurrentIndex(int(some))
        self.header.set_busy_controls(some)

    def _fit(self) -> None:
        """The list is as high as its rows, as long as there is room."""
        rows = self.model.rowCount()
        self.list.setVisible(rows > 0)
        self.nothing.setVisible(rows == 0)
        self.list.setMaximumHeight(rows * self.delegate.row_height + 2 * self.list.frameWidth())

    def _show_summary(self) -> None:
        self.summary.show_summary(Summary(self._summary, tuple(self._curve)))

    def _second(self) -> None:
        self._curve.append(self._speed)
        self._show_summary()
        first, last = self.list.visible_rows()
        self.model.tick(first, last)
        if not any(self._curve) and not self.model.arrangement.unfinished:
            self._clock.stop()
