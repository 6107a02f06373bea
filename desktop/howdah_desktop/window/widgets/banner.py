"""A banner across the top of the content: something has to be decided before anything goes on."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from howdah_desktop.window.look import BannerText, Tone
from howdah_desktop.window.theme import Theme

from .button import Button
from .glyph import Glyph
from .parts import announce, grouped, repolish, set_look
from .text import Text

_HEX = frozenset("0123456789abcdefABCDEF:")


class Banner(QWidget):
    """Hidden until `show_banner`; brings its own margins (22 px at the sides)."""

    acted = Signal(str)
    """The key of the button that was pressed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: BannerText | None = None
        self._icon = Glyph(theme, "triangle-alert", role="warn", size=18)
        self._title = Text(theme, font="name", wraps=True)
        self._text = Text(theme, wraps=True)
        self._frame = QFrame()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(14)
        self._facts.setVerticalSpacing(4)
        self._facts.setContentsMargins(0, 4, 0, 0)
        self._facts.setColumnStretch(1, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)

        # The stylesheet colours what stands directly in the frame: the title. Long red texts shout.
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addWidget(self._text)
        inside.addLayout(self._facts)
        inside.addSpacing(6)
        inside.addLayout(self._buttons)
        grid = QGridLayout(self._frame)
        grid.setContentsMargins(15, 13, 15, 13)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._icon, 0, 0)
        grid.addWidget(self._title, 0, 1)
        grid.addWidget(body, 1, 1)
        around = QVBoxLayout(self)
        around.setContentsMargins(22, 16, 22, 0)
        around.addWidget(self._frame)
        self.hide()

    def show_banner(self, banner: BannerText) -> None:
        """Show it, and interrupt a screen reader to say it when it is another than before."""
        if banner == self._shown:
            return
        self._shown = banner
        bad = banner.tone is Tone.ERROR
        set_look(self._frame, "banner-error" if bad else "banner-warn")
        # Its colour follows the frame's look, which is not looked at for what stands inside.
        repolish(self._title)
        icon, role = ("shield-alert", "error") if bad else ("triangle-alert", "warn")
        self._icon.show_icon(icon, role)
        self._title.setText(banner.title)
        self._text.setText(banner.text)
        self.setAccessibleName(banner.title)
        self.setAccessibleDescription(banner.text)
        self._show_facts(banner.facts)
        self._show_acts(banner.acts)
        self.show()
        announce(self, f"{banner.title}. {banner.text}", at_once=True)

    def hide_banner(self) -> None:
        """It is decided."""
        self._shown = None
        self.hide()

    def _show_facts(self, facts: tuple[tuple[str, str], ...]) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            _drop(item.widget())
        top = Qt.AlignmentFlag.AlignTop
        for row, (name, value) in enumerate(facts):
            label = Text(self._theme, name, font="small")
            fact = Text(self._theme, _readable(value), font="small", look="mono")
            fact.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            fact.setAccessibleName(f"{name} {value}")
            self._facts.addWidget(label, row, 0, top)
            self._facts.addWidget(fact, row, 1, top)

    def _show_acts(self, acts: tuple[tuple[str, str], ...]) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            _drop(item.widget())
        for place, (key, words) in enumerate(acts):
            button = Button(self._theme, words, look="plain" if place else "primary")
            button.clicked.connect(partial(self.acted.emit, key))
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)


def _readable(value: str) -> str:
    digits = value.removeprefix("sha256:")
    return grouped(digits) if len(digits) >= 32 and _HEX.issuperset(digits) else value


def _drop(widget: QWidget | None) -> None:
    if widget is not None:
        widget.hide()
        widget.deleteLater()
