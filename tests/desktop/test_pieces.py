"""Pieces: cut where the content says, the same however a file was read, and bounded in number."""

from __future__ import annotations

import os
import random
import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.chunks import KIB, MIB
from howdah_common.problems import ProblemError
from howdah_desktop.engine.piece_notes import PieceNotes
from howdah_desktop.engine.pieces import MOST_PIECES, WANTED_PIECES, Cutter, PieceList, Sizes
from howdah_desktop.engine.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TINY = Sizes(12)
"""Pieces of 4 KiB: many in little."""
Noted = list[tuple[int, int, bytes]]


def cut(data: bytes, sizes: Sizes = TINY, step: int = MIB) -> Noted:
    """The pieces of `data`, fed `step` bytes at a time."""
    found: Noted = []
    cutter = Cutter(sizes, 0, lambda *piece: found.append(piece))
    for at in range(0, len(data), step):
        cutter.feed(memoryview(data)[at : at + step])
    cutter.finish()
    return found


def stretch(notes: PieceNotes, data: bytes, offset: int, end: int, step: int = 10_000) -> None:
    """Show a part of the file, as who reads it for something else does."""
    for at in range(offset, end, step):
        cutter = notes.begin(at)
        cutter.feed(memoryview(data)[at : min(at + step, end)])
        notes.end(cutter, at)


class Counting(Source):
    """Counts what is read again."""

    read_bytes = 0

    def read_into(self, view: memoryview, offset: int) -> None:
        self.read_bytes += len(view)
        super().read_into(view, offset)


@pytest.fixture
def data() -> bytes:
    return random.Random(1).randbytes(400_000)


@pytest.fixture
def source(tmp_path: Path, data: bytes) -> Iterator[Counting]:
    (tmp_path / "file").write_bytes(data)
    with Counting(os.fsencode(tmp_path / "file")) as opened:
        yield opened


def whole(notes: PieceNotes, source: Source) -> list[tuple[int, int, bytes]]:
    found = notes.whole(source, lambda: None)
    assert found is not None
    return list(found.pieces())


@pytest.mark.parametrize("sizes", [TINY, Sizes(12, 2), Sizes(16)])
@pytest.mark.parametrize("length", [0, 1, 4095, 70_000, 400_000])
def test_pieces_follow_each_other_from_the_first_byte_to_the_last(
    data: bytes, sizes: Sizes, length: int
) -> None:
    at = 0
    for offset, count, _ in cut(data[:length], sizes):
        assert offset == at
        at += count
    assert at == length


def test_pieces_are_about_as_long_as_is_wanted(data: bytes) -> None:
    lengths = [length for _, length, _ in cut(data)]
    assert all(2048 <= length <= 8192 for length in lengths[:-1])
    assert 3_000 < sum(lengths) / len(lengths) < 5_500
    groups = [length for _, length, _ in cut(data, Sizes(12, 2))]
    assert 8_000 < sum(groups) / len(groups) < 40_000


@settings(max_examples=25)
@given(st.integers(1, 30_000), st.integers(0, 50_000))
def test_how_a_file_is_fed_makes_no_difference(step: int, length: int) -> None:
    data = random.Random(2).randbytes(length)
    assert cut(data, step=step) == cut(data)


@pytest.mark.parametrize("sizes", [TINY, Sizes(12, 2)])
@pytest.mark.parametrize("at", [0, 1, 200_000])
def test_after_an_insertion_the_same_pieces_come_again(data: bytes, sizes: Sizes, at: int) -> None:
    before = {digest for _, _, digest in cut(data, sizes)}
    after = cut(data[:at] + b"inserted" + data[at:], sizes)
    new = sum(length for _, length, digest in after if digest not in before)
    assert new < 30_000 << sizes.group_bits


def test_what_always_looks_the_same_has_an_end() -> None:
    assert {length for _, length, _ in cut(bytes(100_000), TINY)} == {8192, 100_000 % 8192}
    lengths = [length for _, length, _ in cut(bytes(2_000_000), Sizes(12, 2))]
    assert max(lengths) <= 16 * 4 * 4096 + 8192


@pytest.mark.parametrize("sizes", [TINY, Sizes(12, 2)])
@pytest.mark.parametrize("seed", range(8))
def test_a_file_read_in_stretches_has_the_pieces_of_one_that_was_read_at_once(
    data: bytes, source: Counting, sizes: Sizes, seed: int
) -> None:
    chance = random.Random(seed)
    borders = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(6))})
    stretches = list(pairwise(borders))
    chance.shuffle(stretches)
    notes = PieceNotes(sizes, len(data))
    left_out = chance.randrange(2)
    for first, end in stretches[left_out:]:
        stretch(notes, data, first, end)
    assert whole(notes, source) == cut(data, sizes)


def test_what_was_read_in_order_is_not_read_again(data: bytes, source: Counting) -> None:
    notes = PieceNotes(TINY, len(data))
    stretch(notes, data, 0, len(data))
    assert whole(notes, source) == cut(data)
    assert source.read_bytes == 0


def test_only_what_lies_between_two_stretches_is_read_again(tmp_path: Path) -> None:
    data = random.Random(3).randbytes(24 * MIB)
    (tmp_path / "file").write_bytes(data)
    notes = PieceNotes(Sizes(14), len(data))
    for first in (16, 0, 8):
        stretch(notes, data, first * MIB, (first + 8) * MIB, MIB)
    with Counting(os.fsencode(tmp_path / "file")) as source:
        assert whole(notes, source) == cut(data, Sizes(14))
        assert 0 < source.read_bytes <= 2 * MIB, "a block for each place where two met"


def test_more_stretches_than_may_rest_cost_only_reading_again(
    data: bytes, source: Counting
) -> None:
    notes = PieceNotes(TINY, len(data))
    for at in range(0, len(data), 20_000):
        stretch(notes, data, at, min(at + 10_000, len(data)))
    assert whole(notes, source) == cut(data)
    assert source.read_bytes > 0


def test_a_file_that_became_shorter_is_told(data: bytes, tmp_path: Path, source: Source) -> None:
    os.truncate(tmp_path / "file", 1000)
    with pytest.raises(ProblemError, match="source_changed"):
        PieceNotes(TINY, len(data)).whole(source, lambda: None)


def test_whoever_stops_it_is_heard(data: bytes, source: Source) -> None:
    def stop() -> None:
        raise ProblemError("interrupted")

    with pytest.raises(ProblemError, match="interrupted"):
        PieceNotes(TINY, len(data)).whole(source, stop)


@pytest.mark.parametrize("power", range(22, 45))
def test_lists_are_short_whatever_the_size_of_the_file(power: int) -> None:
    size = 1 << power
    sizes = Sizes.for_file(size)
    entry = sizes.piece_bytes << sizes.group_bits
    assert sizes.fits(size)
    assert size / entry <= WANTED_PIECES
    assert sizes.piece_bytes == (64 * KIB if size < 64 * MIB else 256 * KIB)
    assert sizes.group_bits == 0 or size / entry >= WANTED_PIECES / 4
    assert not sizes.fits(4 * WANTED_PIECES * entry)


def test_a_list_that_grows_too_long_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(bytes(200_000))
    monkeypatch.setattr("howdah_desktop.engine.piece_notes.MOST_PIECES", 10)
    with Source(os.fsencode(tmp_path / "file")) as source:
        assert PieceNotes(TINY, 200_000).whole(source, lambda: None) is None


def test_memory_stays_flat_over_a_large_file() -> None:
    block = memoryview(random.Random(4).randbytes(MIB))
    kept = PieceList(Sizes(18, 4))
    cutter = Cutter(kept.sizes, 0, lambda _, length, digest: kept.add(length, digest))
    tracemalloc.start()
    try:
        for _ in range(64):
            cutter.feed(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * MIB


def test_a_list_comes_back_from_the_ledger_as_it_was(data: bytes) -> None:
    made = PieceList(Sizes(12, 3))
    for _, length, digest in cut(data):
        made.add(length, digest)
    again = PieceList.from_bytes(bytes(made))
    assert again.sizes == made.sizes
    assert list(again.pieces()) == list(made.pieces()) == cut(data)
    assert len(again) == len(made)
    assert len(bytes(made)) == 8 + 20 * len(made)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"HPL1",
        b"HPL2\x0c\0\0\0",
        b"HPL1\x0c\0\0\1",
        b"HPL1\x09\0\0\0",
        b"HPL1\xff\0\0\0",
        b"HPL1\x0c\xff\0\0",
        b"HPL1\x0c\0\0\0" + bytes(19),
        b"HPL1\x0c\0\0\0" + bytes(20 * (MOST_PIECES + 1)),
    ],
)
def test_what_is_no_list_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="no list of pieces"):
        PieceList.from_bytes(wrong)
