"""What of a changed file need not be sent: recipes for its chunks, of the version that was sent before."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from howdah_common.chunks import ChunkPlan, Span
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_common.recipes import (
    LITERAL_BYTES,
    MOST_STEP_LENGTH,
    MOST_STEPS,
    RANGE_BYTES,
    literal_step,
    range_step,
    recipe_head,
)
from howdah_desktop.engine.pieces import PieceList

WORTH = 7 / 8
"""A recipe longer than this part of its chunk is not worth what it may cost to send that again."""
_NOT_AS_MEANT = frozenset({"recipe_source_missing", "bad_frame", "body_too_large"})
"""What a receiver says that cannot make use of recipes, not of these, or not of any."""


@dataclass(frozen=True, slots=True)
class Run:
    """`length` bytes from `offset` on of the file are those from `there` on of the version."""

    offset: int
    there: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(slots=True)
class Recipe:
    """How one chunk is made."""

    span: Span
    version: str
    steps: list[tuple[Span, int | None]] = field(default_factory=list)
    """Parts of the file, and where each is in the version; None: it is sent."""

    @property
    def length(self) -> int:
        """Of the frame's payload, in bytes."""
        heads = sum(
            LITERAL_BYTES + part.length if there is None else RANGE_BYTES
            for part, there in self.steps
        )
        return len(self.head()) + heads

    def head(self) -> bytes:
        return recipe_head(self.span.length, [self.version])

    @staticmethod
    def step_head(part: Span, there: int | None) -> bytes:
        return literal_step(part.length) if there is None else range_step(0, there, part.length)


def matches(before: PieceList, now: PieceList) -> Iterator[Run]:
    """What of the file as it is now stands in what it was before, in order; neighbours in one."""
    known = list(before.pieces())
    at_of: dict[bytes, int] = {}
    for at, (_, _, digest) in enumerate(known):
        at_of.setdefault(digest, at)
    run: Run | None = None
    following = len(known)
    for offset, length, digest in now.pieces():
        # What comes there next goes first: of what is there many times it makes one run.
        goes_on = following < len(known) and known[following][1:] == (length, digest)
        at = following if goes_on else at_of.get(digest, -1)
        if at < 0 or known[at][1] != length:
            following = len(known)
            continue
        following = at + 1
        there = known[at][0]
        if run and run.end == offset and run.there + run.length == there:
            run = Run(run.offset, run.there, run.length + length)
            continue
        if run:
            yield run
        run = Run(offset, there, length)
    if run:
        yield run


class Recipes:
    """Those of one upload. May be used from any thread."""

    def __init__(self, version: str, plan: ChunkPlan, runs: list[Run]) -> None:
        self._version = version
        self._plan = plan
        self._lock = threading.Lock()
        # Guarded by the lock:
        self._runs = runs
        self._offsets = [run.offset for run in runs]
        self._plain = RangeSet()

    def of(self, number: int) -> Recipe | None:
        """None: the chunk is sent as it is."""
        span = self._plan.span(number)
        with self._lock:
            if number in self._plain or span.length > MOST_STEP_LENGTH:
                return None
            recipe = Recipe(span, self._version, list(self._steps(span)))
        if len(recipe.steps) > MOST_STEPS or recipe.length > span.length * WORTH:
            return None
        return recipe

    def payload_bytes(self, number: int) -> int:
        """What the frame of a chunk carries."""
        recipe = self.of(number)
        return self._plan.span(number).length if recipe is None else recipe.length

    def none_left(self, problem: ProblemError, numbers: list[int]) -> ProblemError:
        """A request with the chunks `numbers` was refused: what of the problem is left once those that
        recipes are to blame for are sent as they are, which they are from now on."""
        if problem.code in _NOT_AS_MEANT and any(self.of(number) for number in numbers):
            with self._lock:
                self._runs, self._offsets = [], []
            return ProblemError("recipe_source_missing", problem.detail)
        if problem.code != "chunk_mismatch":
            return problem
        chunks: Any = problem.extra.get("chunks", [])
        named = list(RangeSet(chunks).numbers())
        made = [number for number in named if self.of(number)]
        with self._lock:
            for number in made:
                self._plain.add(number)
        others = RangeSet.of(number for number in named if number not in set(made)).pairs()
        if made and not others:
            return ProblemError("recipe_source_missing", problem.detail)
        return ProblemError(problem.code, problem.detail, {**problem.extra, "chunks": others})

    def _steps(self, span: Span) -> Iterator[tuple[Span, int | None]]:
        """Called with the lock held."""
        at = span.offset
        for index in range(max(0, bisect_right(self._offsets, at) - 1), len(self._runs)):
            run = self._runs[index]
            if run.offset >= span.end:
                break
            first, end = max(run.offset, at), min(run.end, span.end)
            if first >= end:
                continue
            if first > at:
                yield Span(at, first - at), None
            yield Span(first, end - first), run.there + first - run.offset
            at = end
        if at < span.end:
            yield Span(at, span.end - at), None
