"""Which chunks are where, as a window paints them: under way is what has left, no more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import BLAKE3
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.chunkwork import ChunkWork
from howdah_desktop.engine.source import Source
from howdah_desktop.engine.streams import ChunkStream, new_buffer

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 256 * 1024


def test_a_chunk_is_under_way_from_its_first_byte_to_the_answer(tmp_path: Path) -> None:
    file = tmp_path / "film"
    file.write_bytes(os.urandom(4 * CHUNK))
    work = ChunkWork(ChunkPlan(4 * CHUNK, CHUNK), BLAKE3)
    work.open_round(None)
    with Source(os.fsencode(file)) as source:
        numbers = work.take(4 * CHUNK)
        assert numbers == [0, 1, 2]
        assert work.map().in_flight == (), "taken, and nothing has left"
        leaving = iter(ChunkStream(source, work, numbers, new_buffer(), lambda ready: ready))
        next(leaving)
        assert work.map().in_flight == ((0, 0),)
        list(leaving)
        assert work.map().in_flight == ((0, 2),)
    assert work.map(CHUNK - 1).in_flight == ((0, 2),), "a part of the last one has left"
    assert work.map(CHUNK).in_flight == ((0, 1),)
    assert work.map(9 * CHUNK).in_flight == ()
    work.stored([(0, 1)], RangeSet([(0, 2)]))
    work.landed(numbers)
    assert work.map().in_flight == ()
    assert work.map().received == ((0, 1),)
