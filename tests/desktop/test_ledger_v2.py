"""The ledger's second version: older ones are brought up to date, and the tallies are always right."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.ledger_orders import MOST_TOLD, Chosen
from howdah_desktop.engine.ledger_schema import TALLIES
from howdah_desktop.engine.transfers import Hold, IfExists, Kind, TransferState
from kit.client import Client

S = TransferState

VERSION_1 = """
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups,
    local BLOB NOT NULL,
    remote TEXT NOT NULL
);
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES groups,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    local BLOB NOT NULL,      -- names need not be UTF-8
    remote TEXT NOT NULL,
    relative TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    size INTEGER,
    large INTEGER AS (size IS NULL OR size >= 8388608) VIRTUAL,  -- its lane, see scheduler.py
    code TEXT,
    detail TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    client_id TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT,
    chunk_bytes INTEGER,
    dev INTEGER, inode INTEGER, source_bytes INTEGER, mtime_ns INTEGER,
    digest TEXT,
    final_path TEXT,
    done_bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    finished REAL
);
CREATE UNIQUE INDEX transfers_once ON transfers (group_id, local, remote, relative);
CREATE INDEX transfers_state ON transfers (state, large, id);
CREATE INDEX transfers_local ON transfers (local, id);
CREATE TABLE line (carried_bytes INTEGER, good INTEGER NOT NULL);
PRAGMA user_version = 1;
"""
"""As version 0.1.0 made it."""


def make_version_1(home: Path) -> None:
    """One that waits, one that failed, one that arrived, and a folder that is still being listed."""
    with closing(sqlite3.connect(home / FILE_NAME)) as db, db:
        db.executescript(VERSION_1)
        db.execute("INSERT INTO groups VALUES (1, 'upload', 'version', 0, 5.0)")
        db.execute("INSERT INTO roots VALUES (1, 1, ?, 'folder')", (b"/x/folder",))
        for name, state, done in (("a", "waiting", 3), ("b", "failed", 0), ("c", "done", 10)):
            db.execute(
                "INSERT INTO transfers (group_id, kind, state, local, remote, relative, if_exists,"
                " sha256, size, code, done_bytes, created)"
                " VALUES (1, 'upload', ?, ?, ?, '', 'version', 0, 10, 'source_missing', ?, 5.0)",
                (state, os.fsencode(f"/x/{name}"), name, done),
            )


def scanned(ledger: Ledger) -> dict[tuple[object, ...], tuple[object, ...]]:
    """The tallies as counting gives them."""
    return {
        tuple(row[:4]): tuple(row[4:])
        for row in ledger.rows(
            "SELECT group_id, coalesce(root, 0), hidden, state, count(*), sum(coalesce(size, 0)),"
            " sum(done_bytes) FROM transfers GROUP BY 1, 2, 3, 4"
        )
    }


def kept(ledger: Ledger) -> dict[tuple[object, ...], tuple[object, ...]]:
    """The tallies as the triggers keep them."""
    found = {tuple(row[:4]): tuple(row[4:]) for row in ledger.rows("SELECT * FROM tallies")}
    assert all(tally == (0, 0, 0) for tally in found.values() if tally[0] == 0)
    return {key: tally for key, tally in found.items() if tally[0]}


def test_a_ledger_of_version_1_is_brought_up_to_date_and_a_copy_is_kept(short_path: Path) -> None:
    make_version_1(short_path)
    before = sqlite_dump(short_path / FILE_NAME)
    ledger = Ledger(short_path)
    assert [row.state for row in ledger.everything()] == [S.DONE, S.FAILED, S.WAITING]
    assert [root.remote for root in ledger.roots()] == ["folder"]
    assert kept(ledger) == scanned(ledger)
    ledger.close()
    copy = short_path / f"{FILE_NAME}.v1"
    assert sqlite_dump(copy) == before
    assert copy.stat().st_mode & 0o077 == 0


def test_what_ended_under_version_1_is_history_and_not_in_the_list(short_path: Path) -> None:
    make_version_1(short_path)
    ledger = Ledger(short_path)
    assert set(ledger.tallies(hidden=False)) == {"waiting", "failed"}
    assert ledger.where_it_went(b"/x/c") is not None
    ledger.close()


def test_a_ledger_that_came_from_version_1_is_as_a_new_one(short_path: Path) -> None:
    old, new = short_path / "old", short_path / "new"
    for home in (old, new):
        home.mkdir()
    make_version_1(old)
    for home in (old, new):
        Ledger(home).close()
    assert shape(old / FILE_NAME) == shape(new / FILE_NAME)


def test_a_ledger_of_version_1_can_be_read_as_it_is(short_path: Path) -> None:
    make_version_1(short_path)
    before = (short_path / FILE_NAME).read_bytes()
    ledger = Ledger(short_path, read_only=True)
    assert ledger.tallies() == {"waiting": (1, 10, 3), "failed": (1, 10, 0), "done": (1, 10, 10)}
    assert [row.root for row in ledger.in_states([S.WAITING])] == [None]
    assert len(ledger.roots()) == 1
    ledger.close()
    assert (short_path / FILE_NAME).read_bytes() == before


def test_status_shows_a_ledger_of_version_1(client: Client) -> None:
    client.home.mkdir(exist_ok=True)
    make_version_1(client.home)
    counts = client.run("status").stdout.splitlines()[-1]
    assert set(counts.split(", ")) == {"1 waiting", "1 failed", "1 done"}


def test_a_full_disk_leaves_version_1_as_it_was(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version_1(short_path)

    def full(ledger: Ledger, name: str) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Ledger, "_keep_copy", full)
    with pytest.raises(ProblemError) as caught:
        Ledger(short_path)
    assert caught.value.code == "local_full"
    with closing(sqlite3.connect(short_path / FILE_NAME)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


def sqlite_dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def shape(path: Path) -> tuple[object, ...]:
    with closing(sqlite3.connect(path)) as db:
        tables = ("groups", "roots", "transfers", "tallies", "line")
        columns = {name: db.execute(f"PRAGMA table_xinfo({name})").fetchall() for name in tables}
        names = db.execute("SELECT type, name FROM sqlite_schema ORDER BY name").fetchall()
        return columns, names, db.execute("PRAGMA user_version").fetchall()


# -- tallies


step = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 5), st.integers(0, 3)),
    st.tuples(
        st.just("save"),
        st.integers(1, 12),
        st.sampled_from([s.value for s in S]),
        st.integers(0, 9),
    ),
    st.tuples(st.sampled_from(["pause", "resume", "cancel", "hide"]), st.integers(0, 12)),
)


@settings(max_examples=60)
@given(st.lists(step, max_size=25))
def test_the_tallies_are_what_counting_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("tallies"))
    with ledger.told():
        ledger._db.execute("PRAGMA synchronous = OFF")
    try:
        for words in steps:
            take(ledger, *words)  # type: ignore[arg-type]
            assert kept(ledger) == scanned(ledger)
    finally:
        ledger.close()


def take(ledger: Ledger, what: str, number: int, *more: object) -> None:
    if what == "add":
        add(ledger, number, int(str(more[0])))
    elif what == "save":
        row = ledger.get(number)
        if row is not None:
            with ledger.told(), ledger._db:
                ledger._db.execute(
                    "UPDATE transfers SET state = ?, done_bytes = ?, size = ? WHERE id = ?",
                    (*more, more[1] or None, number),
                )
    else:
        chosen = Chosen() if number == 0 else Chosen([number], [number])
        getattr(ledger, what)(chosen)


def add(ledger: Ledger, name: int, root: int) -> None:
    """The same few files again and again, singly and in folders, so that they are taken over."""
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False, held=Hold(root % 2))
    if root:
        ledger.add_root(group, b"/r%d" % root, f"r{root}")
    rows = [
        NewTransfer(Kind.UPLOAD, b"/%d" % n, f"{n}", size=n or None) for n in (name, (name + 1) % 6)
    ]
    ledger.put_in(group, rows, root=ledger.roots(group.id)[0] if root else None)


def test_a_row_that_stays_what_it_is_moves_no_tally(short_path: Path) -> None:
    ledger = Ledger(short_path)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    rows = ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/a", "a", size=1)])
    before = ledger.writes
    ledger.save(rows)
    assert ledger.writes == before + 1
    ledger.close()


def test_the_tallies_are_made_from_what_is_there(short_path: Path) -> None:
    ledger = Ledger(short_path)
    add(ledger, 1, 1)
    with ledger.told():
        ledger._db.executescript(
            "DROP TABLE tallies; DROP INDEX transfers_listed; DROP INDEX transfers_troubled;"
            "DROP TRIGGER tally_added; DROP TRIGGER tally_grown; DROP TRIGGER tally_moved;"
            + TALLIES
        )
    assert kept(ledger) == scanned(ledger)
    ledger.close()


# -- orders about many


def many(ledger: Ledger, count: int) -> None:
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/%d" % n, f"{n}", size=n) for n in range(count)])


def test_when_few_change_they_are_named_and_when_many_do_they_are_not(short_path: Path) -> None:
    ledger = Ledger(short_path)
    many(ledger, MOST_TOLD + 1)
    few = ledger.pause(Chosen([1, 2]))
    assert (few.count, few.rows) == (2, ((1, 0), (2, 0)))
    all_others = ledger.pause(Chosen())
    assert all_others.count == MOST_TOLD - 1
    assert all_others.rows is not None
    assert ledger.resume(Chosen()).rows is None
    ledger.close()


def test_an_order_changes_only_what_the_table_of_states_lets_it(short_path: Path) -> None:
    ledger = Ledger(short_path)
    many(ledger, len(S))
    for number, state in enumerate(S, 1):
        with ledger.told(), ledger._db:
            ledger._db.execute("UPDATE transfers SET state = ? WHERE id = ?", (state.value, number))
    ledger.pause(Chosen())
    states = [row.state for row in reversed(ledger.everything())]
    ends = {S.DONE, S.SKIPPED, S.CANCELLED, S.SUPERSEDED, S.FAILED}
    assert states == [state if state in ends else S.PAUSED for state in S]
    ledger.cancel(Chosen())
    states = [row.state for row in reversed(ledger.everything())]
    assert states == [state if state in ends - {S.FAILED} else S.CANCELLED for state in S]
    ledger.close()
