"""A line of text that gives way: it ends in an ellipsis where there is no room for it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from howdah_desktop.window.theme import Theme

from .text import Text


class Elided(Text):
    """One line; the whole of it is the tooltip whenever it does not fit."""

    def __init__(
        self,
        theme: Theme,
        words: str = "",
        *,
        font: str = "body",
        look: str = "",
        scale: float = 1.0,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, words, font=font, look=look, scale=scale, parent=parent)
        self._mode = mode
        # It takes what its words need, and less when there is less.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def say(self, words: str) -> None:
        """Show other words."""
        if words != self.text():
            self.setText(words)
            self._explain()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        room = self.fontMetrics().horizontalAdvance("mmm\N{HORIZONTAL ELLIPSIS}")
        full = super().sizeHint()
        return QSize(min(full.width(), room), full.height())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        # A pixel more than the words: widths of fonts are fractions, and a rounded one would elide.
        full = super().sizeHint()
        return QSize(full.width() + 1, full.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._explain()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        rect = self.contentsRect()
        painter = QPainter(self)
        # The style draws the text, so that the colour of the stylesheet's look is used.
        self.style().drawItemText(
            painter,
            rect,
            int(self.alignment()),
            self.palette(),
            self.isEnabled(),
            self._shown(rect),
            self.foregroundRole(),
        )
        painter.end()

    def _shown(self, rect: QRect) -> str:
        return self.fontMetrics().elidedText(self.text(), self._mode, rect.width())

    def _explain(self) -> None:
        fits = self._shown(self.contentsRect()) == self.text()
        self.setToolTip("" if fits else self.text())
