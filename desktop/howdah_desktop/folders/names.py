"""Which names a set of patterns may mean: quick to say no, the answer for nearly every name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from howdah_desktop.folders.patterns import Kind, Pattern


class NameFilter:
    """Goes by the last step of each pattern alone, so that its yes is a perhaps.

    Not a word on patterns whose last step takes any name (`a/*`, `a/**`): these go by the folder.
    """

    __slots__ = ("_ends", "_first_signs", "_last_signs", "_match", "_names", "_starts")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        by_kind: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for pattern in patterns:
            by_kind[pattern.kind].append(pattern.name)
        self._names = frozenset(by_kind[Kind.IS])
        self._ends = tuple(dict.fromkeys(by_kind[Kind.ENDS]))
        self._starts = tuple(dict.fromkeys(by_kind[Kind.STARTS]))
        # One look at a sign spares nearly every name the walk through all beginnings and ends.
        self._last_signs = frozenset(end[-1] for end in self._ends)
        self._first_signs = frozenset(start[0] for start in self._starts)
        rest = dict.fromkeys(by_kind[Kind.MATCHES])
        # One expression for all of them; what begins it are plain signs as a rule, so that it fails early.
        self._match = re.compile("|".join(rest), re.DOTALL).match if rest else None

    def may_mean(self, name: str) -> bool:
        """`name`: of an entry, so not empty."""
        return (
            name in self._names
            or (name[-1] in self._last_signs and name.endswith(self._ends))
            or (name[0] in self._first_signs and name.startswith(self._starts))
            or (self._match is not None and self._match(name) is not None)
        )
