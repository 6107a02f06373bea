"""What a bar shows of more chunks than it has pixels; above all, that nothing missing is hidden."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop.window.chunk_bar import Run, pixel_runs
from howdah_desktop.window.look import Part, Span

R, F, K = Part.RECEIVED, Part.IN_FLIGHT, Part.KNOWN


def shown(spans: list[Span], pixels: int, round_ends: int = 1) -> str:
    """One letter for each column."""
    letters = {None: ".", R: "R", F: "f", K: "k"}
    runs = pixel_runs(spans, pixels, round_ends)
    return "".join(letters[run.part] * (run.last - run.first) for run in runs)


def of_chunks(parts: list[Part | None]) -> list[Span]:
    """Spans of chunks of one size."""
    return [
        Span(at / len(parts), (at + 1) / len(parts), part)
        for at, part in enumerate(parts)
        if part is not None
    ]


def test_a_bar_of_nothing_is_empty() -> None:
    assert pixel_runs((), 10) == (Run(0, 10, None),)


def test_a_whole_file_is_one_run() -> None:
    assert pixel_runs([Span(0, 1, R)], 10) == (Run(0, 10, R),)


def test_a_bar_without_room_shows_nothing() -> None:
    assert pixel_runs([Span(0, 1, R)], 0) == ()


def test_parts_stand_where_they_are() -> None:
    spans = [Span(0, 0.2, K), Span(0.2, 0.5, R), Span(0.5, 0.6, F), Span(0.8, 0.9, R)]
    assert shown(spans, 10) == "kkRRRf..R."


def test_a_column_shows_what_most_of_it_is() -> None:
    assert shown([Span(0, 0.57, R)], 10) == "RRRRRR...."
    assert shown([Span(0, 0.53, R)], 10) == "RRRRR....."


def test_of_two_halves_the_lesser_one_is_shown() -> None:
    assert shown([Span(0, 0.55, R)], 10) == "RRRRR....."
    assert shown([Span(0, 0.25, K), Span(0.25, 1, R)], 2) == "RR"


def test_a_gap_of_one_chunk_in_ten_thousand_is_seen() -> None:
    parts: list[Part | None] = [R] * 10_000
    parts[5_003] = None
    assert shown(of_chunks(parts), 100) == "R" * 50 + "." + "R" * 49


def test_a_last_chunk_on_its_way_is_seen() -> None:
    parts: list[Part | None] = [R] * 10_000
    parts[-1] = F
    assert shown(of_chunks(parts), 100) == "R" * 99 + "f"


def test_gaps_everywhere_do_not_empty_the_bar() -> None:
    """Two of three chunks are there; a bar of nothing but gaps would be as wrong as a full one."""
    parts: list[Part | None] = [R, R, None] * 1_000
    assert shown(of_chunks(parts), 100).count("R") >= 45


def test_neighbouring_spans_that_were_divided_twice_have_no_gap_between_them() -> None:
    ends = [at / 7 * 3 / 3 for at in range(8)]
    spans = [Span(first, last + 1e-13, R) for first, last in pairwise(ends)]
    assert shown(spans, 70) == "R" * 70


def test_a_round_end_takes_more_than_one_column_to_be_seen() -> None:
    assert shown([Span(0, 0.999, R)], 100, round_ends=3) == "R" * 97 + "..."
    assert shown([Span(0.001, 1, R)], 100, round_ends=3) == "..." + "R" * 97
    assert shown([Span(0, 1, R)], 100, round_ends=3) == "R" * 100


def test_of_spans_that_overlap_the_earlier_one_counts() -> None:
    assert shown([Span(0, 0.5, R), Span(0.3, 0.8, F)], 10) == "RRRRRfff.."


@pytest.mark.parametrize("pixels", [1, 2, 7, 720, 1_080])
def test_a_hundred_thousand_chunks_fit_any_bar(pixels: int) -> None:
    parts: list[Part | None] = [R, F, None, K] * 25_000
    runs = pixel_runs(of_chunks(parts), pixels)
    assert len(runs) <= pixels
    assert runs[-1].last == pixels


chunk_maps = st.lists(st.sampled_from([None, R, F, K]), min_size=1, max_size=300)


@given(chunk_maps, st.integers(1, 120), st.integers(1, 4))
def test_runs_cover_every_column_once(
    parts: list[Part | None], pixels: int, round_ends: int
) -> None:
    runs = pixel_runs(of_chunks(parts), pixels, round_ends)
    assert [run.first for run in runs] == [0, *(run.last for run in runs[:-1])]
    assert runs[-1].last == pixels
    assert all(run.first < run.last for run in runs)
    assert all(one.part != other.part for one, other in pairwise(runs))


@given(chunk_maps, st.integers(1, 120))
def test_what_is_not_complete_never_looks_complete(parts: list[Part | None], pixels: int) -> None:
    columns = shown(of_chunks(parts), pixels)
    assert (set(columns) <= {"R", "k"}) == (set(parts) <= {R, K})


@given(chunk_maps, st.integers(1, 120))
def test_every_gap_is_seen_where_it_is_or_right_beside_it(
    parts: list[Part | None], pixels: int
) -> None:
    columns = shown(of_chunks(parts), pixels)
    for at, part in enumerate(parts):
        if part is None:
            first, last = int(at / len(parts) * pixels), int((at + 1) / len(parts) * pixels)
            assert "." in columns[max(0, first - 2) : last + 3]
