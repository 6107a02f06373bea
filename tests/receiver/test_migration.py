"""A catalogue of the first shape is brought up to date, and nothing in it is lost."""

from __future__ import annotations

import hashlib
import os
import runpy
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from howdah_common.digests import BLAKE3, digest
from howdah_common.manifest import Manifest
from howdah_receiver.catalogue.migrate import MIGRATIONS
from kit.native import Native
from kit.receiver import running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

NAME = "catalogue.sqlite3"
CHUNK = 65536
TOKEN = "the token of a device that was paired long ago"
FILES = {"top.txt": b"top", "a/one": b"1" * 100, "a/b/two": b"22", "a/b/Straße": b"333"}
BEFORE = b"what a/one was before"
UPLOAD = "f" * 32


@pytest.fixture(scope="module")
def old(short_root: Path) -> Iterator[RunningReceiver]:
    """A receiver on a data folder that the first version left behind."""
    data = short_root / "old"
    for path, content in FILES.items():
        place = data / "files/owner" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (data / "versions").mkdir()
    (data / "versions" / _id("a/one before")).write_bytes(BEFORE)
    (data / "parts").mkdir()
    (data / "parts" / UPLOAD).write_bytes(b"p" * CHUNK + bytes(CHUNK))
    with closing(sqlite3.connect(data / NAME)) as catalogue, catalogue:
        _fill(catalogue, data)
    with running_receiver(data) as receiver:
        yield receiver


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _fill(catalogue: sqlite3.Connection, data: Path) -> None:
    baseline = runpy.run_path(str(MIGRATIONS / "versions/0001_baseline.py"))
    for statement in baseline["STATEMENTS"]:
        catalogue.execute(statement)
    catalogue.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    catalogue.execute("INSERT INTO alembic_version VALUES ('0001')")
    catalogue.execute("INSERT INTO meta VALUES ('catalogue', ?), ('changes', '7')", [_id("it")])
    catalogue.execute("INSERT INTO accounts VALUES ('acc', 'owner', 'admin', 1)")
    catalogue.execute("INSERT INTO spaces VALUES ('spa', 'owner', 'acc', 'owner')")
    catalogue.execute(
        "INSERT INTO devices VALUES ('dev', 'acc', 'old laptop', ?, 1)",
        [hashlib.sha256(TOKEN.encode()).digest()],
    )
    for folder in ("a", "a/b"):
        parent = folder.rpartition("/")[0]
        catalogue.execute(
            "INSERT INTO folders VALUES (?, 'spa', ?, ?)", [_id(folder), folder, parent]
        )
    for path, content in FILES.items():
        catalogue.execute(
            "INSERT INTO files VALUES (?, 'spa', ?, ?, ?)",
            [_id(path), path, path.rpartition("/")[0], _id(f"{path} now")],
        )
        _add_version(catalogue, path, "now", "current", content, data / "files/owner" / path)
    kept = data / "versions" / _id("a/one before")
    _add_version(catalogue, "a/one", "before", "kept", BEFORE, kept)
    catalogue.execute(
        "INSERT INTO uploads VALUES (?, 'acc', ?, 'spa', 'late', ?, 5, 'blake3', ?, 'open', x'7b7d',"
        " NULL, NULL, NULL, 5, 0)",
        [UPLOAD, "c" * 32, 2 * CHUNK, CHUNK],
    )
    catalogue.execute(
        "INSERT INTO chunks VALUES (?, 0, ?, ?, 1)", [UPLOAD, CHUNK, digest(BLAKE3, b"p" * CHUNK)]
    )


def _add_version(
    catalogue: sqlite3.Connection, path: str, when: str, place: str, content: bytes, at: Path
) -> None:
    status = os.stat(at)
    manifest = Manifest(len(content), CHUNK, BLAKE3, digest(BLAKE3, content))
    version, added_ns = _id(f"{path} {when}"), {"before": 10, "now": 20}[when]
    catalogue.execute(
        "INSERT INTO versions VALUES (?, ?, ?, ?, 5, ?, ?, 'blake3', ?, NULL, 0, 'upload', ?, ?, ?)",
        [version, _id(path), place, len(content), added_ns, CHUNK, manifest.digest(),
         status.st_dev, status.st_ino, status.st_mtime_ns],
    )  # fmt: skip
    catalogue.execute("INSERT INTO manifests VALUES (?, ?)", [version, manifest.digests])


@pytest.fixture
def device(old: RunningReceiver) -> Iterator[Native]:
    """The device that was paired before, with the token that it has."""
    with Native(old.url, TOKEN) as device:
        yield device


def rows(receiver: RunningReceiver, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(receiver.data / NAME)) as catalogue:
        return catalogue.execute(query).fetchall()


def test_every_file_is_where_it_was_and_what_it_was(device: Native) -> None:
    found = {
        item["path"]: device.content(item["id"]).body
        for folder in ("", "a", "a/b")
        for item in device.items(folder)
        if item["kind"] == "file"
    }
    assert found == FILES


def test_an_upload_goes_on_where_it_was(device: Native) -> None:
    there = device.get(f"/uploads/{UPLOAD}").json
    assert (there["state"], there["received"]) == ("open", [[0, 0]])


def test_what_was_replaced_is_remembered_with_its_place_and_time(old: RunningReceiver) -> None:
    assert rows(old, "SELECT version_id, path, from_ns, to_ns FROM placements") == [
        (_id("a/one before"), "a/one", 10, 20)
    ]


def test_what_is_counted_is_what_is_there(old: RunningReceiver) -> None:
    stored = sum(map(len, FILES.values())) + len(BEFORE)
    assert rows(old, "SELECT used_bytes, used_files FROM spaces") == [
        (stored + 2 * CHUNK, len(FILES))
    ]
    tallies = rows(old, "SELECT path, own_bytes, own_files, own_folders FROM folders ORDER BY path")
    assert tallies == [("", 3, 1, 1), ("a", 100, 1, 1), ("a/b", 5, 2, 0)]


def test_the_account_owns_its_space_as_before(old: RunningReceiver) -> None:
    assert rows(old, "SELECT * FROM memberships") == [("spa", "acc", "owner")]


def test_names_are_folded_as_they_will_be_compared(old: RunningReceiver) -> None:
    assert rows(old, "SELECT folded FROM files WHERE path = 'a/b/Straße'") == [("strasse",)]
