"""Recipes for the chunks of a changed file: what they make is the chunk, and they pay or are not made."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.chunks import KIB, ChunkPlan
from howdah_common.problems import ProblemError
from howdah_desktop.engine.pieces import Cutter, PieceList, Sizes
from howdah_desktop.engine.recipes import Recipe, Recipes, Run, matches

CHUNK = 64 * KIB
SIZES = Sizes(12)


def pieces(data: bytes) -> PieceList:
    found = PieceList(SIZES)
    cutter = Cutter(SIZES, 0, lambda _, length, digest: found.add(length, digest))
    cutter.feed(memoryview(data))
    cutter.finish()
    return found


def recipes(before: bytes, now: bytes) -> Recipes:
    runs = list(matches(pieces(before), pieces(now)))
    return Recipes("v", ChunkPlan(len(now), CHUNK), runs)


def made(recipe: Recipe, before: bytes, now: bytes) -> bytes:
    return b"".join(
        now[part.offset : part.end] if there is None else before[there : there + part.length]
        for part, there in recipe.steps
    )


def assert_makes(found: Recipes, before: bytes, now: bytes) -> int:
    """All that recipes are made for comes out; how many bytes are sent."""
    plan = ChunkPlan(len(now), CHUNK)
    sent = 0
    for number in range(plan.total_chunks):
        span = plan.span(number)
        recipe = found.of(number)
        if recipe is not None:
            assert made(recipe, before, now) == now[span.offset : span.end]
            assert recipe.length <= span.length * 7 / 8
        sent += found.payload_bytes(number)
    return sent


BEFORE = random.Random(1).randbytes(500_000)


@pytest.mark.parametrize(
    ("now", "most_bytes"),
    [
        (BEFORE, 1_000),
        (b"x" * 1000 + BEFORE, 15_000),
        (BEFORE[1000:], 15_000),
        (BEFORE[:250_000] + b"x" + BEFORE[250_000:], 15_000),
        (BEFORE[:200_000] + bytes(5_000) + BEFORE[205_000:], 25_000),
        (BEFORE[300_000:] + BEFORE[:300_000], 30_000),
        (BEFORE * 2, 25_000),
        (BEFORE + random.Random(2).randbytes(100_000), 120_000),
    ],
    ids=["same", "front", "cut", "middle", "changed", "turned", "doubled", "longer"],
)
def test_a_change_costs_what_changed(now: bytes, most_bytes: int) -> None:
    assert assert_makes(recipes(BEFORE, now), BEFORE, now) < most_bytes


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400_000), st.integers(0, 60_000), st.binary(max_size=300)),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_was_done_to_a_file_the_recipes_make_it(
    parts: list[tuple[int, int, bytes]],
) -> None:
    now = b"".join(BEFORE[at : at + count] + new for at, count, new in parts) or b"x"
    assert_makes(recipes(BEFORE, now), BEFORE, now)


def test_another_file_has_no_recipes() -> None:
    now = random.Random(3).randbytes(300_000)
    found = recipes(BEFORE, now)
    assert [found.of(number) for number in range(5)] == [None] * 5
    assert found.payload_bytes(0) == CHUNK


def test_a_recipe_that_hardly_saves_anything_is_not_made() -> None:
    plan = ChunkPlan(CHUNK, CHUNK)
    assert Recipes("v", plan, [Run(0, 0, CHUNK // 10)]).of(0) is None
    assert Recipes("v", plan, [Run(0, 0, CHUNK // 2)]).of(0) is not None


def test_what_is_there_many_times_makes_one_run() -> None:
    block = random.Random(4).randbytes(40_000)
    before = block * 5
    (run,) = [run for run in matches(pieces(before), pieces(before)) if run.length > 40_000]
    assert (run.offset, run.there, run.length) == (0, 0, len(before))


# -- what the receiver says


def test_a_source_that_is_missing_ends_all_recipes() -> None:
    found = recipes(BEFORE, BEFORE)
    left = found.none_left(ProblemError("recipe_source_missing"), [0])
    assert left.code == "recipe_source_missing"
    assert [found.of(number) for number in range(8)] == [None] * 8


@pytest.mark.parametrize("code", ["bad_frame", "body_too_large"])
def test_a_receiver_that_takes_no_recipes_gets_none(code: str) -> None:
    found = recipes(BEFORE, BEFORE)
    assert found.none_left(ProblemError(code), [0]).code == "recipe_source_missing"
    assert found.of(0) is None
    assert found.none_left(ProblemError(code), [0]).code == code, "they are not to blame again"


def test_a_chunk_that_came_out_wrong_is_sent_plainly_and_the_others_stay() -> None:
    found = recipes(BEFORE, BEFORE)
    wrong = ProblemError("chunk_mismatch", "", {"chunks": [(2, 3)]})
    assert found.none_left(wrong, [0, 1, 2, 3]).code == "recipe_source_missing"
    assert [found.of(number) is None for number in range(5)] == [False, False, True, True, False]


def test_what_was_sent_plainly_and_arrived_wrong_still_counts_as_that() -> None:
    found = recipes(BEFORE, BEFORE)
    wrong = ProblemError("chunk_mismatch", "", {"chunks": [(2, 2)]})
    found.none_left(wrong, [2])
    again = found.none_left(ProblemError("chunk_mismatch", "", {"chunks": [(2, 3)]}), [2, 3])
    assert (again.code, again.extra["chunks"]) == ("chunk_mismatch", [(2, 2)])


def test_a_broken_line_is_not_the_fault_of_recipes() -> None:
    found = recipes(BEFORE, BEFORE)
    assert found.none_left(ProblemError("offline"), [0]).code == "offline"
    assert found.of(0) is not None
