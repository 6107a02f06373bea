"""The history tells what ended, newest first, quickly."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from howdah_desktop.engine import history
from howdah_desktop.engine.history import About, History
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME
from kit.client import Client


@pytest.fixture
def home(own_machine: Path) -> Path:
    home = own_machine / "howdah"
    Ledger(home).close()
    return home


@pytest.fixture
def db(home: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(home / FILE_NAME)) as db:
        db.execute(
            "INSERT INTO groups (id, kind, if_exists, sha256, created) VALUES (1, 'u', 'v', 0, 0)"
        )
        db.execute("INSERT INTO roots (id, group_id, local, remote) VALUES (1, 1, X'', '')")
        db.commit()
        yield db


EVERYTHING = About()


def put(db: sqlite3.Connection, local: str, at: float | None, **more: object) -> None:
    columns = {
        "group_id": 1, "kind": "upload", "state": "done", "local": local.encode(),
        "remote": local.lstrip("/"), "relative": "", "if_exists": "version", "sha256": 0,
        "size": 5, "created": 0, "finished": at,
        **more,
    }  # fmt: skip
    with db:
        db.execute(
            f"INSERT INTO transfers ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            tuple(columns.values()),
        )


def found(home: Path, about: About = EVERYTHING, limit: int = 100) -> list[tuple[str, str]]:
    ledger = History(home)
    try:
        return [(event.what, event.path) for event in ledger.events(about, limit)]
    finally:
        ledger.close()


def test_it_tells_everything_that_ended_newest_first(home: Path, db: sqlite3.Connection) -> None:
    put(db, "/a", 10.0)
    put(db, "/b", 50.0, state="failed", code="source_missing")
    put(db, "/hidden", 30.0, hidden=1)
    put(db, "/under way", None, state="queued")
    put(db, "/to", 20.0, kind="download", remote="there/c", relative="c")
    with db:
        db.execute(
            "INSERT INTO watched (id, local, target, mirror, settings, group_id, root, state, added)"
            " VALUES (1, X'2f77', '', 1, '{}', 1, 1, '', 0)"
        )
        db.execute("INSERT INTO acts VALUES (1, 1, 40.0, 'move', 1, 'old', 'new', 7)")
        db.execute("INSERT INTO acts VALUES (2, 1, 60.0, 'trash', 0, 'x', NULL, 1)")
        db.execute(
            "INSERT INTO freed VALUES (1, 69.0, CAST('/a' AS BLOB), 5, '', '', '', '', 'trash', X'', 70.0)"
        )
        db.execute(
            "INSERT INTO freed VALUES (2, 80.0, CAST('/z' AS BLOB), 5, '', '', '', '', 'trash', X'', NULL)"
        )
    assert found(home) == [
        ("freed", "/a"), ("deleted", "x"), ("failed", "/b"), ("moved", "old"), ("sent", "/hidden"),
        ("fetched", "there/c"), ("sent", "/a"),
    ]  # fmt: skip
    assert found(home, limit=2) == [("freed", "/a"), ("deleted", "x")]
    assert found(home, About(since=50.0)) == [("freed", "/a"), ("deleted", "x"), ("failed", "/b")]


@pytest.mark.parametrize("many", [0, 20_000])
def test_it_tells_of_a_file_or_of_a_folder_and_what_is_below_it(
    home: Path, db: sqlite3.Connection, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MANY_ROWS", many)
    for at, local in enumerate(("/d/x", "/d/x/y", "/d/x.txt", "/d/x0", "/d/e/z")):
        put(db, local, float(at))
    put(db, "/d", 9.0, kind="download", remote="there/z", relative="e/z")
    assert found(home, About(local=b"/d/x")) == [("sent", "/d/x/y"), ("sent", "/d/x")]
    assert found(home, About(local=b"/d/e")) == [("fetched", "there/z"), ("sent", "/d/e/z")]
    assert len(found(home, About(local=b"/d"))) == 6
    assert len(found(home, About(local=b"/"))) == 6
    assert found(home, About(local=b"/d/\xff")) == []
    assert found(home, About(there="there")) == [("fetched", "there/z")]
    assert found(home, About(there="d/x")) == [("sent", "/d/x/y"), ("sent", "/d/x")]


def test_what_was_done_there_belongs_to_the_local_file(home: Path, db: sqlite3.Connection) -> None:
    with db:
        db.execute(
            "INSERT INTO watched (id, local, target, mirror, settings, group_id, root, state, added)"
            " VALUES (1, CAST('/w' AS BLOB), '', 1, '{}', 1, 1, '', 0)"
        )
        db.execute(
            "INSERT INTO known (folder, dir, name, is_dir, dev, inode, remote, agreed)"
            " VALUES (1, CAST('d' AS BLOB), CAST('f' AS BLOB), 0, 0, 0, 'W/d/f', 0)"
        )
        db.execute("INSERT INTO acts VALUES (1, 1, 1.0, 'move', 0, 'W/d/old', 'W/d/f', 1)")
        db.execute("INSERT INTO acts VALUES (2, 1, 2.0, 'trash', 0, 'W/d/other', NULL, 1)")
    assert found(home, About(local=b"/w/d/f")) == [("moved", "W/d/old")]
    assert found(home, About(local=b"/w/d/g")) == []


def test_nothing_of_it_looks_through_the_transfers(home: Path, db: sqlite3.Connection) -> None:
    ledger = History(home)
    try:
        for about in (About(), About(local=b"/d/x"), About(since=5.0)):
            asked: list[str] = []
            ledger._db.set_trace_callback(asked.append)
            ledger.events(about, 10)
            ledger._db.set_trace_callback(None)
            for sql in asked:
                plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
                assert not any(
                    step.startswith("SCAN transfers") and "INDEX" not in step for step in plan
                ), plan
    finally:
        ledger.close()


def test_the_command_tells_it_in_lines_and_as_json(paired: Client, short_path: Path) -> None:
    assert "Nothing has ended yet." in paired.run("history").stdout
    path = short_path / "note.txt"
    path.write_bytes(b"12345")
    paired.run("send", path, "--to", "X")
    paired.run("send", short_path / "missing", code=1)
    failed, sent = paired.run("history").stdout.splitlines()
    assert f" sent            5 B  {path} -> X/note.txt: Arrived, verified." in sent
    assert " failed " in failed
    paired.run("free", path, "--delete")
    events = [
        json.loads(line) for line in paired.run("history", path, "--json").stdout.splitlines()
    ]
    assert [event["what"] for event in events] == ["freed", "sent"]
    assert all(event["event"] == "history" and event["path"] == os.fspath(path) for event in events)
    assert paired.run("history", "--there", "X").stdout.count("\n") == 2
    assert paired.run("history", "--since", "1h", "--limit", "1").stdout.count("\n") == 1
    paired.run("history", "--since", "yesterday", code=2)
