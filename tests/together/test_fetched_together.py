"""Trees of small files come back whole and in few requests, whatever the disk there or the line does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from kit.native import rot

if TYPE_CHECKING:
    from pathlib import Path

    from together.carriage import Carriage

FILES = 400


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file, by its path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def sent(way: Carriage, size: int) -> dict[str, tuple[bytes, int]]:
    for number in range(FILES):
        place = way.folder / "tree" / str(number % 7) / f"{number:03}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(number % 3 and size))
        os.utime(place, ns=(1, 1_600_000_000_123_000_000 + number))
    way.run("send", way.folder / "tree")
    return tree(way.folder / "tree")


@pytest.mark.timeout(180)
def test_some_hundred_small_files_come_back_in_few_requests(way: Carriage) -> None:
    there = sent(way, 3_000)
    asked: list[str] = []
    way.link.before_request(lambda method, path: asked.append(f"{method} {path}"))
    way.fetched("tree")
    way.link.before_request(None)
    assert tree(way.folder / "back" / "tree") == there
    # One by one they would be more than three each.
    assert sum("/files/contents" in one for one in asked) >= 1
    assert len(asked) < FILES / 2, asked


@pytest.mark.timeout(180)
def test_one_that_the_disk_there_has_not_kept_is_told_and_all_others_come(way: Carriage) -> None:
    there = sent(way, 3_000)
    rot(way.stored("tree/1/008"), 2_999)
    told = way.run("get", "tree", "--to", way.folder / "back", "--json", code=1, timeout=120)
    assert "file_damaged" in {json.loads(line).get("code") for line in told.splitlines()}
    del there["1/008"]
    assert tree(way.folder / "back" / "tree") == there


@pytest.mark.timeout(180)
def test_a_line_that_is_cut_in_the_middle_of_an_answer_changes_nothing(way: Carriage) -> None:
    there = sent(way, 6_000)
    way.mark()
    way.link.down_bytes_per_second = 400_000
    command = way.client.start("get", "tree", "--to", way.folder / "back")
    for so_far in (300_000, 700_000):
        way.link.wait_for(lambda far=so_far: way.down > far)  # type: ignore[misc]
        way.link.cut()
    way.link.down_bytes_per_second = None
    assert command.wait() == 0
    command.close()
    assert tree(way.folder / "back" / "tree") == there
    assert way.down < 6_000 * FILES * 3
