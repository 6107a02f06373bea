"""Sets of chunk numbers as ranges, and the byte ranges of HTTP."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator


class RangeSet:
    """A set of whole numbers, kept as sorted, disjoint, non-touching ranges, both ends included.

    Small whatever the count, as transfers fill in long runs. On the wire: `[[first, last], ...]`.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> RangeSet:
        made = cls()
        for number in numbers:
            made.add(number)
        return made

    def add(self, first: int, last: int | None = None) -> None:
        """Take in `first` to `last`, both included. Raises ValueError for a negative or turned one."""
        last = first if last is None else last
        if not 0 <= first <= last:
            raise ValueError(f"{first}-{last} is not a range")
        low = bisect_right(self._lasts, first - 2)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def remove(self, first: int, last: int | None = None) -> None:
        """Leave out `first` to `last`, both included, as far as they are in."""
        last = first if last is None else last
        kept = RangeSet()
        for low, high in self:
            if low < first:
                kept.add(low, min(high, first - 1))
            if high > last:
                kept.add(max(low, last + 1), high)
        self._firsts, self._lasts = kept._firsts, kept._lasts

    def missing(self, total: int) -> RangeSet:
        """What of 0 to `total` - 1 is not in."""
        gaps = RangeSet()
        expected = 0
        for first, last in self:
            if expected >= total:
                break
            if first > expected:
                gaps.add(expected, min(first, total) - 1)
            expected = last + 1
        if expected < total:
            gaps.add(expected, total - 1)
        return gaps

    def numbers(self) -> Iterator[int]:
        for first, last in self:
            yield from range(first, last + 1)

    def count(self) -> int:
        return sum(last - first + 1 for first, last in self)

    def pairs(self) -> list[tuple[int, int]]:
        return list(self)

    def copy(self) -> RangeSet:
        return RangeSet(self)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(tuple(self._firsts), tuple(self._lasts), strict=True)

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeSet) and self.pairs() == other.pairs()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"RangeSet({self.pairs()})"


class RangeNotSatisfiable(ValueError):
    """The range begins beyond the end (RFC 9110, section 15.5.17)."""


# Names of units are case-insensitive (RFC 9110, section 14.1). ASCII: other scripts have digits, too.
_BYTES = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII | re.IGNORECASE)


def parse_byte_range(field: str, size: int) -> tuple[int, int] | None:
    """The one range of a `Range` field as (first, last), both included, of a body of `size` bytes.

    None means: answer with the whole (RFC 9110, section 14.2). That goes for another unit, for nonsense,
    and for several ranges: no client of ours asks for those, and they are a way to make a server work.
    Raises RangeNotSatisfiable for one that lies beyond the end.
    """
    match = _BYTES.fullmatch(field)
    if match is None:
        return None
    first_text, last_text = match.groups()
    if not first_text and not last_text:
        return None
    if not first_text:
        suffix = int(last_text)
        if suffix == 0:
            raise RangeNotSatisfiable(field)
        if size == 0:  # satisfiable (section 14.1.2), but no Content-Range can say "no bytes"
            return None
        return max(0, size - suffix), size - 1
    first = int(first_text)
    last = int(last_text) if last_text else size - 1
    if last_text and last < first:
        return None
    if first >= size:
        raise RangeNotSatisfiable(field)
    return first, min(last, size - 1)
