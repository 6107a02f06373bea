"""What the widgets share: looks, announcements, motion, colours of tones, drawing helpers."""

from __future__ import annotations

from PySide6 import QtGui
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QGuiApplication,
    QPainter,
    QPen,
)
from PySide6.QtWidgets import QWidget

from howdah_desktop.window.look import Tone
from howdah_desktop.window.theme import Theme

TONE_ROLES = {Tone.PLAIN: "muted", Tone.GOOD: "accent", Tone.WARN: "warn", Tone.ERROR: "error"}
"""The name of the colour that says a tone."""


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget one of the stylesheet's looks, also when it is already shown."""
    if widget.property("look") == look:
        return
    widget.setProperty("look", look)
    repolish(widget)


def repolish(widget: QWidget) -> None:
    """Match the stylesheet's rules again, of which some look at a property that has changed."""
    # Not before the first time: the style would keep the font of now and bring it back later.
    if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.update()


def announce(widget: QWidget, words: str, *, at_once: bool = False) -> None:
    """Let a screen reader say words; `at_once` interrupts what it is saying."""
    if not words or not QAccessible.isActive():
        return
    if not hasattr(QtGui, "QAccessibleAnnouncementEvent"):
        # Before Qt 6.8 a reader can only be told to look at the widget, whose name says the words.
        QAccessible.updateAccessibility(QAccessibleEvent(widget, QAccessible.Event.Alert))
        return
    event = QtGui.QAccessibleAnnouncementEvent(widget, words)
    if at_once:
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
    QAccessible.updateAccessibility(event)


def motion_reduced() -> bool:
    """Whether the system asks for less motion (Qt tells from 6.12 on; until then: no)."""
    hints = QGuiApplication.styleHints()
    if not hasattr(hints, "accessibility"):
        return False
    preference = getattr(hints.accessibility(), "motionPreference", None)
    return preference is not None and "Reduce" in str(preference())


def colour(theme: Theme, role: str) -> QColor:
    """A colour of the theme by its name."""
    return QColor(getattr(theme.colours, role))


def draw_focus(painter: QPainter, theme: Theme, around: QRectF, radius: float) -> None:
    """The ring of widgets that paint themselves, so that the keyboard's place is always seen."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour(theme, "accent"), 2))
    painter.drawRoundedRect(around.adjusted(1, 1, -1, -1), radius, radius)


def grouped(fingerprint: str, by_line: int = 8) -> str:
    """A fingerprint as people compare it: `3F2A 91C0 ...`, `by_line` groups of four on a line."""
    digits = fingerprint.removeprefix("sha256:").replace(":", "").replace(" ", "").upper()
    groups = [digits[at : at + 4] for at in range(0, len(digits), 4)]
    lines = [groups[at : at + by_line] for at in range(0, len(groups), by_line)]
    return "\n".join(" ".join(line) for line in lines)


def short_count(count: int) -> str:
    """A count that stays narrow: `940`, `12k`, `1.2M`."""
    if count < 10_000:
        return str(count)
    if count < 1_000_000:
        return f"{count // 1_000}k"
    return f"{count / 1_000_000:.1f}M"
