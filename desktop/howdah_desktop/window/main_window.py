"""The main window: puts sidebar, page, banner and footer together, and takes what is dropped on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QByteArray, QSettings, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from howdah_common.problems import ProblemError
from howdah_desktop.engine.views import Overview, TransferView, Withdrawn
from howdah_desktop.window import dropped, figures, keys, overall
from howdah_desktop.window.arrangement import Chip, Loaded
from howdah_desktop.window.asking import Asking
from howdah_desktop.window.orders import Orders
from howdah_desktop.window.overall import Paired
from howdah_desktop.window.pairing_flow import PairingFlow
from howdah_desktop.window.standing import Standing
from howdah_desktop.window.theme import Theme
from howdah_desktop.window.transfers_page import TransfersPage
from howdah_desktop.window.widgets.banner import Banner
from howdah_desktop.window.widgets.button import IconButton
from howdah_desktop.window.widgets.footer import Footer
from howdah_desktop.window.widgets.overlay import DropOverlay
from howdah_desktop.window.widgets.scheme_button import SCHEMES, SchemeButton
from howdah_desktop.window.widgets.sidebar import Sidebar
from howdah_desktop.window.widgets.toast import Toast

SMALLEST = (800, 500)
FIRST_SIZE = (1120, 760)
HOME = "Home"


class MainWindow(QWidget):
    """Told by the feed (`load`, `apply`, ...); gives orders to `orders`. Never waits."""

    closed = Signal()

    def __init__(
        self, theme: Theme, orders: Orders, flow: PairingFlow, remembered: QSettings
    ) -> None:
        super().__init__()
        self._theme = theme
        self._orders = orders
        self._flow = flow
        self._remembered = remembered
        self._paired: Paired | None = None
        self._overview = Overview(change=0)
        self._calls: int | None = None
        self.runs_here: Callable[[], bool] = lambda: True
        """Whether what is on its way stops when this window is closed."""
        self.sidebar = Sidebar(theme)
        self.page: TransfersPage = TransfersPage(theme, orders)
        self.banner = Banner(theme)
        self.footer = Footer(theme)
        self.scheme = SchemeButton(theme)
        self._keys_button = IconButton(theme, "keyboard", "Keys (?)")
        self.overlay = DropOverlay(theme, self)
        self.toast: Toast = Toast(theme, self)
        self._asking = Asking(self, theme, orders)
        self._standing = Standing(self.sidebar.card, self.banner, self)
        self._assemble()
        self._connect()
        keys.install(self)

    # -- what the feed tells

    def load(self, loaded: Loaded) -> None:
        self.page.load(loaded)

    def apply(self, overview: Overview) -> None:
        self._overview = overview
        self.page.apply(overview)
        arrangement = self.page.model.arrangement
        self.sidebar.set_count(arrangement.unfinished)
        need = arrangement.counts[Chip.NEEDS_YOU]
        self.footer.show_text(overall.footer(overview.counts, need), "")
        self._standing.receiver_is(overview.receiver)
        self._standing.limits_are(overview.limits)
        self._asking.about(overview.asks)
        self._answer_call(overview)

    def add_children(self, root: int, views: Sequence[TransferView]) -> None:
        self.page.model.add_children(root, views)

    def trouble(self, problem: ProblemError) -> None:
        """The ledger or the engine cannot be worked with, or an order was refused."""
        self.toast.say(str(problem))

    def pair_with(self, paired: Paired | None) -> None:
        """Whom this device belongs to now; None: nobody yet."""
        self._paired = paired
        if paired is None:
            self._pages.addWidget(self._flow.panel)
            self._pages.setCurrentWidget(self._flow.panel)
        else:
            self._pages.setCurrentWidget(self.page)
        self.setFocus()  # not on what happens to come next to a button that is hidden
        if paired is not None:
            self.page.name_receiver(paired.name)
        self._standing.paired_with(paired)

    # -- what is given to be sent

    def add(self, paths: Sequence[bytes], to: str = "") -> None:
        """Queue them for the folder `to` of the home space."""
        if not paths:
            self.toast.say("Only files and folders of this computer can be sent.")
            return
        if self._paired is None:
            self.toast.say("Pair with a receiver first: then drop them again.")
            return
        words = _added(paths)
        self._orders.add(paths, to, lambda group: self.toast.say(words, "Undo", group))

    def choose_files(self) -> None:
        dialog = self._dialog("Choose files to send", QFileDialog.FileMode.ExistingFiles)
        dialog.open()

    def choose_folder(self) -> None:
        dialog = self._dialog("Choose a folder to send", QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.open()

    def paste(self) -> None:
        """Files that were copied in a file manager; a pairing link goes where links go."""
        data = QGuiApplication.clipboard().mimeData()
        if dropped.has_local_paths(data):
            self.add(dropped.local_paths(data.urls()))
        elif data.text().strip().startswith("howdah://"):
            self._flow.open_dialog(self, data.text().strip())

    def end(self) -> None:
        """Close without a question: the system wants it."""
        self._asking.agreed_to_close = True
        self.close()

    # -- keys

    def check_receiver(self) -> None:
        self._orders.look()

    def show_keys(self) -> None:
        dialog = keys.page(self._theme, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def next_scheme(self) -> None:
        """Light, dark, as the system: one after the other."""
        order = list(SCHEMES)
        self.choose_scheme(order[(order.index(self._theme.choice) + 1) % len(order)])
        self.toast.say(f"Colours: {SCHEMES[self._theme.choice][1].lower()}.")

    def choose_scheme(self, choice: str) -> None:
        self._theme.choose(choice)
        self.scheme.show_choice()  # "as the system" may change no colour
        self._remembered.setValue("scheme", choice)

    # -- Qt

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  # Qt's
        if not dropped.has_local_paths(event.mimeData()):
            return
        event.acceptProposedAction()
        if self._paired is None:
            self.overlay.announce("Pair with a receiver first", "Nothing can be sent yet.")
            return
        count = figures.count(len(event.mimeData().urls()), "item")
        self.overlay.announce(
            f"Send {count} to {self._paired.name} / {HOME}", "Folders go with all that is in them."
        )

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802  # Qt's
        self.overlay.withdraw()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  # Qt's
        self.overlay.withdraw()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.add(dropped.local_paths(event.mimeData().urls()))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt's
        super().showEvent(event)
        # On nothing in particular: the first Tab shows where the keyboard is.
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt's
        if event.key() == Qt.Key.Key_Escape:
            self.toast.dismiss()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  # Qt's
        moving = overall.on_its_way(self._overview.counts)
        if moving and self.runs_here() and not self._asking.agreed_to_close:
            event.ignore()
            self._asking.to_close(moving)
            return
        self._remembered.setValue("geometry", self.saveGeometry())
        event.accept()
        self.closed.emit()

    # -- inside

    def _assemble(self) -> None:
        self.setWindowTitle("Howdah")
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(*SMALLEST)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.page)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        self.footer.add(self.scheme)
        self.footer.add(self._keys_button)
        for widget, stretch in ((self.banner, 0), (self._pages, 1), (self.footer, 0)):
            right.addWidget(widget, stretch)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.sidebar)
        whole.addLayout(right, 1)
        geometry = self._remembered.value("geometry")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(*FIRST_SIZE)

    def _connect(self) -> None:
        self.page.add_files.connect(self.choose_files)
        self.page.add_folder.connect(self.choose_folder)
        self.page.told.connect(self.toast.say)
        self.toast.acted.connect(self._undo)
        self.page.cancel_all.connect(self._asking.to_cancel_all)
        self.scheme.chosen.connect(self.choose_scheme)
        self._keys_button.clicked.connect(self.show_keys)
        self._standing.pair_wanted.connect(lambda: self._flow.open_dialog(self))
        self._standing.check_wanted.connect(self._orders.look)
        self._flow.paired.connect(self._now_paired)

    def _now_paired(self, paired: Paired) -> None:
        self.pair_with(paired)
        self._orders.look()
        self.toast.say(f"Paired with {paired.name}.")

    def _undo(self, group: object) -> None:
        if isinstance(group, int):
            self._orders.withdraw(group, self._undone)

    def _undone(self, withdrawn: Withdrawn) -> None:
        if withdrawn.arrived:
            count = figures.count(withdrawn.arrived, "file")
            stay = "stays" if withdrawn.arrived == 1 else "stay"
            self.toast.say(f"Taken back. {count} had arrived before, and {stay} at the receiver.")
        else:
            self.toast.say("Taken back: nothing of it is sent.")

    def _answer_call(self, overview: Overview) -> None:
        """Somebody started Howdah again, or `howdah send --window` handed something over."""
        before, self._calls = self._calls, overview.calls
        if before is None or overview.calls <= before:
            return
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        if overview.called_group is not None:
            self.toast.say("Added from the command line.", "Undo", overview.called_group)

    def _dialog(self, title: str, mode: QFileDialog.FileMode) -> QFileDialog:
        dialog = QFileDialog(self, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        # Not by urlsSelected: Qt's own dialog, where the desktop has none, never says it.
        dialog.accepted.connect(lambda: self.add(dropped.local_paths(dialog.selectedUrls())))
        return dialog


def _added(paths: Sequence[bytes]) -> str:
    if len(paths) > 1:
        return f"{len(paths):,} items added."
    name = paths[0].rpartition(b"/")[2].decode("utf-8", "replace")
    return f"{name} added."
