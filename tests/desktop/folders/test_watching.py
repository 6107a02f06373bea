"""A folder that is watched is soon, and stays, at the receiver as it is here."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from kit.watching import SETTLE_SECONDS, make, quick_watching, tree, watching

if TYPE_CHECKING:
    from kit.client import Client
    from kit.receiver import RunningReceiver

TREE: dict[str, bytes | None] = {
    "a.txt": b"first",
    "folder/b.txt": b"second",
    "folder/deep/c.bin": b"third" * 1000,
    "folder/empty": None,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_watching(monkeypatch)


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


def test_what_is_in_it_is_sent_and_what_comes_later_too(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, TREE)
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
        assert tree(folder.there) == TREE
        make(local, {"later.txt": b"later", "a.txt": b"changed"})
        folder.at_rest()
        assert (
            tree(folder.there)
            == tree(local)
            == {**TREE, "a.txt": b"changed", "later.txt": b"later"}
        )
        assert folder.view().files == 4


def test_a_comparison_that_finds_nothing_sends_nothing(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, TREE)
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
    with watching(paired, receiver, local) as folder:
        before = folder.engine._ledger.writes
        view = folder.at_rest()
        assert view.transfers == {"done": 4}
        # The moment of the comparison alone, written down once for each.
        assert folder.engine._ledger.writes - before <= 4


def test_what_is_renamed_is_moved_there_and_not_sent_again(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, TREE)
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
        (local / "a.txt").rename(local / "folder" / "renamed.txt")
        (local / "folder").rename(local / "other")
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        assert set(tree(local)) == {
            "other/renamed.txt",
            "other/b.txt",
            "other/deep/c.bin",
            "other/empty",
        }
        acts = folder.engine._ledger.rows("SELECT kind, remote, moved_to FROM acts ORDER BY id")
        assert ("move", "copy/folder", "copy/other") in acts
        assert folder.view().transfers == {"done": 4}


def test_a_backup_keeps_what_is_deleted_here(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, TREE)
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
        shutil.rmtree(local / "folder")
        (local / "a.txt").unlink()
        folder.at_rest()
        assert tree(folder.there) == TREE
        assert folder.view().files == 0
        make(local, {"folder/b.txt": b"second"})
        folder.at_rest()
        assert tree(folder.there) == TREE


def test_a_mirror_moves_what_is_deleted_here_to_the_trash(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {**TREE, **{f"more/{n}": b"%d" % n for n in range(40)}})
    with watching(paired, receiver, local, mirror=True) as folder:
        folder.at_rest()
        (local / "a.txt").unlink()
        shutil.rmtree(local / "folder" / "deep")
        folder.at_rest()
        assert tree(folder.there) == tree(local)


def test_a_mirror_asks_before_it_deletes_very_much(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {f"more/{n}": b"%d" % n for n in range(60)})
    with watching(paired, receiver, local, mirror=True) as folder:
        folder.at_rest()
        before = tree(folder.there)
        shutil.rmtree(local / "more")
        folder.engine.watch_scan([folder.id])
        view = folder.until(lambda view: view.state == "asking")
        assert "60 files" in view.sentence
        assert "watch resume" in view.remedy
        assert tree(folder.there) == before
        folder.engine.watch_resume([folder.id])
        folder.until(lambda view: view.state == "active" and view.files == 0)
        assert tree(folder.there) == {}


def test_a_folder_without_its_marker_is_left_alone_and_says_so(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, TREE)
    with watching(paired, receiver, local, mirror=True) as folder:
        folder.at_rest()
        away = local.with_name("away")
        local.rename(away)
        local.mkdir()
        folder.engine.watch_scan([folder.id])
        view = folder.until(lambda view: view.state == "unavailable")
        assert view.sentence
        assert view.remedy
        assert tree(folder.there) == TREE
        local.rmdir()
        away.rename(local)
        folder.until(lambda view: view.state == "active")
        folder.at_rest()
        assert tree(folder.there) == TREE


def test_what_somebody_else_changed_there_is_not_replaced(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {"a.txt": b"agreed"})
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
        (folder.there / "a.txt").write_bytes(b"somebody else's")
        receiver.run("scan", "--data", str(receiver.data))
        (local / "a.txt").write_bytes(b"mine")
        view = folder.at_rest()
        assert tree(folder.there) == {"a.txt": b"somebody else's", "a (2).txt": b"mine"}
        assert view.transfers == {"done": 1}
        group = folder.engine._ledger.watched()[0].group
        (row,) = [r for r in folder.engine.snapshot(0, group).transfers if r.state == "done"]
        assert "both are kept" in row.sentence
        # From now on they agree on that.
        (local / "a.txt").write_bytes(b"mine, later")
        folder.at_rest()
        assert tree(folder.there) == {"a.txt": b"somebody else's", "a (2).txt": b"mine, later"}


def test_what_is_ignored_is_left_out_and_said_by_rule(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {"a.txt": b"a", "b.log": b"b", "build/x": b"x", ".howdahignore": b"build/\n"})
    (local / "link").symlink_to("a.txt")
    os.mkfifo(local / "pipe")
    settings = FolderSettings(ignore=("*.log",), settle_seconds=SETTLE_SECONDS)
    with watching(paired, receiver, local, settings=settings) as folder:
        view = folder.at_rest()
        assert set(tree(folder.there)) == {"a.txt", ".howdahignore"}
        assert view.left_out == {"ignored": 2, "symlink": 1, "special": 1}
        why = folder.engine._ledger.why_left_out(folder.id, b"build/x")
        assert why is not None
        assert (why.rule.source, why.rule.line, why.rule.pattern) == (".howdahignore", 1, "build/")
        (local / ".howdahignore").write_bytes(b"# nothing\n")
        folder.at_rest()
        assert set(tree(folder.there)) == {"a.txt", ".howdahignore", "build/x"}


def test_a_file_that_became_a_folder_and_the_other_way_round(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {"one": b"a file", "two/x": b"in a folder"})
    with watching(paired, receiver, local) as folder:
        folder.at_rest()
        (local / "one").unlink()
        shutil.rmtree(local / "two")
        make(local, {"one/y": b"now a folder", "two": b"now a file"})
        folder.at_rest()
        there = tree(folder.there)
        assert there.items() >= tree(local).items()
        assert sorted(there) == ["one (2)", "one/y", "two", "two (2)/x"]


def test_what_is_deleted_before_a_lost_answer_was_heard_is_deleted_there_too(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    make(local, {"a": b"a", "b": b"b"})
    with watching(paired, receiver, local, mirror=True) as folder:
        folder.at_rest()
    with closing(sqlite3.connect(paired.home / "ledger.sqlite3")) as ledger, ledger:
        # As a kill leaves it, between the receiver's commit and ours.
        ledger.execute(
            "UPDATE transfers SET state = 'queued', finished = NULL, digest = NULL, final_path = NULL,"
            " file_id = NULL, version = NULL WHERE relative = 'b'"
        )
        ledger.execute("DELETE FROM known WHERE name = CAST('b' AS BLOB)")
    (local / "b").unlink()
    with watching(paired, receiver, local, mirror=True) as folder:
        folder.until(lambda _: tree(folder.there) == {"a": b"a"}, "it is deleted there")
