"""The order of the queue: next up, before another, last; and what it shows."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.problems import ProblemError
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.ledger_orders import MOST_TOLD, Chosen
from howdah_desktop.engine.ledger_schema import SCHEMA, TALLIES
from howdah_desktop.engine.transfers import IfExists, Kind
from howdah_desktop.settings import Settings
from kit.client import Client
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, quick_waits, seen, until

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


@pytest.fixture
def ledger(short_path: Path) -> Iterator[Ledger]:
    opened = Ledger(short_path)
    yield opened
    opened.close()


@pytest.fixture(params=["here", "in another process"])
def face(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Face]:
    """An engine, spoken to directly and over its socket. Its receiver is away."""
    bench.receiver.away = True
    first = attach(bench.settings, bench.connect)
    second = attach(bench.settings, bench.connect)
    first.engine.look()
    seen(first.engine, lambda overview: overview.receiver.code == "offline")
    yield (first if request.param == "here" else second).engine
    second.close()
    first.close()


def fill(ledger: Ledger, count: int, size: int = 1) -> list[int]:
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    names = [f"{group.id}-{number}" for number in range(count)]
    rows = [NewTransfer(Kind.UPLOAD, b"/" + n.encode(), n, size=size) for n in names]
    return [row.id for row in ledger.add(group, rows)]


def order(ledger: Ledger) -> list[int]:
    """As the engine takes them."""
    return [row.id for row in ledger.queued(small=True, limit=1_000)]


def watched(ledger: Ledger, ids: list[int]) -> None:
    """As what is found in watched folders comes in."""
    with ledger._db:
        marks = ", ".join("?" * len(ids))
        ledger._db.execute(f"UPDATE transfers SET place = 1e6 WHERE id IN ({marks})", ids)


def names(face: Face) -> list[str]:
    return [row.name for row in face.queue().transfers]


# -- the ledger


def test_next_up_goes_before_everything_in_the_order_it_had(ledger: Ledger) -> None:
    fill(ledger, 5)
    assert ledger.next_up(Chosen([5, 3])).count == 2
    assert order(ledger) == [3, 5, 1, 2, 4]
    ledger.next_up(Chosen([4]))
    assert order(ledger) == [4, 3, 5, 1, 2]


def test_what_is_dropped_later_comes_after_what_is_next_up_and_before_what_is_watched(
    ledger: Ledger,
) -> None:
    first = fill(ledger, 4)
    watched(ledger, first[2:])
    ledger.next_up(Chosen([4]))
    assert order(ledger) == [4, 1, 2, 3]
    assert fill(ledger, 1) == [5]
    assert order(ledger) == [4, 1, 2, 5, 3]


def test_last_is_behind_all_that_is_there_even_what_is_watched(ledger: Ledger) -> None:
    watched(ledger, fill(ledger, 4)[2:])
    assert ledger.move_last(Chosen([1, 3])).count == 2
    assert order(ledger) == [2, 4, 1, 3]


def test_before_another_one_there_is_always_room(ledger: Ledger) -> None:
    fill(ledger, 6)
    ledger.move_before(Chosen([6, 5]), 2)
    assert order(ledger) == [1, 5, 6, 2, 3, 4]
    for _ in range(200):  # halving the same gap would run out of digits
        ledger.move_before(Chosen([3]), 6)
        ledger.move_before(Chosen([4]), 6)
    assert order(ledger) == [1, 5, 3, 4, 6, 2]
    assert fill(ledger, 1) == [7], "what is dropped later"
    assert order(ledger)[-1] == 7, "goes behind what was there"


def test_nothing_is_moved_before_itself_or_before_what_has_ended(ledger: Ledger) -> None:
    fill(ledger, 3)
    assert ledger.move_before(Chosen([2]), 2).count == 0
    assert ledger.move_before(Chosen([2, 3]), 2).count == 1
    ledger.cancel(Chosen([1]))
    for other in (1, 99):
        with pytest.raises(ProblemError) as caught:
            ledger.move_before(Chosen([2]), other)
        assert caught.value.code == "transfer_not_found"
    assert ledger.next_up(Chosen([1])).count == 0, "it has ended"
    assert order(ledger) == [3, 2]


moves = st.lists(
    st.tuples(
        st.sampled_from(["next", "last", "before"]),
        st.sets(st.integers(1, 9), min_size=1, max_size=4),
        st.integers(1, 9),
    ),
    max_size=12,
)


@given(moves)
@settings(deadline=None, max_examples=60)
def test_the_order_is_what_a_list_of_them_would_be(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, set[int], int]]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    try:
        model = fill(ledger, 9)
        for step, ids, other in steps:
            moved = [id_ for id_ in model if id_ in ids and (step != "before" or id_ != other)]
            rest = [id_ for id_ in model if id_ not in moved]
            at = {"next": 0, "last": len(rest)}.get(step)
            at = rest.index(other) if at is None else at
            model = rest[:at] + moved + rest[at:]
            if step == "next":
                ledger.next_up(Chosen(list(ids)))
            elif step == "last":
                ledger.move_last(Chosen(list(ids)))
            else:
                ledger.move_before(Chosen(list(ids)), other)
            assert order(ledger) == model
            assert [row.id for row in ledger.up_next(100)] == model
    finally:
        ledger.close()


def test_rows_in_any_unfinished_state_keep_their_place(ledger: Ledger) -> None:
    fill(ledger, 4)
    ledger.pause(Chosen([4]))
    ledger.next_up(Chosen([4]))
    assert order(ledger) == [1, 2, 3]
    ledger.resume(Chosen([4]))
    assert order(ledger) == [4, 1, 2, 3]


def test_thousands_are_moved_in_a_few_statements(ledger: Ledger) -> None:
    ids = fill(ledger, MOST_TOLD + 100)
    statements: list[str] = []
    ledger._db.set_trace_callback(statements.append)
    moved = ledger.move_before(Chosen(ids[50:]), ids[1])
    ledger._db.set_trace_callback(None)
    assert (moved.count, moved.rows) == (MOST_TOLD + 50, None)
    assert sum("UPDATE" in statement for statement in statements) <= 2
    assert len(statements) < 40
    assert order(ledger)[:3] == [ids[0], ids[50], ids[51]]


def test_a_ledger_of_an_older_version_has_an_order_too(short_path: Path) -> None:
    with closing(sqlite3.connect(short_path / FILE_NAME)) as db:
        db.executescript(f"{SCHEMA} {TALLIES} PRAGMA user_version = 2;")
        db.execute("INSERT INTO groups VALUES (1, 'upload', 'version', 0, 0, 0, 0)")
        db.executemany(
            "INSERT INTO transfers (group_id, kind, state, local, remote, relative, if_exists, sha256,"
            " created) VALUES (1, 'upload', 'queued', ?, '', '', 'version', 0, 0)",
            [(b"/a",), (b"/b",)],
        )
        db.commit()
    ledger = Ledger(short_path, read_only=True)
    assert [row.name for row in ledger.up_next(10)] == ["a", "b"]
    ledger.close()


# -- the engine


def test_the_queue_shows_what_goes_next_and_why_it_waits(face: Face, bench: Bench) -> None:
    face.add_sends([bench.file(name) for name in "abcd"])
    assert names(face) == list("abcd")
    ids = {row.name: row.id for row in face.queue().transfers}
    assert face.next_up([ids["d"]]) == 1
    assert face.move_last([ids["b"]]) == 1
    assert face.move_before([ids["c"]], ids["d"]) == 1
    assert names(face) == list("cdab")
    face.pause([ids["d"]])
    found = face.queue(2)
    assert [(row.name, row.state, row.sentence) for row in found.transfers] == [
        ("c", "queued", "Waits for its turn."),
        ("d", "paused", "Paused by you."),
    ]
    assert (found.unfinished, found.receiver.code) == (4, "offline")
    with pytest.raises(ProblemError) as caught:
        face.move_before([ids["a"]], 99)
    assert caught.value.code == "transfer_not_found"


def test_the_order_outlives_a_restart_and_is_the_one_in_which_they_are_sent(bench: Bench) -> None:
    bench.settings = Settings(home=bench.home, small_files_at_once=1)
    with bench.engine(away=True) as engine:
        group = engine.add_sends([bench.file(name) for name in "abcd"])
        ids = {row.name: row.id for row in engine.queue().transfers}
        engine.next_up([ids["c"]])
        engine.move_last([ids["a"]])
    with bench.engine() as engine:
        until(engine, group, ended)
    assert [u.words.path for u in bench.receiver.uploads_by_id.values()] == list("cbda")


def test_eighty_gigabytes_never_hold_up_a_note(bench: Bench) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)

    for name in ("film", "other film"):
        with open(bench.files / name, "wb") as file:
            file.truncate(80 * GB)
    bench.receiver.before["send_chunks"] = hold
    films = [str(bench.files / name).encode() for name in ("film", "other film")]
    with bench.engine() as engine:
        group = engine.add_sends(films)
        assert reached.wait(PATIENCE_SECONDS)
        ids = {row.name: row.id for row in engine.queue().transfers}
        engine.next_up([ids["other film"]])
        notes = engine.add_sends([bench.file(f"note {number}") for number in range(20)])
        assert until(engine, notes, ended).counts == {"done": 20}
        states = {row.name: row.state for row in engine.snapshot(0, group).transfers}
        assert states == {"film": "sending", "other film": "queued"}
        assert [row.name for row in engine.queue().transfers] == ["film", "other film"]
        engine.cancel()
        go_on.set()


# -- the command


def test_the_command_shows_and_changes_the_order(paired: Client, short_path: Path) -> None:
    ledger = Ledger(paired.home)
    fill(ledger, 3)
    ledger.pause(Chosen())
    ledger.close()
    lines = paired.run("queue").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["1", "1"], ["2", "2"], ["3", "3"]]
    assert "Paused by you." in lines[0]
    assert paired.run("queue", "next", "3").stdout == "1 moved.\n"
    assert paired.run("queue", "before", "3", "2").stdout == "1 moved.\n"
    assert paired.run("queue", "last", "2", "1").stdout == "2 moved.\n"
    told = [line.split()[1] for line in paired.run("queue", "--limit", "2").stdout.splitlines()]
    assert told == ["3", "2", "1"], "two of them, and 1 more"
    assert "no unfinished transfer" in paired.run("queue", "before", "77", "1", code=1).stderr
    paired.run("queue", "next", "77", code=1)
    paired.run("queue", "next", code=2)
