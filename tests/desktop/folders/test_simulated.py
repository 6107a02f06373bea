"""What a simulation has found to go wrong once, each at its exact moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.scheduler import Slots
from kit.sim import TARGET, Simulation, Stage
from kit.sim_check import check
from kit.sim_plan import Plan


class Folder(Simulation):
    """A mirror that is at rest, with receiver and line in order."""

    def __init__(self, stage: Stage, base: Path) -> None:
        super().__init__(stage, Plan(True, False, True, (), (), (), 1), base)

    def begin(self, **files: bytes) -> None:
        # More, so that a few deletions are not so many that somebody is asked.
        for number in range(30):
            self.disk.write(f"more/{number}", b"%d" % number)
        for name, content in files.items():
            self.disk.write(name.replace("__", "/"), content)
        self.start()
        self.watch()
        self.until(self.at_rest)

    def end_well(self) -> None:
        self.until(self.at_rest)
        check(self)

    def before(self, call: str, act: Callable[[], None]) -> None:
        self.receiver.before[call] = act

    @property
    def there(self) -> set[str]:
        top = len(TARGET) + 1
        paths = {path[top:] for path in self.receiver.files}
        return {path for path in paths if not path.startswith("more/")}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> Iterator[Folder]:
    sim = Folder(Stage(monkeypatch), short_path / "sim")
    yield sim
    sim.end()


def test_what_changes_in_a_folder_that_is_left_out_is_not_sent(folder: Folder) -> None:
    folder.begin(a=b"a")
    folder.disk.folder("sync.download")
    folder.until(folder.at_rest)
    folder.disk.write("sync.download/inside", b"left out")
    folder.end_well()
    assert folder.there == {"a"}


def test_a_file_that_changes_while_it_is_published_is_sent_again(folder: Folder) -> None:
    folder.begin(a=b"first")
    folder.disk.write("a", b"second")
    folder.before("complete", lambda: folder.disk.write("a", b"third"))
    folder.end_well()


def test_a_file_that_is_deleted_while_it_is_published_is_deleted_there(folder: Folder) -> None:
    folder.begin()
    folder.disk.write("b/new", b"new")
    folder.before("complete", lambda: folder.disk.delete("b"))
    folder.end_well()
    assert folder.there == set()


def test_a_file_that_is_deleted_before_a_lost_answer_is_asked_for_is_deleted_there(
    folder: Folder,
) -> None:
    folder.begin()
    folder.disk.write("b/new", b"new")
    folder.before("complete", lambda: folder.disk.delete("b"))
    folder.receiver.lose.add("complete")
    folder.end_well()
    assert folder.there == set()


@pytest.mark.parametrize(
    ("call", "names"), [("batch", ["a", "b/c", "b/d"]), ("complete", ["a"]), ("complete", ["b/c"])]
)
def test_what_was_under_way_when_its_file_went_does_not_arrive_later(
    folder: Folder, call: str, names: list[str]
) -> None:
    folder.begin()
    folder.receiver.late.add(call)
    for name in names:
        folder.disk.write(name, name.encode())
    folder.until(lambda: bool(folder.receiver.delayed))
    folder.disk.delete("b")
    folder.disk.write("a", b"changed")
    folder.until(folder.at_rest)
    with suppress(ProblemError):
        folder.receiver.catch_up()
    folder.end_well()
    assert folder.there == {"a"}


def test_a_file_that_became_a_folder_while_the_receiver_was_away_gives_way(folder: Folder) -> None:
    folder.begin(a=b"a file", b=b"b")
    folder.receiver.away = True
    folder.disk.delete("a")
    folder.disk.write("a/inside", b"in a folder")
    folder.go_on(120)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"a/inside", "b"}


def test_somebody_else_s_file_at_the_place_of_a_folder_gives_way_too(folder: Folder) -> None:
    folder.begin(a=b"a file", b=b"b")
    folder.receiver.others_write(f"{TARGET}/a", b"theirs")
    folder.disk.write("a", b"changed")  # and gets a name of its own there
    folder.until(folder.at_rest)
    folder.disk.delete("a")
    folder.disk.write("a/inside", b"in a folder")
    folder.until(folder.at_rest)
    there = {path: file.content for path, file in folder.receiver.files.items()}
    assert there[f"{TARGET}/a/inside"] == b"in a folder"
    assert there[f"{TARGET}/a (2)"] == b"theirs"


def test_a_numbered_name_that_a_folder_has_is_passed_over(folder: Folder) -> None:
    folder.begin(a=b"a file", b=b"b")
    folder.receiver.others_write(f"{TARGET}/a (2)/x", b"theirs")
    folder.receiver.others_write(f"{TARGET}/a", b"theirs")
    folder.disk.write("a", b"changed")
    folder.until(folder.at_rest)
    there = {path: file.content for path, file in folder.receiver.files.items()}
    assert there[f"{TARGET}/a (3)"] == b"changed"
    assert there[f"{TARGET}/a"] == there[f"{TARGET}/a (2)/x"] == b"theirs"


def test_what_was_renamed_while_the_receiver_was_away_is_moved_and_not_sent(folder: Folder) -> None:
    folder.begin(a=b"a", d__x=b"x", d__y=b"y")
    file_id = folder.receiver.files[f"{TARGET}/a"].id
    folder.receiver.away = True
    folder.disk.rename("a", "b")
    folder.disk.rename("d", "e")
    folder.go_on(120)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"b", "e/x", "e/y"}
    assert folder.receiver.files[f"{TARGET}/b"].id == file_id


@pytest.mark.parametrize("call", ["move_file", "move_folder"])
def test_a_move_whose_answer_is_lost_deletes_nothing(folder: Folder, call: str) -> None:
    folder.begin(a=b"a", d__x=b"x", d__y=b"y")
    folder.receiver.lose.add(call)
    folder.disk.rename("a", "b")
    folder.disk.rename("d", "e")
    folder.end_well()
    assert not folder.receiver.trash


def test_what_changes_in_a_folder_just_before_it_moves_is_seen(folder: Folder) -> None:
    folder.begin(d__x=b"x", d__y=b"y", d__z=b"z")
    folder.disk.write("d/x", b"changed")
    folder.disk.write("d/new", b"new")
    folder.disk.rename("d", "e")
    folder.end_well()
    assert folder.there == {"e/x", "e/y", "e/z", "e/new"}


def test_a_file_moved_over_another_is_known_as_that_from_then_on(folder: Folder) -> None:
    folder.begin(a=b"a", b=b"b")
    folder.disk.rename("a", "b")
    folder.until(folder.at_rest)
    folder.disk.delete("b")
    folder.end_well()
    assert folder.there == set()


def test_a_file_that_is_a_folder_when_its_turn_comes_is_no_failure(folder: Folder) -> None:
    folder.begin()
    folder.disk.write("a", b"a file")

    def become_a_folder() -> None:
        folder.receiver.away = True
        folder.disk.delete("a")
        folder.disk.folder("a")

    folder.before("start", become_a_folder)
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.receiver.folders.keys() == {TARGET, f"{TARGET}/more", f"{TARGET}/a"}


def test_an_edited_file_replaces_what_moved_to_its_place(folder: Folder) -> None:
    folder.begin(d__x=b"x", d__y=b"y", d__z=b"z")
    folder.receiver.away = True
    folder.disk.rename("d", "e")
    folder.disk.write("e/x", b"edited")
    folder.go_on(120)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"e/x", "e/y", "e/z"}


def test_a_lost_answer_does_not_delete_what_has_moved_since(folder: Folder) -> None:
    folder.begin(d__x=b"x", d__y=b"y", d__z=b"z")
    folder.disk.write("d/new", b"new")

    def move() -> None:
        folder.receiver.away = True
        folder.disk.rename("d", "e")

    folder.receiver.lose.add("complete")
    # The next question is whether it is there again.
    folder.before("complete", lambda: folder.before("list", move))
    folder.go_on(60)
    # The row for the file's old place waits, as all that waits in the queue: and so does the tree.
    folder.engine_now._runs._slots = Slots(large=0, small=0)
    folder.receiver.away = False
    folder.go_on(60)
    assert f"{TARGET}/d/new" in folder.receiver.files
    folder.engine_now._runs._slots = Slots()
    folder.end_well()
    assert folder.there == {"e/x", "e/y", "e/z", "e/new"}
    assert not folder.receiver.trash


def test_a_file_that_a_link_takes_the_place_of_is_deleted_there(folder: Folder) -> None:
    folder.begin(a=b"a", b__c=b"c")
    folder.disk.delete("a")
    folder.disk.link("a", "b/c")
    folder.end_well()
    assert folder.there == {"b/c"}


def edit(folder: Folder) -> None:
    folder.disk.write("b", b"edited")


def delete(folder: Folder) -> None:
    folder.disk.delete("b")


def become_a_folder(folder: Folder) -> None:
    folder.disk.delete("b")
    folder.disk.write("b/inside", b"in a folder")


def move_on(folder: Folder) -> None:
    folder.disk.rename("b", "c")


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize(
    ("then", "there"),
    [(edit, {"b"}), (delete, set()), (become_a_folder, {"b/inside"}), (move_on, {"c"})],
)
def test_what_becomes_of_a_file_whose_move_was_not_answered(
    folder: Folder,
    then: Callable[[Folder], None],
    there: set[str],
    over: bool,
    killed: bool,
) -> None:
    folder.begin(a=b"a", **({"b": b"b"} if over else {}))
    folder.receiver.lose.add("move_file")
    folder.disk.rename("a", "b")
    folder.until(lambda: not folder.receiver.lose)
    folder.receiver.away = True
    if killed:
        folder.stop(killed=True)
    then(folder)
    if killed:
        folder.start()
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == there


def test_nothing_is_sent_to_where_a_folder_may_have_moved_before_that_is_clear(
    folder: Folder,
) -> None:
    folder.begin(d__x=b"x", d__y=b"y", d__z=b"z")
    folder.receiver.lose.add("move_folder")
    folder.disk.rename("d", "e")
    folder.until(lambda: not folder.receiver.lose)
    folder.receiver.away = True
    folder.disk.delete("e/x")
    folder.disk.write("e/y", b"edited")
    folder.disk.write("d/x", b"a new folder of the old name")
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"d/x", "e/y", "e/z"}


def test_a_folder_that_moves_while_another_takes_its_name_is_no_longer_known_there(
    folder: Folder,
) -> None:
    folder.begin(n__b__x=b"x", n__b__y=b"y")
    folder.receiver.away = True
    folder.disk.folder("n/deeper")
    folder.disk.rename("n/b", "n/deeper/b")
    folder.disk.write("n/b/z", b"z")
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"n/b/z", "n/deeper/b/x", "n/deeper/b/y"}


@pytest.mark.parametrize("then", ["move", "delete"])
def test_what_has_arrived_though_its_answer_was_lost_goes_with_its_folder(
    folder: Folder, then: str
) -> None:
    folder.begin(d__x=b"x", d__y=b"y")
    folder.disk.write("d/new", b"new")
    folder.receiver.lose.add("complete")

    def go() -> None:
        folder.receiver.away = True
        if then == "move":
            folder.disk.rename("d", "e")
            folder.disk.delete("e/new")
        else:
            folder.disk.delete("d")

    # After the lost answer, the receiver is looked for again.
    folder.before("complete", lambda: folder.before("list", go))
    folder.until(lambda: folder.receiver.away)
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == ({"e/x", "e/y"} if then == "move" else set())


def test_what_a_receiver_restored_from_a_copy_has_lost_is_missed_however_much_is_new(
    folder: Folder,
) -> None:
    folder.begin(a=b"a")
    receiver = folder.receiver
    files, uploads, puts = dict(receiver.files), dict(receiver.uploads), receiver.puts
    folder.disk.write("lost", b"lost")
    folder.until(folder.at_rest)
    folder.go_on(5)
    receiver.away = True
    for number in range(20):
        folder.disk.write(f"more/new {number}", b"new %d" % number)
    folder.go_on(60)
    receiver.files, receiver.uploads, receiver.puts = files, uploads, puts
    receiver.away = False
    folder.end_well()
    assert folder.there == {"a", "lost"}


def test_a_folder_is_known_to_have_moved_though_a_file_of_it_had_gone_unanswered(
    folder: Folder,
) -> None:
    folder.begin(d__a=b"a", d__x=b"x", d__y=b"y")
    folder.receiver.lose.add("trash_file")
    folder.disk.delete("d/a")
    folder.until(lambda: not folder.receiver.lose)
    folder.receiver.lose.add("move_folder")
    folder.disk.rename("d", "e")
    folder.until(lambda: not folder.receiver.lose)
    folder.receiver.away = True
    folder.disk.delete("e/x")
    folder.go_on(60)
    folder.receiver.away = False
    folder.end_well()
    assert folder.there == {"e/y"}


@pytest.mark.parametrize("then", ["delete", "become a folder"])
def test_what_arrived_unanswered_is_known_though_the_file_changed_again_and_went(
    folder: Folder, then: str
) -> None:
    folder.begin(b=b"b")
    folder.disk.write("b", b"second")
    folder.receiver.lose.add("complete")

    def change_again() -> None:
        folder.receiver.away = True
        folder.disk.write("b", b"the third")

    folder.before("complete", lambda: folder.before("list", change_again))
    folder.until(lambda: folder.receiver.away)
    folder.go_on(60)
    folder.receiver.away = False

    def begins_anew() -> bool:
        row = folder.engine_now._ledger.under_way(folder.folder, "b")
        return row is not None and row.generation > 0

    folder.until(begins_anew)
    if then == "delete":
        delete(folder)
    else:
        become_a_folder(folder)
    folder.end_well()
    assert folder.there == (set() if then == "delete" else {"b/inside"})
