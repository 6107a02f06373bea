"""A placed row onto a screen: nothing is measured, shortened or made here."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen

from howdah_desktop.window.delegates.brushes import Brushes
from howdah_desktop.window.delegates.placement import Hit, Placed

FOCUS_INSET = 2.0
FOCUS_RADIUS = 7.0
BUTTON_RADIUS = 6.0
TILE_RADIUS = 8.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the row's look does not know."""

    selected: bool = False
    under_mouse: bool = False
    part: Hit | None = None
    """What of it is under the mouse."""
    pressed: bool = False
    """... and held down."""
    focus: bool = False
    last: bool = False
    """No line below it: the list's edge is there."""


def paint_row(
    painter: QPainter, placed: Placed, brushes: Brushes, height: float, how: Circumstances
) -> None:
    """Where the painter's origin is the row's corner, and the clip is the row."""
    _paint_ground(painter, placed.width, height, brushes, how)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    on_hover = how.under_mouse and not how.selected
    painter.setBrush(brushes.tile_on_hover if on_hover else brushes.tile)
    painter.drawRoundedRect(placed.tile, TILE_RADIUS, TILE_RADIUS)
    for brush, area, radius in placed.fills:
        painter.setBrush(brush)
        painter.drawRoundedRect(area, radius, radius)
    _paint_buttons(painter, placed, brushes, how)
    for where, picture in placed.pictures:
        painter.drawPixmap(where, picture)
    for font, pen, where, text in placed.texts:
        painter.setFont(font)
        painter.setPen(pen)
        painter.drawText(where, text)
    if how.focus:
        _paint_focus(painter, placed.width, height, brushes)


def _paint_ground(
    painter: QPainter, width: float, height: float, brushes: Brushes, how: Circumstances
) -> None:
    ground = brushes.surface
    if how.selected:
        ground = brushes.selected
    elif how.under_mouse:
        ground = brushes.hover
    painter.fillRect(QRectF(0.0, 0.0, width, height), ground)
    if not how.last:
        line = brushes.line
        painter.fillRect(QRectF(0.0, height - line, width, line), brushes.border)


def _paint_buttons(painter: QPainter, placed: Placed, brushes: Brushes, how: Circumstances) -> None:
    if how.part is Hit.MENU:
        painter.setBrush(_lit(brushes, how))
        painter.drawRoundedRect(placed.menu, BUTTON_RADIUS, BUTTON_RADIUS)
    if placed.act is not None:
        lit = how.part is Hit.ACT
        painter.setBrush(_lit(brushes, how) if lit else Qt.BrushStyle.NoBrush)
        _outline(painter, placed.act, brushes.outline)
    if how.part is Hit.TOGGLE and placed.toggle is not None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        _outline(painter, placed.toggle, brushes.strong_outline, TILE_RADIUS)


def _outline(painter: QPainter, area: QRectF, pen: QPen, radius: float = BUTTON_RADIUS) -> None:
    half = pen.widthF() / 2
    painter.setPen(pen)
    painter.drawRoundedRect(area.adjusted(half, half, -half, -half), radius - half, radius - half)
    painter.setPen(Qt.PenStyle.NoPen)


def _paint_focus(painter: QPainter, width: float, height: float, brushes: Brushes) -> None:
    painter.setPen(brushes.focus)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    inset = FOCUS_INSET + brushes.focus.widthF() / 2
    ring = QRectF(0.0, 0.0, width, height).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(ring, FOCUS_RADIUS, FOCUS_RADIUS)


def _lit(brushes: Brushes, how: Circumstances) -> QBrush:
    return brushes.pressed if how.pressed else brushes.under_mouse
