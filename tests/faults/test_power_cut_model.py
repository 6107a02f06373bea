"""The models of a power cut lose what nobody synced, and never what was synced as it must be."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.diskshim import Op, Record, can_build, environment, read_record
from kit.power_cut import Disk, LogError, Model, cuts, materialise, promised, states
from kit.sparse import Content
from kit.state_tree import Folder

LOSING = [Model.STRICT, Model.EXT4, Model.WILD]
SEEDS = range(40)

ROOT, FILE, OTHER, FOLDER, SECOND = 1, 2, 3, 4, 5


def create(path: str, inode: int = FILE) -> Record:
    return Record(Op.CREATE, inode, path)


def write(data: bytes, inode: int = FILE, offset: int = 0) -> Record:
    return Record(Op.WRITE, inode, "x", offset=offset, length=len(data), data=data)


def fsync(inode: int = FILE) -> Record:
    return Record(Op.FSYNC, inode, "" if inode == ROOT else "x")


def mkdir(path: str, inode: int = FOLDER) -> Record:
    return Record(Op.MKDIR, inode, path)


def rename(path: str, second: str, inode: int = FILE) -> Record:
    return Record(Op.RENAME, inode, path, second)


def unlink(path: str) -> Record:
    return Record(Op.UNLINK, 0, path)


def outcomes(log: list[Record], model: Model) -> list[dict[str, bytes]]:
    """The different trees that a cut at the end of ``log`` may leave."""
    found: list[dict[str, bytes]] = []
    for seed in SEEDS:
        files = states(log, len(log), model, seed).files()
        if files not in found:
            found.append(files)
    return found


def paths(log: list[Record], model: Model) -> set[frozenset[str]]:
    return {frozenset(files) for files in outcomes(log, model)}


PUBLISHED = [create("tmp"), write(b"new"), fsync(), rename("tmp", "file"), fsync(ROOT)]


@pytest.mark.parametrize("model", Model)
def test_a_synced_file_with_a_synced_name_stays(model: Model) -> None:
    log = [create("file"), write(b"bytes"), fsync(), fsync(ROOT)]
    assert outcomes(log, model) == [{"file": b"bytes"}]


@pytest.mark.parametrize("model", Model)
def test_write_sync_rename_sync_the_folder_holds_in_every_model(model: Model) -> None:
    assert outcomes(PUBLISHED, model) == [{"file": b"new"}]


@pytest.mark.parametrize("model", Model)
def test_a_replaced_file_is_old_or_new_but_never_between(model: Model) -> None:
    old = [create("file", OTHER), write(b"old", OTHER), fsync(OTHER), fsync(ROOT)]
    for end in range(len(PUBLISHED) + 1):
        for files in outcomes(old + PUBLISHED[:end], model):
            assert files["file"] in (b"old", b"new")


@pytest.mark.parametrize("model", LOSING)
def test_a_file_that_nobody_synced_may_vanish(model: Model) -> None:
    assert {} in outcomes([create("file"), write(b"bytes")], model)


@pytest.mark.parametrize("model", [Model.STRICT, Model.WILD])
def test_a_missing_sync_of_the_folder_is_found(model: Model) -> None:
    assert {frozenset({"file"})} != paths(PUBLISHED[:-1], model)


@pytest.mark.parametrize("model", [Model.EXT4, Model.WILD])
def test_a_renamed_file_that_was_not_synced_may_be_empty(model: Model) -> None:
    log = [create("tmp"), write(b"new"), rename("tmp", "file"), fsync(ROOT)]
    assert {"file": b""} in outcomes(log, model)
    assert {"file": b"new"} in outcomes(log, model)


def test_ext4_commits_the_names_of_everybody_with_any_sync_that_commits() -> None:
    log = [create("a", OTHER), create("b"), write(b"b"), fsync()]
    assert outcomes(log, Model.EXT4) == [{"a": b"", "b": b"b"}]
    assert outcomes(log, Model.STRICT) == [{}]


def test_in_ext4_a_sync_that_has_nothing_to_commit_commits_nothing() -> None:
    log = [create("file"), write(b"x"), fsync(), fsync(ROOT)]
    overwrite = [write(b"y"), rename("file", "moved"), Record(Op.FDATASYNC, FILE, "moved")]
    assert paths(log + overwrite, Model.EXT4) == {frozenset({"file"}), frozenset({"moved"})}
    assert all(set(files.values()) == {b"y"} for files in outcomes(log + overwrite, Model.EXT4))


def test_a_new_folder_is_lost_with_all_in_it_when_its_parent_was_not_synced() -> None:
    inside = [mkdir("d"), create("d/file"), write(b"1"), fsync(), fsync(FOLDER)]
    assert outcomes(inside, Model.STRICT) == [{}]
    assert outcomes([*inside, fsync(ROOT)], Model.STRICT) == [{"d/file": b"1"}]


@pytest.mark.parametrize("synced", [FOLDER, SECOND])
def test_a_rename_between_folders_lasts_as_a_whole_with_a_sync_of_either(synced: int) -> None:
    log = [mkdir("a"), mkdir("b", SECOND), create("a/x"), write(b"1"), fsync()]
    log += [fsync(ROOT), fsync(FOLDER), fsync(SECOND), rename("a/x", "b/y")]
    assert outcomes(log, Model.STRICT) == [{"a/x": b"1"}]
    assert paths(log, Model.WILD) == {frozenset({"a/x"}), frozenset({"b/y"})}
    for model in Model:
        assert outcomes([*log, fsync(synced)], model) == [{"b/y": b"1"}]


def test_a_removal_may_be_undone_until_the_folder_is_synced() -> None:
    log = [create("file"), write(b"1"), fsync(), fsync(ROOT), unlink("file")]
    assert outcomes(log, Model.STRICT) == [{"file": b"1"}]
    for model in Model:
        assert outcomes([*log, fsync(ROOT)], model) == [{}]


def test_a_hard_link_keeps_the_content_under_both_names(short_path: Path) -> None:
    log = [create("file"), write(b"1"), fsync(), Record(Op.LINK, FILE, "twin"), fsync(ROOT)]
    materialise(states(log, len(log), Model.STRICT), short_path / "out")
    assert (short_path / "out/file").stat().st_ino == (short_path / "out/twin").stat().st_ino


def test_unsynced_bytes_in_a_preallocated_file_may_be_zeros_old_new_or_torn() -> None:
    log = [create("part"), Record(Op.FALLOCATE, FILE, "part", length=8192), fsync(), fsync(ROOT)]
    assert outcomes(log, Model.STRICT) == [{"part": bytes(8192)}]
    log.append(write(b"n" * 8192))
    for model in (Model.EXT4, Model.WILD):
        found = [files["part"] for files in outcomes(log, model)]
        assert all(len(data) == 8192 for data in found)
        assert bytes(8192) in found
        assert b"n" * 8192 in found
        torn = [data for data in found if 0 < data.count(b"n") < 8192]
        assert any(data.count(b"n") % 4096 for data in torn)  # at a sector
        assert all(data.count(b"n") % 512 == 0 for data in torn)


def test_bytes_written_after_a_truncation_that_the_journal_lacks_are_not_there() -> None:
    log = [create("f"), write(b"old" * 1000), fsync(), fsync(ROOT)]
    log += [Record(Op.TRUNCATE, FILE, "f", length=0), write(b"new")]
    found = [files["f"] for files in outcomes(log, Model.EXT4)]
    assert b"old" * 1000 in found
    assert b"" in found
    assert all(data in (b"old" * 1000, b"", b"new", bytes(3)) for data in found)


@pytest.mark.parametrize("model", LOSING)
def test_what_a_failed_sync_forgot_is_not_saved_by_the_next_one(model: Model) -> None:
    log = [create("f"), write(b"old"), fsync(), fsync(ROOT)]
    log += [write(b"new"), Record(Op.FAILED_SYNC, FILE, "f"), fsync()]
    assert outcomes(log, model) == [{"f": b"old"}]
    assert outcomes([*log, write(b"new"), fsync()], model) == [{"f": b"new"}]


def test_an_inode_number_that_comes_back_is_another_file() -> None:
    log = [create("a"), write(b"first"), fsync(), fsync(ROOT), unlink("a"), create("b")]
    assert {"a": b"first"} in outcomes(log, Model.STRICT)
    assert outcomes([*log, fsync(ROOT)], Model.STRICT) == [{"b": b""}]


def test_a_swap_of_two_names_is_one_step() -> None:
    log = [create("a"), write(b"1"), fsync(), create("b", OTHER), write(b"2", OTHER), fsync(OTHER)]
    log += [fsync(ROOT), Record(Op.RENAME, FILE, "a", "b", flags=2)]
    before, after = {"a": b"1", "b": b"2"}, {"a": b"2", "b": b"1"}
    assert outcomes(log, Model.ORDERED) == [after]
    for model in LOSING:
        assert all(files in (before, after) for files in outcomes(log, model))


def test_a_change_of_a_file_that_was_never_made_is_an_error() -> None:
    with pytest.raises(LogError):
        Disk().apply(write(b"x"))


@pytest.mark.parametrize("model", Model)
def test_the_same_seed_gives_the_same_state(model: Model) -> None:
    log = [create("f"), *[write(bytes([n]) * 700, offset=n * 500) for n in range(20)]]
    log += [rename("f", "g"), mkdir("d"), rename("g", "d/g")]
    for seed in SEEDS:
        twice = [states(log, len(log), model, seed).files() for _ in range(2)]
        assert twice[0] == twice[1]


def test_sparse_content_equals_plain_bytes_after_any_changes() -> None:
    rng = random.Random(7)
    for _ in range(60):
        content, plain = Content(), bytearray()
        for _ in range(12):
            offset, length = rng.randrange(20_000), rng.randrange(1, 9_000)
            kind = rng.choice(["write", "resize", "clear"])
            if kind == "write":
                data = rng.randbytes(length)
                plain.extend(bytes(max(0, offset - len(plain))))
                plain[offset : offset + length] = data
                content.write(offset, data)
            elif kind == "resize":
                plain = plain[:offset] + bytes(max(0, offset - len(plain)))
                content.resize(offset)
            else:
                end = min(offset + length, len(plain))
                plain[offset:end] = bytes(max(0, end - offset))
                content.clear(offset, length)
        assert content.data() == bytes(plain)
        assert content.size == len(plain)


# --- with a real database ------------------------------------------------------------------------

COMMITS = """
import os, sqlite3, sys
from kit.diskshim import mark
from pathlib import Path
root, record, journal, synchronous = sys.argv[1:]
db = sqlite3.connect(root + "/db", isolation_level=None)
db.execute("pragma journal_mode=" + journal)
db.execute("pragma synchronous=" + synchronous)
db.execute("pragma wal_autocheckpoint=8")
db.execute("create table rows (n integer, filling blob)")
for n in range(12):
    db.execute("insert into rows values (?, randomblob(3000))", [n])
    mark(Path(record), b"%d" % n)
os._exit(0)
"""


def recorded(folder: Path, journal: str, synchronous: str) -> list[Record]:
    root, record = folder / "root", folder / "record"
    root.mkdir()
    subprocess.run(
        [sys.executable, "-c", COMMITS, str(root), str(record), journal, synchronous],
        env=os.environ
        | environment(root, record=record)
        | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        check=True,
        timeout=50,
    )
    return read_record(record)


def lost(tree: Folder, promises: list[bytes], folder: Path) -> set[int]:
    """The acknowledged rows that the database of this state does not have."""
    materialise(tree, folder)
    database = sqlite3.connect(folder / "db")
    try:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        rows = {n for (n,) in database.execute("select n from rows")}
    except sqlite3.OperationalError:  # no such table: all of it is lost
        rows = set()
    finally:
        database.close()
    return {int(promise) for promise in promises} - rows


def losses(log: list[Record], folder: Path, seeds: Callable[[Model], range]) -> Iterator[set[int]]:
    number = 0
    for point, disk in cuts(log, range(1, len(log) + 1)):
        for model in Model:
            for seed in seeds(model):
                number += 1
                tree = disk.state(model, seed * 1000 + point)
                yield lost(tree, promised(log, point), folder / f"state{number}")


def few_seeds(model: Model) -> range:
    return range(3 if model in (Model.EXT4, Model.WILD) else 1)


@pytest.fixture
def memory_folder(short_path: Path) -> Path:
    folder = short_path / "states"
    folder.mkdir()
    return folder


@pytest.mark.skipif(not can_build(), reason="needs Linux and gcc")
def test_sqlite_with_wal_and_full_keeps_every_acknowledged_row(
    short_path: Path, memory_folder: Path
) -> None:
    found = list(losses(recorded(short_path, "wal", "full"), memory_folder, few_seeds))
    assert len(found) > 500
    assert not [rows for rows in found if rows]


@pytest.mark.skipif(not can_build(), reason="needs Linux and gcc")
@pytest.mark.parametrize(("journal", "synchronous"), [("wal", "normal"), ("delete", "off")])
def test_sqlite_with_weaker_settings_is_found_to_lose_acknowledged_rows(
    short_path: Path, memory_folder: Path, journal: str, synchronous: str
) -> None:
    log = recorded(short_path, journal, synchronous)
    try:
        assert any(losses(log, memory_folder, few_seeds))
    except sqlite3.DatabaseError:
        assert synchronous == "off"  # it may even be damaged
