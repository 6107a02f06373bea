"""A changed file sends what changed: bytes on the wire, measured on the link between both programs."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from together.carriage import MB, MIB, Carriage, lasting, same, write_random

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 12 * MIB
"""Of a file that is only just large."""
NEWEST = "WHERE used = (SELECT max(used) FROM pieces)"
_numbers = count()


def change(path: Path, at: int, count: int) -> None:
    """Other bytes in place of `count` from `at` on."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(count))


def insert(path: Path, at: int, count: int) -> None:
    """New bytes between those that are there: as editors do, in a new file that takes the name."""
    new = path.with_name(f"{path.name}.new")
    with path.open("rb") as old, new.open("wb") as file:
        left = at
        while left:
            block = old.read(min(MIB, left))
            file.write(block)
            left -= len(block)
        file.write(os.urandom(count))
        shutil.copyfileobj(old, file, MIB)
    new.replace(path)


def forget(way: Carriage, statement: str) -> None:
    """Do something to what the ledger knows of pieces."""
    with closing(sqlite3.connect(way.client.home / "ledger.sqlite3")) as ledger, ledger:
        assert ledger.execute(statement).rowcount > 0


def first(way: Carriage, size: int, seconds: float = 60) -> Path:
    """A file that is there, and of which the client knows the pieces: the line was no faster than most."""
    source = write_random(way.folder / f"{next(_numbers)}.bin", size)
    way.link.rate_bytes_per_second = 100 * MB
    assert cost_of(way, source, seconds) > size
    way.link.rate_bytes_per_second = None
    return source


def cost_of(way: Carriage, source: Path, seconds: float = 60) -> int:
    """Bytes that go up while the file is sent, which must arrive."""
    way.mark()
    way.run("send", source, timeout=seconds)
    assert same(source, way.stored(source.name))
    return way.up


@pytest.fixture(scope="module")
def way(short_root: Path) -> Iterator[Carriage]:
    """One for all of them: each test has a file of its own."""
    with lasting(short_root / "changes") as whole:
        yield whole


@pytest.fixture
def sent(way: Carriage) -> Path:
    return first(way, SIZE)


def test_an_insertion_at_the_front_costs_little(way: Carriage, sent: Path) -> None:
    insert(sent, 0, 1024)
    assert cost_of(way, sent) < MB
    # And again: the pieces of what was just sent are known as well.
    insert(sent, 5, 1)
    assert cost_of(way, sent) < MB


def test_what_is_taken_out_of_the_middle_costs_little(way: Carriage, sent: Path) -> None:
    with sent.open("r+b") as file:
        data = file.read()
        file.seek(0)
        file.write(data[: 9 * MIB] + data[10 * MIB + 77 :])
        file.truncate()
    assert cost_of(way, sent) < MB


def test_what_was_moved_and_doubled_inside_the_file_costs_little(way: Carriage, sent: Path) -> None:
    data = sent.read_bytes()
    sent.write_bytes(data[8 * MIB + 5 :] + data[: 8 * MIB + 5] + data[3 * MIB + 1 :])
    assert cost_of(way, sent) < 2 * MB


def test_many_small_changes_cost_what_stands_around_them(way: Carriage, sent: Path) -> None:
    for at in range(MIB // 2, SIZE, 3 * MIB // 2):
        change(sent, at, 10)
    # Eight pieces of 64 KiB on the average, and not eight chunks of 256 KiB.
    assert cost_of(way, sent) < 1.3 * MB


@pytest.mark.timeout(180)
def test_a_change_in_the_middle_of_256_mib_and_an_insertion_at_its_front(way: Carriage) -> None:
    source = first(way, 256 * MIB)
    change(source, 128 * MIB + 12_345, MIB)
    assert cost_of(way, source) < 3 * MB
    insert(source, 0, 1024)
    assert cost_of(way, source) < 3 * MB


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_a_change_of_1_mb_in_the_middle_of_2_gib(way: Carriage) -> None:
    source = first(way, 2048 * MIB, 500)
    change(source, 1024 * MIB + 12_345, MB)
    cost = cost_of(way, source, 500)
    print(f"1 MB changed in the middle of 2 GiB: {cost:,} bytes went up")
    assert cost < 3 * MB


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_an_insertion_of_1_kib_at_the_front_of_1_gib(way: Carriage) -> None:
    source = first(way, 1024 * MIB, 500)
    insert(source, 0, 1024)
    cost = cost_of(way, source, 500)
    print(f"1 KiB inserted at the front of 1 GiB: {cost:,} bytes went up")
    assert cost < 12 * MB


# -- where it does not come as hoped: plainly, silently, once


def test_a_file_replaced_by_something_else_is_sent_once(way: Carriage, sent: Path) -> None:
    write_random(sent, SIZE)
    cost = cost_of(way, sent)
    assert SIZE < cost < SIZE + MB


def test_without_the_list_of_pieces_it_is_sent_once(way: Carriage, sent: Path) -> None:
    forget(way, f"DELETE FROM pieces {NEWEST}")
    insert(sent, 0, 1024)
    assert SIZE < cost_of(way, sent) < SIZE + MB
    insert(sent, 0, 1024)
    assert cost_of(way, sent) < MB, "that time its pieces were noted"


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE pieces SET list = x'00'",
        "UPDATE pieces SET list = zeroblob(length(list))",
        "UPDATE pieces SET list = substr(list, 1, length(list) - 1)",
        "UPDATE pieces SET list = CAST(substr(list, 1, 8) || randomblob(20000) AS BLOB)",
        "UPDATE pieces SET list = 'no blob but ' || char(255)",
        "UPDATE pieces SET version = '0123456789abcdef0123456789abcdef'",
        "UPDATE pieces SET version = ''",
    ],
    ids=["short", "zeros", "cut", "random", "text", "other-version", "no-version"],
)
def test_with_a_wrong_list_of_pieces_it_is_sent_once(way: Carriage, sent: Path, wrong: str) -> None:
    forget(way, f"{wrong} {NEWEST}")
    insert(sent, 0, 1024)
    assert SIZE < cost_of(way, sent) < SIZE + MB


def test_with_a_list_that_points_to_other_bytes_it_is_sent_once(way: Carriage, sent: Path) -> None:
    """The digests are right and the offsets are not: what is made of that never counts."""
    with closing(sqlite3.connect(way.client.home / "ledger.sqlite3")) as ledger, ledger:
        (pieces,) = ledger.execute(f"SELECT list FROM pieces {NEWEST}").fetchone()
        # A piece of its own at the front moves all others.
        moved = pieces[:8] + (100_000).to_bytes(4, "big") + bytes(16) + pieces[8:]
        ledger.execute(f"UPDATE pieces SET list = ? {NEWEST}", (moved,))
    insert(sent, 0, 1024)
    assert SIZE < cost_of(way, sent) < SIZE + 2 * MB


def test_when_the_version_is_gone_from_the_receiver_it_is_sent_once(
    way: Carriage, sent: Path
) -> None:
    way.stored(sent.name).unlink()
    insert(sent, 0, 1024)
    assert SIZE < cost_of(way, sent) < SIZE + MB


def test_after_a_change_by_other_hands_nothing_of_theirs_is_mixed_in(
    way: Carriage, sent: Path
) -> None:
    change(way.stored(sent.name), 7 * MIB, 3)
    insert(sent, 0, 1024)
    assert SIZE < cost_of(way, sent) < SIZE + MB


def test_a_line_that_breaks_among_recipes_goes_on_with_recipes(way: Carriage, sent: Path) -> None:
    insert(sent, 0, 1024)
    dropped = way.link.answers_dropped
    way.link.drop_answer(lambda method, path: method == "POST" and path.endswith("/chunks"))
    assert cost_of(way, sent) < MB
    assert way.link.answers_dropped == dropped + 1


def test_a_file_that_comes_back_to_what_it_was_costs_next_to_nothing(
    way: Carriage, sent: Path
) -> None:
    before = sent.read_bytes()
    insert(sent, 0, 1024)
    cost_of(way, sent)
    sent.write_bytes(before)
    assert cost_of(way, sent) < 100_000
