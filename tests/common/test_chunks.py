"""How files are cut: the grid covers a file once, stays where it is, and keeps to its limits."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from howdah_common.chunks import (
    DEFAULT_MOST_CHUNKS,
    KIB,
    MIB,
    MOST_BYTES,
    MOST_CHUNKS,
    SMALLEST_CHUNK_BYTES,
    ChunkPlan,
    ChunkPlanError,
    Span,
    check_chunk_bytes,
    check_size,
    default_chunk_bytes,
    smallest_chunk_bytes,
)

GIB = 1024 * MIB
TIB = 1024 * GIB

sizes = st.one_of(st.integers(0, 64 * MIB), st.integers(0, MOST_BYTES))
grids = st.integers(16, 40).map(lambda exponent: 2**exponent)


@st.composite
def plans(draw: st.DrawFn) -> ChunkPlan:
    """Plans of any grid, with sizes near the chunks' borders as often as between them."""
    chunk_bytes = draw(grids)
    whole = draw(st.integers(0, MOST_CHUNKS - 1)) * chunk_bytes
    return ChunkPlan(whole + draw(st.integers(0, chunk_bytes)), chunk_bytes)


@st.composite
def small_plans(draw: st.DrawFn) -> ChunkPlan:
    """Plans of so few chunks that a test can walk over all of them."""
    chunk_bytes = draw(grids)
    return ChunkPlan(draw(st.integers(0, 50 * chunk_bytes)), chunk_bytes)


@given(small_plans())
@example(ChunkPlan(0, 64 * KIB))
@example(ChunkPlan(1, 64 * KIB))
@example(ChunkPlan(64 * KIB, 64 * KIB))
@example(ChunkPlan(64 * KIB + 1, 64 * KIB))
def test_the_spans_tile_the_file_exactly(plan: ChunkPlan) -> None:
    spans = list(plan.spans())
    assert len(spans) == plan.total_chunks
    end = 0
    for span in spans:
        assert span.offset == end
        assert 0 < span.length <= plan.chunk_bytes
        end = span.end
    assert end == plan.size
    assert all(span.length == plan.chunk_bytes for span in spans[:-1])


@given(plans(), st.data())
def test_every_byte_lies_in_the_chunk_that_its_offset_says(
    plan: ChunkPlan, data: st.DataObject
) -> None:
    assume(plan.size > 0)
    offset = data.draw(st.integers(0, plan.size - 1))
    span = plan.span(offset // plan.chunk_bytes)
    assert span.offset <= offset < span.end


@given(plans(), st.data())
def test_the_whole_chunks_of_a_file_stay_the_same_while_it_grows(
    plan: ChunkPlan, data: st.DataObject
) -> None:
    grown = ChunkPlan(
        data.draw(st.integers(plan.size, MOST_CHUNKS * plan.chunk_bytes)), plan.chunk_bytes
    )
    whole = plan.size // plan.chunk_bytes
    assume(whole > 0)
    number = data.draw(st.integers(0, whole - 1))
    assert grown.span(number) == plan.span(number)


@given(small_plans(), st.data())
def test_the_bytes_of_a_run_are_those_of_its_chunks(plan: ChunkPlan, data: st.DataObject) -> None:
    assume(plan.total_chunks > 0)
    first = data.draw(st.integers(0, plan.total_chunks - 1))
    last = data.draw(st.integers(first, plan.total_chunks - 1))
    lengths = [plan.span(number).length for number in range(first, last + 1)]
    assert plan.bytes_in(first, last) == sum(lengths)


def test_an_empty_file_has_no_chunk() -> None:
    plan = ChunkPlan(0, MIB)
    assert plan.total_chunks == 0
    assert list(plan.spans()) == []


def test_the_last_chunk_is_what_remains() -> None:
    plan = ChunkPlan(2 * MIB + 5, MIB)
    assert list(plan.spans()) == [Span(0, MIB), Span(MIB, MIB), Span(2 * MIB, 5)]


@pytest.mark.parametrize("number", [-1, 3, 2**40])
def test_a_chunk_beyond_the_grid_is_an_index_error(number: int) -> None:
    with pytest.raises(IndexError, match=f"chunk {number} of 3"):
        ChunkPlan(2 * MIB + 5, MIB).span(number)


def test_65_536_chunks_are_the_most() -> None:
    assert ChunkPlan(MOST_CHUNKS * MIB, MIB).total_chunks == MOST_CHUNKS
    with pytest.raises(ChunkPlanError, match="65537 chunks; 65536 are the most"):
        ChunkPlan(MOST_CHUNKS * MIB + 1, MIB)


@pytest.mark.parametrize(
    "chunk_bytes", [-(64 * KIB), -1, 0, 1, 32 * KIB, 64 * KIB + 1, 3 * MIB, 2**63, 2**100]
)
def test_a_chunk_size_is_a_power_of_two_within_the_limits(chunk_bytes: int) -> None:
    with pytest.raises(ChunkPlanError, match="is not a power of two"):
        check_chunk_bytes(chunk_bytes)
    with pytest.raises(ChunkPlanError):
        ChunkPlan(1, chunk_bytes)


@pytest.mark.parametrize("exponent", range(16, 63))
def test_every_power_of_two_from_64_kib_is_a_chunk_size(exponent: int) -> None:
    assert ChunkPlan(2**exponent, 2**exponent).total_chunks == 1


@pytest.mark.parametrize("size", [-1, MOST_BYTES + 1])
def test_a_size_that_no_file_has_is_refused(size: int) -> None:
    for refuse in (check_size, default_chunk_bytes, smallest_chunk_bytes):
        with pytest.raises(ChunkPlanError, match="is not a file size"):
            refuse(size)


@pytest.mark.parametrize(
    ("size", "chunk_bytes"),
    [
        (None, 8 * MIB),
        (0, MIB),
        (1, MIB),
        (8 * GIB, MIB),
        (8 * GIB + 1, 2 * MIB),
        (16 * GIB, 2 * MIB),
        (TIB, 128 * MIB),
    ],
)
def test_the_default_grid_follows_the_size(size: int | None, chunk_bytes: int) -> None:
    assert default_chunk_bytes(size) == chunk_bytes


@given(sizes)
@example(MOST_BYTES)
def test_the_default_is_the_smallest_that_stays_within_8_192_chunks(size: int) -> None:
    chunk_bytes = default_chunk_bytes(size)
    assert ChunkPlan(size, chunk_bytes).total_chunks <= DEFAULT_MOST_CHUNKS
    assert chunk_bytes == MIB or -(-size // (chunk_bytes // 2)) > DEFAULT_MOST_CHUNKS


@given(sizes)
@example(MOST_BYTES)
def test_the_smallest_grid_is_the_smallest_that_makes_a_plan(size: int) -> None:
    chunk_bytes = smallest_chunk_bytes(size)
    assert ChunkPlan(size, chunk_bytes).total_chunks <= MOST_CHUNKS
    assert chunk_bytes <= default_chunk_bytes(size)
    if chunk_bytes > SMALLEST_CHUNK_BYTES:
        with pytest.raises(ChunkPlanError):
            ChunkPlan(size, chunk_bytes // 2)


@given(sizes, sizes)
def test_a_larger_file_never_gets_smaller_chunks(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert default_chunk_bytes(small) <= default_chunk_bytes(large)
    assert smallest_chunk_bytes(small) <= smallest_chunk_bytes(large)
