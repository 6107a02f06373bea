"""All that painting a row needs and that no row changes: made once per theme and screen."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPen, QPixmap

from howdah_desktop.window.look import Part, Tone
from howdah_desktop.window.palette import mixed
from howdah_desktop.window.theme import Theme

LEAST_ROW_HEIGHT: Final = 64
ROW_PADDING: Final = 8
BAR_HEIGHT: Final = 5
ABOVE_BAR: Final = 5
BELOW_BAR: Final = 4

MOST_MEASURED: Final = 1_024
ROUNDING: Final = 0.01

KNOWN_SHARE: Final = 0.72
"""What was there already is paler than what was sent."""


class Lettering:
    """A font and what is asked of it all the time."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self.metrics = QFontMetricsF(font)
        self.height = self.metrics.ascent() + self.metrics.descent()
        self.ascent = self.metrics.ascent()
        self.cap_height = self.metrics.capHeight()
        # Of a row that is on its way only the figures change; its name is measured once.
        self.width = lru_cache(MOST_MEASURED)(self._width)
        self.elided = lru_cache(MOST_MEASURED)(self._elided)

    def _width(self, text: str) -> float:
        return self.metrics.horizontalAdvance(text)

    def _elided(self, text: str, room: float, mode: Qt.TextElideMode) -> str:
        # Room that is the text's own width, taken apart and put together again, is not less.
        if self.width(text) <= room + ROUNDING:
            return text
        return self.metrics.elidedText(text, mode, max(room, 0.0))


class Brushes:
    """Pens, brushes, fonts and pictures for a screen of `ratio` dots a pixel."""

    def __init__(self, theme: Theme, ratio: float) -> None:
        self._theme = theme
        self.ratio = ratio
        self.name = Lettering(theme.font("name"))
        self.small = Lettering(theme.font("small"))
        self.tag = Lettering(theme.font("tag"))
        self.tile_text = Lettering(theme.font("tile"))
        self.words = Lettering(theme.font("strong"))
        self.row_height = row_height(self.name, self.small)
        self.line = max(1, floor(ratio)) / ratio
        """A line as thin as the screen draws it sharply."""
        self._set_colours()
        self._pictures: dict[tuple[str, str, int], QPixmap] = {}
        self._small_tiles: dict[float, Lettering] = {}

    def _set_colours(self) -> None:
        colours = self._theme.colours
        self.surface, self.hover, self.selected, self.border = (
            QColor(name)
            for name in (colours.surface, colours.hover, colours.selected, colours.border)
        )
        self.text, self.muted = QPen(QColor(colours.text)), QPen(QColor(colours.muted))
        self.tile = QBrush(QColor(colours.tile))
        self.tile_on_hover = QBrush(QColor(colours.pressed))
        """The row under the mouse has the colour of a tile."""
        self.badge = QBrush(QColor(colours.accent_soft))
        self.under_mouse = QBrush(QColor(colours.track))
        self.pressed = QBrush(QColor(colours.accent_soft))
        self.outline = QPen(self.border, self.line)
        self.strong_outline = QPen(QColor(colours.muted), self.line)
        self.focus = QPen(QColor(colours.accent), 2.0)
        self.inks = {
            Tone.PLAIN: self.muted,
            Tone.GOOD: self.muted,
            Tone.WARN: QPen(QColor(colours.warn)),
            Tone.ERROR: QPen(QColor(colours.error)),
        }
        self.pills = {
            Tone.PLAIN: (self.muted, self.tile),
            Tone.GOOD: (QPen(QColor(colours.accent)), self.badge),
            Tone.WARN: (self.inks[Tone.WARN], QBrush(QColor(colours.warn_soft))),
            Tone.ERROR: (self.inks[Tone.ERROR], QBrush(QColor(colours.error_soft))),
        }
        fills = {Tone.WARN: colours.warn, Tone.ERROR: colours.error, Tone.PLAIN: colours.muted}
        self.bars = {
            tone: _bar_colours(fills.get(tone, colours.accent), self._theme) for tone in Tone
        }

    def snap(self, place: float) -> float:
        """The nearest edge between two dots of the screen."""
        # Not `round`: it takes halves to even numbers, and equal parts would differ by a dot.
        return floor(place * self.ratio + 0.5) / self.ratio

    def picture(self, icon: str, role: str, size: int) -> QPixmap:
        key = (icon, role, size)
        found = self._pictures.get(key)
        if found is None:
            found = self._theme.pixmap(icon, role, size, self.ratio)
            self._pictures[key] = found
        return found

    def tile_lettering(self, width: float, room: float) -> Lettering:
        """Letters of a kind that are too wide for their tile become smaller, rather than fewer."""
        if width <= room:
            return self.tile_text
        # In steps, so that there are few of them.
        share = floor(room / width * 20) / 20
        found = self._small_tiles.get(share)
        if found is None:
            font = QFont(self.tile_text.font)
            font.setPointSizeF(max(font.pointSizeF() * share, 1.0))
            found = self._small_tiles[share] = Lettering(font)
        return found


def row_height(name: Lettering, small: Lettering) -> int:
    """Of every row; more than designed only where the user's letters are larger."""
    lines = name.height + ABOVE_BAR + BAR_HEIGHT + BELOW_BAR + small.height
    return max(LEAST_ROW_HEIGHT, ceil(lines + 2 * ROW_PADDING))


def _bar_colours(fill: str, theme: Theme) -> dict[Part | None, int]:
    """As 0xAARRGGBB."""
    colours = theme.colours
    flying = colours.in_flight if fill == colours.accent else mixed(fill, colours.track, 0.45)
    names = {
        None: colours.track,
        Part.IN_FLIGHT: flying,
        Part.RECEIVED: fill,
        Part.KNOWN: mixed(fill, colours.track, KNOWN_SHARE),
    }
    return {part: QColor(name).rgba() for part, name in names.items()}
