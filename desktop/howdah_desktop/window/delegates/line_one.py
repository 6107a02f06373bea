"""The first line of a row: name, where it goes, a note, a tag; and what gives way when it is narrow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QPen

from howdah_desktop.window.delegates.brushes import Brushes, Lettering
from howdah_desktop.window.delegates.text import one_line
from howdah_desktop.window.look import RowLook

GAP: Final = 8
TAG_PADDING: Final = 8
LEAST_TARGET: Final = 56
"""A target that would have to be shorter is left out."""
LEAST_NAME: Final = 160
"""A longer name gives way to this before the target is left out."""

MIDDLE: Final = Qt.TextElideMode.ElideMiddle
END: Final = Qt.TextElideMode.ElideRight


@dataclass(slots=True)
class Piece:
    start: float
    width: float
    lettering: Lettering
    pen: QPen
    text: str
    tip: str = ""
    """All of it, where `text` is cut."""


@dataclass(slots=True)
class LineOne:
    pieces: list[Piece] = field(default_factory=list)
    tag: str = ""
    tag_start: float = 0.0
    tag_width: float = 0.0
    tag_padding: float = TAG_PADDING
    tag_tip: str = ""


def line_one(look: RowLook, room: float, brushes: Brushes) -> LineOne:
    """Starts count from the line's left."""
    line = LineOne()
    _fit_tag(line, one_line(look.tag), room, brushes)
    if line.tag:
        room = max(room - GAP - line.tag_width, 0.0)
    name, target = one_line(look.title), one_line(look.target)
    note = f"·  {one_line(look.note)}" if look.note else ""
    # Where a download comes from is where the arrow comes from.
    arrow = "\N{LEFTWARDS ARROW}" if look.download else "\N{RIGHTWARDS ARROW}"
    end = _add_words(line, (name, arrow if target else "", target, note), room, brushes)
    line.tag_start = end + GAP if end else 0.0
    return line


def _fit_tag(line: LineOne, tag: str, room: float, brushes: Brushes) -> None:
    if not tag:
        return
    most = max(room * 0.6 - 2 * TAG_PADDING, 0.0)
    line.tag = brushes.tag.elided(tag, most, END)
    line.tag_tip = tag if line.tag != tag else ""
    line.tag_width = brushes.tag.width(line.tag) + 2 * TAG_PADDING


def _add_words(
    line: LineOne, words: tuple[str, str, str, str], room: float, brushes: Brushes
) -> float:
    """Returns where the last one ends."""
    name, arrow, target, note = words
    name_width, target_width = brushes.name.width(name), brushes.small.width(target)
    arrow_width = brushes.small.width(f"{arrow} ") if arrow else 0.0
    note_width = brushes.small.width(note)
    least_name = min(name_width, LEAST_NAME)
    least_target = min(target_width, LEAST_TARGET)
    before_target = GAP + arrow_width if target else 0.0
    if target and room < least_name + before_target + least_target:
        target, arrow, before_target, least_target = "", "", 0.0, 0.0
    before_note = GAP if note else 0.0
    if note and room < least_name + before_target + least_target + before_note + note_width:
        note, before_note, note_width = "", 0.0, 0.0
    rest = room - before_target - before_note - note_width
    name_room = max(min(name_width, rest - least_target), 0.0)
    muted, small = brushes.muted, brushes.small
    end = _add(line, 0.0, name, name_room, (brushes.name, brushes.text))
    if target:
        end = _add(line, end + GAP, f"{arrow} ", arrow_width, (small, muted))
        end = _add(line, end, target, min(target_width, rest - name_room), (small, muted))
    if note:
        end = _add(line, end + GAP, note, note_width, (small, muted))
    return end


def _add(line: LineOne, start: float, text: str, room: float, how: tuple[Lettering, QPen]) -> float:
    lettering, pen = how
    shown = lettering.elided(text, room, MIDDLE)
    width = lettering.width(shown)
    line.pieces.append(Piece(start, width, lettering, pen, shown, text if shown != text else ""))
    return start + width
