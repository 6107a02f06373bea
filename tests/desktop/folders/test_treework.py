"""Moves and deletions at the receiver touch what was known, where it was known, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import cast

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.completion import check_place
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.treework import TreeWork
from howdah_desktop.remote.receiver import Receiver
from kit.sim_receiver import SimFile, SimReceiver


class Tree:
    def __init__(self) -> None:
        self.receiver = SimReceiver(random.Random(0), lambda: None, lambda _: None)
        self.work = TreeWork(lambda: cast("Receiver", self.receiver))

    def put(self, path: str, content: bytes = b"agreed") -> Known:
        """A file there, as it is known here."""
        file: SimFile = self.receiver._put(path, content, 1, 65_536)
        folder, _, name = path.encode().rpartition(b"/")
        return Known(
            folder, name, False, 1, 1, 1, path, file.id, file.version, None, 0.0, None, None
        )

    def folder(self, path: str) -> Known:
        self.receiver.make_folder(path)
        folder, _, name = path.encode().rpartition(b"/")
        return Known(folder, name, True, 1, None, None, path, None, None, None, 0.0, None, None)

    @property
    def contents(self) -> dict[str, bytes]:
        return {path: file.content for path, file in sorted(self.receiver.files.items())}


@pytest.fixture
def tree() -> Tree:
    return Tree()


def test_a_file_that_has_moved_there_is_not_deleted_with_the_place_that_it_left(tree: Tree) -> None:
    known = tree.put("old")
    tree.receiver.move_file(known.file_id or "", "new", None)
    assert tree.work.trash(known)
    assert tree.contents == {"new": b"agreed"}


def test_a_file_that_somebody_else_changed_is_not_deleted(tree: Tree) -> None:
    known = tree.put("a")
    tree.receiver.others_write("a", b"theirs")
    assert not tree.work.trash(known)
    assert tree.contents == {"a": b"theirs"}


def test_a_folder_in_which_somebody_else_changed_a_file_is_not_deleted(tree: Tree) -> None:
    known = [tree.put("folder/a"), tree.put("folder/deep/b")]
    versions = {one.remote: one.version for one in known}
    tree.receiver.others_write("folder/deep/b", b"theirs")
    assert not tree.work.trash_folder("folder", versions)
    assert tree.contents["folder/deep/b"] == b"theirs"


def test_a_folder_as_it_was_known_is_deleted(tree: Tree) -> None:
    known = [tree.put("folder/a"), tree.put("folder/deep/b")]
    assert tree.work.trash_folder("folder", {one.remote: one.version for one in known})
    assert tree.contents == {}
    assert tree.work.trash_folder("folder", {})


def test_what_moves_over_another_file_goes_on_as_that(tree: Tree) -> None:
    one, other = tree.put("one", b"1"), tree.put("other", b"2")
    moved = tree.work.move(one, "other", over=other)
    assert moved is not None
    assert moved.file_id == other.file_id
    assert tree.contents == {"other": b"1"}


def test_nothing_moves_over_what_somebody_else_changed(tree: Tree) -> None:
    one, other = tree.put("one", b"1"), tree.put("other", b"2")
    tree.receiver.others_write("other", b"theirs")
    assert tree.work.move(one, "other", over=other) is None
    assert tree.contents == {"one": b"1", "other": b"theirs"}


def test_a_folder_that_moved_though_the_answer_was_lost_has_moved(tree: Tree) -> None:
    folder, _ = tree.folder("old"), tree.put("old/deep/a")
    folder = replace(folder, file_id=tree.work.folder_id("old"))
    assert tree.work.has_moved(folder, "new") is None
    assert tree.work.move(folder, "new") is not None
    assert tree.work.has_moved(folder, "new") is not None
    assert tree.work.has_moved(folder, "another") is None
    assert tree.contents == {"new/deep/a": b"agreed"}


def test_what_gives_way_gets_another_name_whoever_changed_it(tree: Tree) -> None:
    known = tree.put("a.txt")
    tree.put("a (2).txt", b"taken")
    tree.receiver.others_write("a.txt", b"theirs")
    assert tree.work.put_aside(known, {})
    assert tree.contents == {"a (2).txt": b"taken", "a (3).txt": b"theirs"}


def test_what_gives_way_in_a_mirror_goes_to_the_trash(tree: Tree) -> None:
    folder, inside = tree.folder("a"), tree.put("a/b")
    assert tree.work.put_aside(folder, {inside.remote: inside.version})
    assert tree.contents == {}


def test_what_is_not_there_any_more_has_given_way(tree: Tree) -> None:
    known = tree.put("a")
    tree.receiver.trash_file(known.file_id or "", None)
    assert tree.work.put_aside(known, None)


def test_a_receiver_that_is_away_is_said(tree: Tree) -> None:
    known = tree.put("a")
    tree.receiver.away = True
    for act in (lambda: tree.work.trash(known), lambda: tree.work.move(known, "b")):
        with pytest.raises(ProblemError, match="offline"):
            act()


def test_what_was_published_and_has_moved_since_is_not_the_file_at_its_old_place() -> None:
    check_place("d/a.txt", "d/a.txt")
    check_place("d/a (3).txt", "d/a.txt")
    with pytest.raises(ProblemError, match="chunk_conflict"):
        check_place("e/a.txt", "d/a.txt")
