"""The head of the page: its title, the filter, the order, stop and go, Add."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from howdah_desktop.window.theme import Theme

from .button import Button, IconButton
from .elided import Elided
from .filter_field import FilterField
from .menu_button import MenuButton
from .parts import set_look

_NARROW = 700
"""Logical pixels; below, "Pause all" is an icon and the filter gives way."""
SORTS = {
    "activity": "What moves first",
    "newest": "Newest first",
    "name": "Name",
    "size": "Size",
}


class Header(QWidget):
    """Brings its own margins (22 px at the sides); 58 px high with ordinary fonts."""

    filtered = Signal(str)
    sorted = Signal(str)
    pause_all = Signal()
    resume_all = Signal()
    add_files = Signal()
    add_folder = Signal()

    def __init__(
        self, theme: Theme, title: str = "Transfers", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._paused = False
        self._shown = True
        self._title = Elided(theme, title, font="title", scale=17 / 18)
        self.field = self._make_field()
        self.sort_button = self._make_sort_button()
        self._all = Button(theme, "Pause all")
        self._all_icon = IconButton(theme, "pause", "Pause all")
        set_look(self._all_icon, "framed")
        self._all.clicked.connect(self._order_all)
        self._all_icon.clicked.connect(self._order_all)
        self.add_button = self._make_add_button()

        row = QHBoxLayout(self)
        row.setContentsMargins(22, 16, 22, 12)
        row.setSpacing(10)
        row.addWidget(self._title, 1)
        for widget in (self.field, self.sort_button, self._all, self._all_icon, self.add_button):
            row.addWidget(widget)
        theme.changed.connect(self._dress)
        self._dress()
        self._arrange()

    def set_all(self, paused: bool, enabled: bool) -> None:
        """Whether everything is paused (the button then says "Go on"), and whether it can be pressed."""
        words, icon = ("Go on", "play") if paused else ("Pause all", "pause")
        if paused != self._paused:
            self._paused = paused
            # It keeps the width of its longer words, or the filter beside it would jump.
            self._all.setMinimumWidth(max(self._all.minimumWidth(), self._all.sizeHint().width()))
            self._all.setText(words)
            self._all.setAccessibleName(words)
            self._all_icon.show_icon(icon, words)
        self._all.setEnabled(enabled)
        self._all_icon.setEnabled(enabled)

    def set_busy_controls(self, shown: bool) -> None:
        """Hide all but Add where there is nothing to filter, sort or pause."""
        self._shown = shown
        self._arrange()

    def set_sorted(self, key: str) -> None:
        """Check an order in the menu without saying that the user chose it."""
        for action in self._sorts.actions():
            if action.data() == key:
                action.setChecked(True)

    def set_filter(self, words: str) -> None:
        """Put words into the filter."""
        self.field.setText(words)

    def focus_filter(self) -> None:
        """The keyboard goes to the filter, and what stands there is replaced by typing."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        narrow = self.width() < _NARROW
        self.field.setVisible(self._shown)
        self.sort_button.setVisible(self._shown)
        self._all.setVisible(self._shown and not narrow)
        self._all_icon.setVisible(self._shown and narrow)

    def _order_all(self) -> None:
        (self.resume_all if self._paused else self.pause_all).emit()

    def _make_field(self) -> FilterField:
        field = FilterField(self._theme, "Filter by name")
        field.textChanged.connect(self.filtered)
        return field

    def _make_sort_button(self) -> IconButton:
        button = IconButton(self._theme, "arrow-up-down", "Sort by")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        self._sorts = QActionGroup(menu)
        for key, words in SORTS.items():
            action = menu.addAction(words)
            action.setData(key)
            action.setCheckable(True)
            self._sorts.addAction(action)
        self._sorts.actions()[0].setChecked(True)
        self._sorts.triggered.connect(lambda action: self.sorted.emit(action.data()))
        button.setMenu(menu)
        return button

    def _make_add_button(self) -> MenuButton:
        button = MenuButton(self._theme, "Add", icon="plus")
        menu = QMenu(button)
        # The keys are only shown: the window owns them, and a second owner would make them ambiguous,
        # which for Qt means that neither gets them.
        self._files = menu.addAction(_with_key("Files", "Ctrl+O"), self.add_files.emit)
        self._folder = menu.addAction(_with_key("Folder", "Ctrl+Shift+O"), self.add_folder.emit)
        button.setMenu(menu)
        return button

    def _dress(self) -> None:
        self._files.setIcon(self._theme.icon("file-plus", "muted", 16))
        self._folder.setIcon(self._theme.icon("folder-plus", "muted", 16))


def _with_key(words: str, key: str) -> str:
    shown = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{words}\N{HORIZONTAL ELLIPSIS}\t{shown}"
