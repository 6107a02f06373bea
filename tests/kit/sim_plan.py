"""What happens in a simulation, as hypothesis makes it up: a tree, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

FEWEST_ENTRIES = 30
FEWEST_CHANGES = 10

_NAMES = ("a", "B", "b", "note.txt", "x y", "ü", "photo.jpg", "Photo.jpg", "data", "readme.md")
_IGNORED = ("half.part", ".DS_Store", "old~")


@dataclass(frozen=True)
class Plan:
    """Numbers stand for what there is to choose from at that moment."""

    mirror: bool
    others: bool
    """Whether somebody else changes files at the receiver."""
    killed: bool
    """The engine, between the two rounds; else it ends in good order."""
    tree: tuple[int, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    noise: int
    """Decides threads, hints, troubles and moments."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    number = st.integers(0, 2**30)
    flags = draw(st.integers(0, 7))
    return Plan(
        mirror=bool(flags & 1),
        others=bool(flags & 2),
        killed=bool(flags & 4),
        tree=tuple(draw(st.lists(number, min_size=FEWEST_ENTRIES, max_size=40))),
        first=tuple(draw(st.lists(number, min_size=FEWEST_CHANGES, max_size=16))),
        second=tuple(draw(st.lists(number, min_size=FEWEST_CHANGES, max_size=16))),
        noise=draw(st.integers(0, 2**64 - 1)),
    )


class Choices:
    """One number, taken apart into choices."""

    def __init__(self, number: int) -> None:
        self._left = number

    def below(self, count: int) -> int:
        self._left, chosen = divmod(self._left, max(1, count))
        return chosen

    def of(self, some: tuple[str, ...] | list[str]) -> str | None:
        return some[self.below(len(some))] if some else None

    def name(self) -> str:
        return _NAMES[self.below(len(_NAMES))]

    def ignored_name(self) -> str:
        return _IGNORED[self.below(len(_IGNORED))]

    def content(self) -> bytes:
        """A few equal ones, empty ones, and one in fifty of several chunks."""
        kind = self.below(50)
        if kind == 0:
            return b"large%d" % self.below(5) * 100_000
        return b"" if kind < 4 else b"content %d" % self.below(1000)
