"""The chunk map as pixels: what each column of the bar shows. Pure.

A large file has more chunks than a bar has pixels. A column shows what most of it is, with one promise: what
is missing is seen. A gap too small for a column of its own gets one, unless a gap is seen right beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from howdah_desktop.window.look import Part, Span

NOISE = 1e-9
"""Ends that differ by less are the same end, divided twice. A chunk is a larger share of any file."""

MISSING, IN_FLIGHT, RECEIVED, KNOWN = range(4)
"""Ordered by how much is there: of two equal shares, the column shows the lesser."""

CODES = {Part.IN_FLIGHT: IN_FLIGHT, Part.RECEIVED: RECEIVED, Part.KNOWN: KNOWN}
_SAME = re.compile(rb"(.)\1*", re.DOTALL)
PARTS = (None, Part.IN_FLIGHT, Part.RECEIVED, Part.KNOWN)


class Run(NamedTuple):
    """Columns that show the same; `last` is the first one after it."""

    first: int
    last: int
    part: Part | None
    """None: nothing is there."""


class _Piece(NamedTuple):
    """In columns, not yet whole ones."""

    first: float
    last: float
    code: int


def pixel_runs(spans: Iterable[Span], pixels: int, round_ends: int = 1) -> tuple[Run, ...]:
    """What `pixels` columns show, from left to right and without holes.

    `round_ends`: how many columns it takes at either end to be seen at all: a rounded bar's first one is
    little more than a dot. Spans are ordered; where they overlap, the earlier one counts.
    """
    if pixels <= 0:
        return ()
    pieces = list(_pieces(spans, pixels))
    columns = _columns(pieces, pixels)
    _show_gaps(columns, pieces)
    _show_ends(columns, pieces, min(round_ends, pixels))
    return tuple(_runs(columns))


def _pieces(spans: Iterable[Span], pixels: int) -> Iterator[_Piece]:
    """Spans and the gaps between them: together the whole bar."""
    end = 0.0
    for span in spans:
        first, last = max(span.first, end), min(span.last, 1.0)
        if last - first <= NOISE:
            continue
        if first - end > NOISE:
            yield _Piece(end * pixels, first * pixels, MISSING)
        else:
            first = end
        yield _Piece(first * pixels, last * pixels, CODES[span.part])
        end = last
    if 1.0 - end > NOISE:
        yield _Piece(end * pixels, float(pixels), MISSING)


def _columns(pieces: Sequence[_Piece], pixels: int) -> bytearray:
    """What most of each column is."""
    columns = bytearray(pixels)
    shared: dict[int, list[float]] = {}
    for first, last, code in pieces:
        whole, after = min(ceil(first), pixels), min(int(last), pixels)
        if whole < after:
            columns[whole:after] = bytes((code,)) * (after - whole)
        for column in {int(first), after} - {pixels}:
            part = min(last, column + 1) - max(first, column)
            if 0 < part < 1:
                shared.setdefault(column, [0.0] * len(PARTS))[code] += part
    for column, shares in shared.items():
        columns[column] = shares.index(max(shares))
    return columns


def _show_gaps(columns: bytearray, pieces: Iterable[_Piece]) -> None:
    for first, last, code in pieces:
        # From two columns on, one of them is all of this piece.
        if code > IN_FLIGHT or last - first >= 2:
            continue
        near = columns[max(0, int(first) - 1) : ceil(last) + 1]
        if min(near) > code:
            columns[min(int((first + last) / 2), len(columns) - 1)] = code


def _show_ends(columns: bytearray, pieces: Sequence[_Piece], width: int) -> None:
    if pieces[0].code == MISSING:
        columns[:width] = bytes(width)
    if pieces[-1].code == MISSING:
        columns[len(columns) - width :] = bytes(width)


def _runs(columns: bytearray) -> Iterator[Run]:
    # A thousand columns in a few steps: the pattern finds where they change.
    for same in _SAME.finditer(columns):
        yield Run(same.start(), same.end(), PARTS[columns[same.start()]])
