"""Small files that are to be fetched come many in one answer, and each ends as if it had come by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.batches import Batches
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.engine.scheduler import Fullness
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer, TransferState
from kit.engine_bench import Bench, ended, quick_waits, until
from kit.native import MODIFIED_NS

if TYPE_CHECKING:
    from pathlib import Path

    from howdah_desktop.engine.engine import Engine
    from howdah_desktop.engine.views import Snapshot


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    bench = Bench(short_path)
    bench.receiver.knows_batches = True
    return bench


def tree_there(bench: Bench, files: int, size: int = 50) -> dict[str, bytes]:
    """So many files in the folder `f` there."""
    for number in range(files):
        bench.receiver.put(f"f/{number:04}", os.urandom(size))
    return dict(bench.receiver.contents)


def tree_here(bench: Bench) -> dict[str, bytes]:
    found = [path for path in bench.files.rglob("*") if path.is_file()]
    return {str(path.relative_to(bench.files)): path.read_bytes() for path in found}


def fetch(
    bench: Bench,
    engine: Engine,
    if_exists: IfExists = IfExists.FAIL,
    paths: tuple[str, ...] = ("f",),
) -> Snapshot:
    group = engine.add_fetches(paths, os.fsencode(bench.files), if_exists)
    return until(engine, group, ended)


def fetched(bench: Bench) -> Snapshot:
    with bench.engine() as engine:
        return fetch(bench, engine)


def asked_alone(bench: Bench) -> int:
    return bench.receiver.calls.count("file_manifest")


def test_uploads_and_downloads_are_gathered_apart() -> None:
    up = [Transfer(n, 1, Kind.UPLOAD, TransferState.QUEUED, b"/x", "x", size=1) for n in (1, 2)]
    down = [Transfer(n, 1, Kind.DOWNLOAD, TransferState.QUEUED, b"/x", "x", size=1) for n in (3, 4)]
    large = Transfer(5, 1, Kind.DOWNLOAD, TransferState.QUEUED, b"/x", "x", size=10**6)
    rows = [up[0], down[0], large, up[1], down[1]]
    assert Batches(1).take(rows, Fullness()) == ([up], [down[0], large, down[1]])
    assert Batches(1, Kind.DOWNLOAD).take(rows, Fullness()) == ([down], [up[0], large, up[1]])


def test_many_small_files_come_in_few_requests(bench: Bench) -> None:
    there = tree_there(bench, 300)
    bench.receiver.put("f/empty", b"")
    bench.receiver.put("f/large", os.urandom(600_000))
    snapshot = fetched(bench)
    assert snapshot.counts == {"done": 302}
    assert tree_here(bench) == bench.receiver.contents
    assert len(there) == 300
    assert sum(bench.receiver.batch_sizes) > 250
    assert len(bench.receiver.batch_sizes) < 10
    assert asked_alone(bench) < 60
    place = bench.files / "f/0000"
    assert place.stat().st_mtime_ns == MODIFIED_NS
    assert place.stat().st_mode & 0o777 == (bench.files / "f/large").stat().st_mode & 0o777
    (row,) = (t for t in snapshot.transfers if t.name == "0000")
    assert (row.done_bytes, row.size) == (50, 50)


def test_wrong_bytes_get_no_name_and_the_file_comes_by_itself(bench: Bench) -> None:
    tree_there(bench, 20)
    bench.receiver.given_wrong = {"f/0003": bytes(50), "f/0004": b"short"}
    assert fetched(bench).counts == {"done": 20}
    assert tree_here(bench) == bench.receiver.contents
    assert asked_alone(bench) >= 2


def test_what_is_said_of_one_file_holds_for_that_one(bench: Bench) -> None:
    tree_there(bench, 20)
    codes = ("file_damaged", "fetch_alone", "unavailable", "version_conflict")
    bench.receiver.refuses = {f"f/{n:04}": ProblemError(code) for n, code in enumerate(codes)}
    assert fetched(bench).counts == {"done": 20}
    assert tree_here(bench) == bench.receiver.contents


def test_a_file_that_is_gone_by_then_fails_as_by_itself(bench: Bench) -> None:
    tree_there(bench, 10)

    def remove() -> None:
        del bench.receiver.files["f/0005"], bench.receiver.contents["f/0005"]

    bench.receiver.before["fetch_files"] = remove
    snapshot = fetched(bench)
    assert snapshot.counts == {"done": 9, "failed": 1}
    (failed,) = (t for t in snapshot.transfers if t.state == "failed")
    assert (failed.name, failed.code) == ("0005", "file_not_found")
    assert tree_here(bench) == bench.receiver.contents


def test_a_line_that_breaks_keeps_what_came_whole(bench: Bench) -> None:
    tree_there(bench, 40)
    bench.receiver.break_contents_after(15)
    assert fetched(bench).counts == {"done": 40}
    assert tree_here(bench) == bench.receiver.contents
    first, *others = bench.receiver.batch_sizes
    assert sum(others) + asked_alone(bench) <= 40 - min(first, 15)


def test_an_older_receiver_is_asked_for_them_one_by_one(bench: Bench) -> None:
    bench.receiver.knows_batches = False
    tree_there(bench, 20)
    assert fetched(bench).counts == {"done": 20}
    assert tree_here(bench) == bench.receiver.contents
    assert asked_alone(bench) == 20


def test_an_answer_for_fewer_files_is_none_for_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree_there(bench, 20)
    frames = bench.receiver._frames
    monkeypatch.setattr(bench.receiver, "_frames", lambda *given: iter(list(frames(*given))[:-2]))
    assert fetched(bench).counts == {"done": 20}
    assert tree_here(bench) == bench.receiver.contents


def test_an_answer_with_another_file_in_a_place_is_none_for_both(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree_there(bench, 20)
    frames = bench.receiver._frames
    monkeypatch.setattr(bench.receiver, "_frames", lambda *given: reversed(list(frames(*given))))
    assert fetched(bench).counts == {"done": 20}
    assert tree_here(bench) == bench.receiver.contents


@pytest.mark.parametrize(
    ("if_exists", "counts"),
    [
        (IfExists.FAIL, {"done": 9, "failed": 1}),
        (IfExists.SKIP, {"done": 9, "skipped": 1}),
        (IfExists.OVERWRITE, {"done": 10}),
        (IfExists.KEEP_BOTH, {"done": 10}),
    ],
)
def test_what_stands_here_already_is_treated_as_it_was_said(
    bench: Bench, if_exists: IfExists, counts: dict[str, int]
) -> None:
    there = tree_there(bench, 10)
    bench.file("f/0001", there["f/0001"])  # the same
    bench.file("f/0002", b"other")
    with bench.engine() as engine:
        assert fetch(bench, engine, if_exists).counts == counts
    here = tree_here(bench)
    kept = b"other" if if_exists is not IfExists.OVERWRITE else there["f/0002"]
    numbered = {"f/0002 (2)": there["f/0002"]} if if_exists is IfExists.KEEP_BOTH else {}
    assert here == {**there, "f/0002": kept, **numbered}
    # Neither's bytes were asked for to find that out.
    assert sum(bench.receiver.batch_sizes) <= 8


def test_nothing_unfinished_is_left_here(bench: Bench) -> None:
    tree_there(bench, 30)
    bench.receiver.break_contents_after(7)
    bench.receiver.fail("fetch_files", ProblemError("unavailable"))
    assert fetched(bench).counts == {"done": 30}
    assert {path.name for path in (bench.files / "f").iterdir()} == {f"{n:04}" for n in range(30)}


def test_one_that_is_cancelled_or_paused_on_its_way_is_not_written(bench: Bench) -> None:
    tree_there(bench, 6)
    with bench.engine() as engine:
        names: dict[str, int] = {}

        def order() -> None:
            names.update({t.name: t.id for t in engine.snapshot(0, None).transfers})
            engine.cancel([names["0001"]])
            engine.pause([names["0002"]])

        bench.receiver.before["fetch_files"] = order
        group = engine.add_fetches(["f"], os.fsencode(bench.files))
        until(engine, group, lambda s: s.counts == {"done": 4, "cancelled": 1, "paused": 1})
        assert {"f/0001", "f/0002"}.isdisjoint(tree_here(bench))
        engine.resume([names["0002"]])
        until(engine, group, lambda s: s.counts == {"done": 5, "cancelled": 1})
    assert "f/0002" in tree_here(bench)


def test_under_a_limit_as_much_is_asked_for_as_may_come(bench: Bench) -> None:
    tree_there(bench, 60, 1_000)
    bench.receiver.put("f/slow", os.urandom(30_000))
    with bench.engine() as engine:
        engine.set_limits(Limits(down=50_000))
        assert fetch(bench, engine).counts == {"done": 61}
    assert tree_here(bench) == bench.receiver.contents
    assert len(bench.receiver.batch_sizes) > 2
    # What may come in a quarter of a second, what was saved up in another, and a file.
    assert max(bench.receiver.batch_sizes) * 1_000 <= 50_000 * 0.5 + 2 * 1_000
