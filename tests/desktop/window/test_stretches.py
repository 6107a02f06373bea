"""Where two lists differ: as a look at one row after the other would find it."""

from __future__ import annotations

from itertools import pairwise, takewhile

from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop.window.models.stretches import alike, runs_of

ROWS = st.sets(st.integers(0, 60)).map(sorted)
KEYS = st.lists(st.integers(0, 2), max_size=20)


@given(ROWS)
def test_runs_hold_each_row_once_and_do_not_touch(rows: list[int]) -> None:
    runs = runs_of(rows, len(rows))
    assert runs is not None
    assert [row for first, last in runs for row in range(first, last + 1)] == rows
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(runs))


@given(ROWS, st.integers(0, 10))
def test_more_runs_than_are_wanted_are_none(rows: list[int], most: int) -> None:
    runs = runs_of(rows, len(rows)) or []
    assert runs_of(rows, most) == (runs if len(runs) <= most else None)


@given(KEYS, KEYS)
def test_lists_are_alike_up_to_the_first_difference(some: list[int], others: list[int]) -> None:
    pairs = zip(some, others, strict=False)
    assert alike(some, others) == len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
