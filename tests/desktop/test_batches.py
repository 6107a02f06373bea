"""Small files that are queued go many in one request, and each ends as if it had gone by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.batch_run import BatchRun
from howdah_desktop.engine.batches import LEAST_BYTES, MOST_BYTES, MOST_FILES, Batches
from howdah_desktop.engine.scheduler import Fullness
from howdah_desktop.engine.source import Source
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer, TransferState
from kit.engine_bench import Bench, ended, quick_waits, until

if TYPE_CHECKING:
    from pathlib import Path

    from howdah_desktop.engine.views import Snapshot

FULLNESS = Fullness()


def queued(id_: int, size: int | None = 100, **more: object) -> Transfer:
    row = Transfer(id_, 1, Kind.UPLOAD, TransferState.QUEUED, b"/x", "x", size=size)
    for name, value in more.items():
        object.__setattr__(row, name, value)
    return row


# -- which go together


def test_a_batch_has_so_many_files_and_bytes_and_no_more() -> None:
    batches = Batches()
    rows = [queued(n) for n in range(MOST_FILES + 10)]
    together, alone = batches.take(rows, FULLNESS)
    assert [len(batch) for batch in together] == [MOST_FILES, 10]
    assert alone == []
    rows = [queued(n, 200_000) for n in range(30)]
    together, alone = batches.take(rows, FULLNESS)
    assert [len(batch) for batch in together] == [MOST_BYTES // 200_000, 30 - MOST_BYTES // 200_000]


def test_what_asks_for_something_of_its_own_goes_by_itself() -> None:
    own = [
        queued(1, 10**6),
        queued(2, None),
        queued(3, sha256=True),
        queued(4, if_exists=IfExists.SKIP),
        queued(5, if_exists=IfExists.FAIL),
        queued(6, upload_id="begun"),
        queued(7, kind=Kind.DOWNLOAD),
    ]
    small = [queued(8), queued(9, if_exists=IfExists.KEEP_BOTH)]
    together, alone = Batches().take([*own, *small], FULLNESS)
    assert (together, alone) == ([small], own)


def test_a_single_file_needs_no_batch() -> None:
    assert Batches().take([queued(1)], FULLNESS) == ([], [queued(1)])


def test_so_many_batches_at_once_and_what_fits_the_next_waits_for_it() -> None:
    batches = Batches(at_once=1)
    first = [queued(n) for n in range(5)]
    batches.begin(first)
    later = [queued(n) for n in range(10, 15)]
    assert batches.take([*later, queued(20, None)], FULLNESS) == ([], [queued(20, None)])
    batches.ended(BatchRun([], lambda: None, lambda rows: None, {}), [row.id for row in first])
    assert batches.take(later, FULLNESS) == ([later], [])


def test_a_line_that_breaks_gets_smaller_batches_and_then_none() -> None:
    batches = Batches()
    rows = [queued(n, 20_000) for n in range(400)]
    counts = []
    for _ in range(8):
        (batch, *_), _ = (
            batches.take(rows, FULLNESS) if batches.take(rows, FULLNESS)[0] else ([[]], 0)
        )
        if not batch:
            break
        counts.append(len(batch))
        batches.begin(batch)
        run = BatchRun([], lambda: None, lambda rows: None, {})
        run.broke = True
        batches.ended(run, [row.id for row in batch])
    assert counts[0] == MOST_BYTES // 20_000
    assert counts[-1] == LEAST_BYTES // 20_000
    assert batches.take(rows[: counts[-1]], FULLNESS) == ([], rows[: counts[-1]])


# -- what becomes of each


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    bench = Bench(short_path)
    bench.receiver.knows_batches = True
    return bench


def all_done(snapshot: Snapshot) -> bool:
    return ended(snapshot) and set(snapshot.counts) == {"done"}


def test_many_small_files_go_in_few_requests(bench: Bench) -> None:
    bench.folder("many", 300)
    bench.file("many/empty", b"")
    bench.file("many/large", os.urandom(600_000))
    with bench.engine() as engine:
        group = engine.add_sends([os.fsencode(bench.files / "many")])
        snapshot = until(engine, group, all_done)
    assert snapshot.counts == {"done": 302}
    assert bench.receiver.contents["many/17"] == b"17"
    assert bench.receiver.contents["many/empty"] == b""
    assert len(bench.receiver.contents) == 302
    assert sum(bench.receiver.batch_sizes) > 250
    assert len(bench.receiver.batch_sizes) < 10
    ledger = {os.path.basename(t.name): t for t in snapshot.transfers}
    assert ledger["large"].state == "done"


def test_a_lost_answer_makes_no_second_file(bench: Bench) -> None:
    bench.receiver.lose_answer("batch", 2)
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.folder("f", 20)]), all_done)
    assert len(bench.receiver.uploads_by_id) == 20
    assert {upload.state for upload in bench.receiver.uploads_by_id.values()} == {"published"}


def test_a_batch_that_fails_as_a_whole_puts_its_files_back(bench: Bench) -> None:
    bench.receiver.fail("batch", ProblemError("storage_failed"))
    bench.receiver.fail("batch", ProblemError("offline"))
    with bench.engine() as engine:
        snapshot = until(engine, engine.add_sends([bench.folder("f", 20)]), all_done)
    assert snapshot.counts == {"done": 20}


def test_a_batch_that_is_refused_as_a_whole_is_sent_file_by_file(bench: Bench) -> None:
    bench.receiver.fail("batch", ProblemError("bad_frame"))
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.folder("f", 5)]), all_done)
    assert bench.receiver.calls.count("start") > 0
    assert len(bench.receiver.contents) == 5


def test_an_older_receiver_gets_them_one_by_one(bench: Bench) -> None:
    bench.receiver.knows_batches = False
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.folder("f", 20)]), all_done)
    assert bench.receiver.calls.count("start") == 20


def test_what_is_said_of_one_file_holds_for_that_one(bench: Bench) -> None:
    folder = bench.folder("f", 10)
    bench.receiver.refuses = {
        "f/3": ProblemError("path_conflict", "It is a folder."),
        "f/4": ProblemError("storage_failed"),
        "f/5": ProblemError("client_id_conflict"),
    }
    with bench.engine() as engine:
        snapshot = until(engine, engine.add_sends([folder]), ended)
    assert snapshot.counts == {"done": 9, "failed": 1}
    (failed,) = (t for t in snapshot.transfers if t.state == "failed")
    assert (failed.code, failed.name) == ("path_conflict", "3")


def test_both_are_kept_under_their_own_names(bench: Bench) -> None:
    folder = bench.folder("f", 4)
    with bench.engine() as engine:
        until(engine, engine.add_sends([folder]), all_done)
        bench.file("f/2", b"other")
        group = engine.add_sends([folder], if_exists=IfExists.KEEP_BOTH)
        until(engine, group, all_done)
    assert bench.receiver.contents["f/2"] == b"2"
    assert b"other" in bench.receiver.contents.values()


def test_a_file_that_changes_while_it_is_read_is_left_to_settle(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.folder("f", 6)
    changing = bench.files / "f/3"
    read = Source.read_into
    before = changing.stat().st_ino

    def read_and_change(source: Source, view: memoryview, offset: int) -> None:
        read(source, view, offset)
        if source.identity.inode == before and changing.read_bytes() == b"3":
            changing.write_bytes(b"it is longer now")

    monkeypatch.setattr(Source, "read_into", read_and_change)
    with bench.engine() as engine:
        until(engine, engine.add_sends([folder]), all_done)
    assert bench.receiver.contents["f/3"] == b"it is longer now"
    assert len(bench.receiver.contents) == 6


def test_one_that_is_cancelled_or_paused_on_its_way_is_taken_out_of_the_next(bench: Bench) -> None:
    folder = bench.folder("f", 6)
    with bench.engine(away=False) as engine:
        bench.receiver.fail("batch", ProblemError("storage_failed"))
        names: dict[str, int] = {}

        def order() -> None:
            found = {t.name: t.id for t in engine.snapshot(0, None).transfers}
            names.update(found)
            engine.cancel([found["1"]])
            engine.pause([found["2"]])

        bench.receiver.before["batch"] = order
        group = engine.add_sends([folder])

        def rest(snapshot: Snapshot) -> bool:
            return snapshot.counts == {"done": 4, "cancelled": 1, "paused": 1}

        until(engine, group, rest)
        assert "f/1" not in bench.receiver.contents
        assert "f/2" not in bench.receiver.contents
        engine.resume([names["2"]])
        until(engine, group, lambda s: s.counts == {"done": 5, "cancelled": 1})
    assert bench.receiver.contents["f/2"] == b"2"
