"""Whose pieces are taken note of: what changes, and the rest where it costs no time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from howdah_common.chunks import MIB, ChunkPlan
from howdah_common.messages import FileInfo
from howdah_desktop.engine.change import LEAST_BYTES, Change
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.pieces import PieceList, Sizes
from howdah_desktop.engine.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 5 * MIB
DATA = os.urandom(SIZE)


def fast() -> Link:
    link = Link()
    link.carried(64 * MIB, 0.2)
    assert link.fast
    return link


def slow() -> Link:
    link = Link()
    link.carried(64 * MIB, 1.0)
    assert not link.fast
    return link


def standing(size: int = SIZE) -> FileInfo:
    return FileInfo(
        id="f",
        space="s",
        path="p",
        version="v",
        size=size,
        modified_ns=0,
        added_ns=0,
        chunk_bytes=MIB,
        digest_algorithm="blake3",
        manifest_digest="0" * 64,
    )


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    (tmp_path / "file").write_bytes(DATA)
    with Source(os.fsencode(tmp_path / "file")) as opened:
        yield opened


def begun(
    there: FileInfo | None = None, *, watched: bool = False, size: int = SIZE, known: bytes = b""
) -> Change:
    change = Change(lambda file_id: ("v", known) if known and file_id == "f" else None)
    change.begin(size, there, watched=watched)
    return change


def finished(change: Change, source: Source) -> PieceList | None:
    change.finish(source, lambda: None)
    return None if change.pieces is None else PieceList.from_bytes(change.pieces)


def send(change: Change, link: Link, end: int = SIZE) -> None:
    """As a request does with what it reads."""
    for at in range(0, end, MIB):
        notes = change.notes_over(link)
        if notes is not None:
            cutter = notes.begin(at)
            cutter.feed(memoryview(DATA)[at : min(at + MIB, end)])
            notes.end(cutter, at)


@pytest.mark.parametrize("link", [slow(), Link()], ids=["slow", "unknown"])
def test_over_a_line_that_holds_it_up_every_file_is_noted(source: Source, link: Link) -> None:
    change = begun()
    send(change, link)
    found = finished(change, source)
    assert found is not None
    assert sum(length for _, length, _ in found.pieces()) == SIZE


def test_over_a_fast_line_a_file_that_hardly_changes_is_not_noted(source: Source) -> None:
    change = begun()
    send(change, Link(), MIB)  # nothing is known of the line before its first request
    send(change, fast())
    assert finished(change, source) is None


@pytest.mark.parametrize(
    "change", [begun(watched=True), begun(standing())], ids=["watched", "sent-before"]
)
def test_what_is_watched_or_was_sent_before_is_noted_over_any_line(
    source: Source, change: Change
) -> None:
    send(change, fast())
    found = finished(change, source)
    assert found is not None
    assert sum(length for _, length, _ in found.pieces()) == SIZE


def test_what_is_small_is_not_noted(source: Source) -> None:
    change = begun(standing(), watched=True, size=LEAST_BYTES - 1)
    assert change.notes_over(Link()) is None
    assert finished(change, source) is None
    assert not change.may_save


def test_a_file_is_cut_like_the_version_that_it_is_compared_with(source: Source) -> None:
    known = bytes(PieceList(Sizes(14)))
    change = begun(standing(), known=known)
    change.plan(ChunkPlan(SIZE, MIB), source, lambda: None)
    assert change.recipes is not None
    assert PieceList.from_bytes(change.pieces or b"").sizes == Sizes(14)


def test_a_list_with_too_small_pieces_for_the_file_it_has_become_is_left() -> None:
    change = begun(standing(), size=2**40, known=bytes(PieceList(Sizes(16))))
    assert not change.may_save


def test_a_damaged_list_is_left() -> None:
    assert not begun(standing(), known=b"HPL1 and more").may_save


@pytest.mark.parametrize("version", ["", "../v", "v" * 129])
def test_a_version_that_no_recipe_can_name_is_left(version: str) -> None:
    change = Change(lambda _: (version, bytes(PieceList(Sizes(14)))))
    change.begin(SIZE, standing(), watched=False)
    assert not change.may_save
