"""The ledger: what is written down stays, through a kill and in good and bad company."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger import Group, Ledger, NewTransfer
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.link import LinkMemory
from howdah_desktop.engine.scheduler import SMALL_BYTES
from howdah_desktop.engine.transfers import IfExists, Kind, TransferState
from howdah_desktop.system import SourceIdentity

S = TransferState


def upload(name: str = "a", size: int = 1) -> NewTransfer:
    return NewTransfer(Kind.UPLOAD, os.fsencode(f"/x/{name}"), name, size=size)


def group_of(ledger: Ledger) -> Group:
    return ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)


def test_a_row_comes_back_as_it_was_written(short_path: Path) -> None:
    ledger = Ledger(short_path)
    local = b"/x/not utf-8 \xff"
    row = ledger.add(group_of(ledger), [NewTransfer(Kind.UPLOAD, local, "a", size=2**40)])[0]
    whole = replace(
        row,
        state=S.WAITING,
        code="storage_full",
        detail="There is no room.",
        attempt=3,
        next_try=1.5,
        upload_id="u1",
        chunk_bytes=65536,
        identity=SourceIdentity(2**64 - 1, 2**63, 2**40, -1),
        digest="d",
        final_path="a (2)",
        done_bytes=7,
    )
    ledger.save([whole])
    ledger.close()
    again = Ledger(short_path)
    assert again.get(row.id) == whole
    again.close()


def test_every_upload_has_its_own_client_id_before_anything_is_sent(short_path: Path) -> None:
    ledger = Ledger(short_path)
    rows = ledger.add(group_of(ledger), [upload(str(n)) for n in range(100)])
    assert len({row.client_id for row in rows}) == 100
    assert all(len(row.client_id or "") == 32 for row in rows)
    ledger.close()


def test_a_kill_loses_nothing_that_was_committed(short_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(short_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    committed = 0
    for line in child.stdout:
        committed = int(line)
        if committed == 40:
            child.send_signal(signal.SIGKILL)
            break
    # What it wrote before the kill came is read to its end.
    committed = max([committed, *map(int, child.stdout.read().split())])
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    ledger = Ledger(short_path)
    assert len(ledger.everything()) >= 3 * committed
    ledger.close()


_WRITER = """
import sys
from pathlib import Path
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.transfers import IfExists, Kind
ledger = Ledger(Path(sys.argv[1]))
group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, False)
n = 0
while True:
    rows = [NewTransfer(Kind.UPLOAD, b"/%d/%d" % (n, k), f"{n}/{k}", size=1) for k in range(3)]
    ledger.add(group, rows)
    n += 1
    print(n, flush=True)
"""


def test_after_a_start_whatever_was_at_work_or_waited_is_queued(short_path: Path) -> None:
    ledger = Ledger(short_path)
    rows = ledger.add(group_of(ledger), [upload(str(n)) for n in range(8)])
    states = [S.QUEUED, S.SENDING, S.FINISHING, S.WAITING, S.SETTLING, S.FAILED, S.DONE, S.SKIPPED]
    ledger.save([replace(row, state=state) for row, state in zip(rows, states, strict=True)])
    ledger.wake()
    after = [row.state for row in reversed(ledger.everything())]
    assert after == [S.QUEUED] * 5 + [S.FAILED, S.DONE, S.SKIPPED]
    ledger.close()


def test_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is(short_path: Path) -> None:
    with sqlite3.connect(short_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (short_path / FILE_NAME).read_bytes()
    with pytest.raises(ProblemError, match="version 99") as caught:
        Ledger(short_path)
    assert caught.value.code == "ledger_newer"
    assert (short_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("damage", ["garbage", "cut", "zeroed"])
def test_a_damaged_ledger_is_refused_by_its_name(short_path: Path, damage: str) -> None:
    ledger = Ledger(short_path)
    ledger.add(group_of(ledger), [upload(str(n)) for n in range(500)])
    ledger.close()
    path = short_path / FILE_NAME
    whole = path.read_bytes()
    path.write_bytes(
        {
            "garbage": b"this is no database" * 1000,
            "cut": whole[: len(whole) // 3],
            "zeroed": whole[:4096] + bytes(8192) + whole[12288:],
        }[damage]
    )
    with pytest.raises(ProblemError, match=FILE_NAME) as caught:
        Ledger(short_path)
    assert caught.value.code == "ledger_damaged"


def test_the_ledger_is_its_users_alone(short_path: Path) -> None:
    ledger = Ledger(short_path)
    ledger.add(group_of(ledger), [upload()])
    for path in short_path.glob(f"{FILE_NAME}*"):
        assert path.stat().st_mode & 0o077 == 0
    ledger.close()


def test_the_lanes_are_asked_apart(short_path: Path) -> None:
    ledger = Ledger(short_path)
    sizes = [SMALL_BYTES, 1, SMALL_BYTES - 1]
    ledger.add(group_of(ledger), [upload(str(n), size) for n, size in enumerate(sizes)])
    assert [row.size for row in ledger.queued(small=True, limit=10)] == [1, SMALL_BYTES - 1]
    assert [row.size for row in ledger.queued(small=False, limit=10)] == [SMALL_BYTES]
    ledger.close()


def test_the_same_order_again_takes_the_unfinished_transfer_over(short_path: Path) -> None:
    ledger = Ledger(short_path)
    first = ledger.add(group_of(ledger), [upload()])[0]
    again = ledger.add(group_of(ledger), [upload()])[0]
    assert (again.id, again.client_id) == (first.id, first.client_id)
    assert again.group != first.group
    ledger.close()


def test_the_same_order_leaves_a_transfer_whose_end_somebody_waits_for(short_path: Path) -> None:
    ledger = Ledger(short_path)
    first = ledger.add(group_of(ledger), [upload()])[0]
    again = ledger.add(group_of(ledger), [upload()], followed={first.group})[0]
    assert again.id != first.id
    ledger.close()


def test_a_new_order_replaces_one_that_failed(short_path: Path) -> None:
    ledger = Ledger(short_path)
    first = ledger.add(group_of(ledger), [upload()])[0]
    ledger.save([replace(first, state=S.FAILED, code="target_exists")])
    again = ledger.add(group_of(ledger), [upload()])[0]
    assert again.id != first.id
    found = ledger.get(first.id)
    assert found is not None
    assert found.state is S.CANCELLED
    ledger.close()


def test_folders_to_be_listed_are_remembered_until_they_are(short_path: Path) -> None:
    ledger = Ledger(short_path)
    group = group_of(ledger)
    ledger.add_root(group, b"/x/folder", "folder")
    ledger.close()
    again = Ledger(short_path)
    root = again.roots()[0]
    assert (root.local, root.remote, root.group) == (b"/x/folder", "folder", group)
    again.root_listed(root)
    assert again.roots() == []
    again.close()


def test_what_is_known_of_the_line_is_remembered(short_path: Path) -> None:
    ledger = Ledger(short_path)
    assert ledger.link_memory() == LinkMemory()
    ledger.remember_link(LinkMemory(5_000_000, good=False))
    assert ledger.link_memory() == LinkMemory(5_000_000, good=False)
    ledger.close()


def test_what_is_queued_is_found_without_going_through_all_that_is_known(short_path: Path) -> None:
    """Thousands of files wait beside tens of thousands that are known: it is asked with every turn."""
    ledger = Ledger(short_path)
    asked: list[str] = []
    ledger._db.set_trace_callback(asked.append)
    ledger.queued(small=True, limit=1)
    ledger.moving(1)
    ledger._db.set_trace_callback(None)
    plans = [[row[3] for row in ledger._db.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in asked]
    steps = [step for plan in plans for step in plan if " k " in step or "known" in step]
    assert len(steps) == 2
    assert all("known_moving" in step for step in steps), steps
