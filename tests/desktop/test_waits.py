"""A file is sent once it was left alone for as long as its folder wants, however slowly it grows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from howdah_desktop.engine.transfers import Kind, Transfer, TransferState
from howdah_desktop.engine.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

S = TransferState


class AtOnce:
    """In place of the control thread: what is given to the pool is done."""

    def submit(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        done(work())


@dataclass
class OneRow:
    """In place of the ledger's rows."""

    row: Transfer

    def get(self, id_: int) -> Transfer | None:
        return self.row

    def write(self, row: Transfer) -> None:
        self.row = row

    def put(self, row: Transfer, **changes: Any) -> Transfer:
        self.row = replace(row, **changes)
        return self.row


@dataclass
class Settling:
    """A file that settles, and a clock."""

    path: Path
    rows: OneRow
    waits: Waits
    now: list[float]

    def after(self, seconds: float) -> None:
        self.now[0] += seconds
        self.waits.wake()

    def grow(self) -> None:
        with self.path.open("ab") as file:
            file.write(b"x")

    def is_sent(self) -> bool:
        return self.rows.row.state is S.QUEUED


@pytest.fixture
def settling(tmp_path: Path) -> Settling:
    """Of a folder that wants five seconds."""
    path = tmp_path / "log"
    path.write_bytes(b"x")
    row = Transfer(1, 1, Kind.UPLOAD, S.SETTLING, os.fsencode(path), "log", watched=1)
    now, rows = [100.0], OneRow(row)
    waits = Waits(AtOnce(), rows, lambda: now[0], lambda: now[0] + 1e9)  # type: ignore[arg-type]
    waits.add(row, 5.0, 5.0)
    return Settling(path, rows, waits, now)


def test_a_file_that_is_left_alone_is_sent(settling: Settling) -> None:
    settling.after(4.9)
    assert not settling.is_sent()
    settling.after(0.1)
    assert settling.is_sent()


def test_a_line_every_three_seconds_keeps_it_waiting_and_the_countdown_begins_anew(
    settling: Settling,
) -> None:
    for _ in range(20):
        settling.grow()
        settling.after(3.0)
        assert not settling.is_sent()
    assert settling.rows.row.next_try == settling.waits.next_due() + 1e9  # type: ignore[operator]
    settling.after(5.0)
    settling.after(5.0)
    assert settling.is_sent()


def test_a_close_makes_it_wait_a_second_from_then(settling: Settling) -> None:
    settling.after(1.0)
    settling.grow()
    settling.waits.hurry(1, 1.0)
    settling.after(1.0)
    assert settling.is_sent()


def test_what_is_opened_for_every_line_is_looked_at_every_second(settling: Settling) -> None:
    for _ in range(20):
        settling.grow()
        settling.waits.hurry(1, 1.0)
        settling.after(0.6)
        assert not settling.is_sent()
    settling.after(1.0)
    settling.after(1.0)
    assert settling.is_sent()


def test_a_file_that_was_caught_in_a_change_while_it_was_sent_is_soon_tried_again(
    settling: Settling,
) -> None:
    settling.waits.drop(1)
    settling.waits.add(settling.rows.row, 1.0)
    settling.grow()
    settling.after(1.0)
    assert not settling.is_sent()
    settling.after(1.0)
    assert settling.is_sent()
