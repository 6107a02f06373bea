"""How the window looks: colours, letters and icons, light or dark, as the user or the system wants.

`install` dresses the application; whoever paints by itself asks the `Theme` and listens to
`changed`. A widget is dressed by its property `look`; `stylesheet` has them all.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFont, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QStyleFactory

from howdah_desktop.window import fonts, icons
from howdah_desktop.window.palette import DARK, LIGHT, Colours, from_system, is_dark, qt_palette
from howdah_desktop.window.stylesheet import stylesheet

if TYPE_CHECKING:
    from PySide6.QtGui import QStyleHints

CHOICES: Final = ("system", "light", "dark")

_SCHEMES: Final = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Face(Enum):
    """Whose letters the window is set in."""

    OWN = "own"
    SYSTEM = "system"


class Theme(QObject):
    """The one theme of the application; made by `install`."""

    changed = Signal()
    """Colours are others than before; palette and stylesheet are set already."""

    def __init__(self, app: QApplication, choice: str = "system", face: str = "own") -> None:
        super().__init__(app)
        self._app = app
        self._family = fonts.load() if Face(face) is Face.OWN else ""
        self._pictures: dict[tuple[str, str, int, float], QPixmap] = {}
        self._icons: dict[tuple[str, str, int], QIcon] = {}
        # What the system wants, before we set anything of ours.
        self._system_palette = QPalette(app.palette())
        self._choice = choice
        self._dark = False
        self._colours = LIGHT
        self._hints().colorSchemeChanged.connect(self._follow)
        if hasattr(self._hints(), "accessibility"):
            self._hints().accessibility().contrastPreferenceChanged.connect(self._follow)
        self.choose(choice)

    @property
    def choice(self) -> str:
        """What the user chose: "system", "light" or "dark"."""
        return self._choice

    @property
    def dark(self) -> bool:
        """Whether light text stands on dark ground now."""
        return self._dark

    @property
    def colours(self) -> Colours:
        """The colours that hold now."""
        return self._colours

    def choose(self, choice: str) -> None:
        """Take "light" or "dark", or follow the system. Who calls keeps the choice."""
        if choice not in CHOICES:
            raise ValueError(choice)
        self._choice = choice
        hints = self._hints()
        # Title bars and the system's own dialogs follow this; our palette comes from `_follow`.
        if hasattr(hints, "setColorScheme"):
            hints.setColorScheme(_SCHEMES[choice])
        self._follow()

    def font(self, role: str) -> QFont:
        """The font for a role: see `fonts.ROLES`."""
        return fonts.font(role, self._family)

    def pixmap(self, name: str, role: str = "muted", size: int = 16, ratio: float = 1) -> QPixmap:
        """An icon as a picture, in the colour of `role` (a field of `Colours`)."""
        key = (name, role, size, ratio)
        if key not in self._pictures:
            self._pictures[key] = icons.paint(name, getattr(self._colours, role), size, ratio)
        return self._pictures[key]

    def icon(self, name: str, role: str = "muted", size: int = 16) -> QIcon:
        """An icon for a button, a menu or a field; whoever sets it sets it anew on `changed`."""
        key = (name, role, size)
        if key not in self._icons:
            icon = QIcon()
            for ratio in icons.RATIOS:
                icon.addPixmap(self.pixmap(name, role, size, ratio))
                icon.addPixmap(self.pixmap(name, "faint", size, ratio), QIcon.Mode.Disabled)
            self._icons[key] = icon
        return self._icons[key]

    def _hints(self) -> QStyleHints:
        return self._app.styleHints()

    def _wants_contrast(self) -> bool:
        hints = self._hints()
        if not hasattr(hints, "accessibility"):
            return False
        return hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast

    def _wants_dark(self) -> bool:
        if self._choice != "system":
            return self._choice == "dark"
        scheme = self._hints().colorScheme()
        if scheme == Qt.ColorScheme.Unknown:
            return is_dark(self._system_palette)
        return scheme == Qt.ColorScheme.Dark

    def _follow(self) -> None:
        """Take the colours that are wanted now."""
        self._dark = self._wants_dark()
        wanted = DARK if self._dark else LIGHT
        if self._wants_contrast():
            # Without one of ours, the application has the system's.
            self._app.setPalette(QPalette())
            wanted = from_system(self._app.palette())
            self._dark = is_dark(self._app.palette())
        if wanted == self._colours and self._app.styleSheet():
            return
        self._colours = wanted
        self._pictures.clear()
        self._icons.clear()
        self._app.setPalette(qt_palette(wanted))
        self._app.setFont(self.font("body"))
        self._app.setStyleSheet(stylesheet(wanted, dark=self._dark))
        self.changed.emit()


def install(app: QApplication, choice: str = "system", face: str = "own") -> Theme:
    """Dress the application; `face`: "own" for Inter, "system" for the system's letters."""
    # The one style that looks the same everywhere and takes a palette without exceptions.
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setWindowIcon(icons.application_icon())
    return Theme(app, choice, face)
