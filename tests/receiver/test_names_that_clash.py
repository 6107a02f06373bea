"""Who puts a file where a name is taken already: in a space that folds case, and as somebody who may only put
things in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from kit.direct import Direct
from kit.oracle import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def direct(data: Path) -> Iterator[Direct]:
    receiver = Receiver(Settings(data=data))
    try:
        yield Direct(receiver)
    finally:
        receiver.stop()


@pytest.fixture
def here(short_path: Path) -> Iterator[Direct]:
    with direct(short_path / "data") as found:
        yield found
        assert complaints(found.data, [], done=False) == []


@pytest.fixture
def folding(here: Direct) -> Direct:
    """The same space, which folds case."""
    with here.receiver.catalogue.write() as connection:
        connection.exec_driver_sql("UPDATE spaces SET case_fold = 1")
    here.space = replace(here.space, case_fold=True)
    return here


def code(problem: pytest.ExceptionInfo[ProblemError]) -> str:
    return problem.value.code


def test_another_case_is_the_same_file_under_the_name_that_stands_there(folding: Direct) -> None:
    folding.publish("Docs/Letter.txt", b"first")
    folding.publish("docs/LETTER.TXT", b"second")
    folding.publish("DOCS/other", b"other")
    assert folding.contents() == {"Docs/Letter.txt": b"second", "Docs/other": b"other"}
    assert len(folding.versions("Docs/Letter.txt")) == 2


def test_letters_that_look_the_same_are_the_same(folding: Direct) -> None:
    folding.publish("caf\u00e9", b"composed")
    folding.publish("cafe\u0301", b"decomposed")
    assert folding.contents() == {"caf\u00e9": b"decomposed"}


def test_without_folding_both_stand(here: Direct) -> None:
    here.publish("a", b"small")
    here.publish("A", b"large")
    assert here.contents() == {"a": b"small", "A": b"large"}


def test_moves_folders_and_what_comes_back_meet_the_standing_names(folding: Direct) -> None:
    folding.publish("Docs/a", b"a")
    folding.publish("b", b"b")
    with pytest.raises(ProblemError) as refused:
        folding.move("b", "DOCS/A")
    assert code(refused) == "path_conflict"
    folding.move("b", "docs/B")
    made, new = folding.tree.make_folder(folding.space, "dOCS", folding.caller.actor)
    assert (made.path, new) == ("Docs", False)
    entry = folding.trash("Docs/a")
    folding.publish("docs/A", b"another")
    assert folding.restore(entry.id) == "Docs/a (2)"
    with pytest.raises(ProblemError) as refused:
        folding.publish("docs", b"a file where a folder is")
    assert code(refused) == "path_conflict"
    assert folding.contents() == {"Docs/A": b"another", "Docs/B": b"b", "Docs/a (2)": b"a"}


def test_only_the_case_of_a_name_can_be_changed(folding: Direct) -> None:
    folding.publish("readme", b"text")
    folding.move("readme", "README")
    folding.publish("notes/a", b"a")
    folding.move("notes", "Notes")
    assert folding.contents() == {"README": b"text", "Notes/a": b"a"}


# -- who may only put things in


def test_what_others_put_there_is_never_replaced_by_a_sender(here: Direct) -> None:
    mine = replace(here.caller, send_only=True)
    here.publish("by hand too", b"x")
    with here.receiver.catalogue.write() as connection:
        connection.exec_driver_sql("UPDATE versions SET account_id = 'somebody else'")
    here.publish("by hand too", b"sent", caller=mine)
    (here.data / "files/owner/unknown").write_bytes(b"other hands'")
    here.publish("unknown", b"sent", caller=mine)
    assert here.contents() == {
        "by hand too": b"x",
        "by hand too (2)": b"sent",
        "unknown": b"other hands'",
        "unknown (2)": b"sent",
    }


def test_what_it_put_there_itself_gets_a_version_or_a_number(here: Direct) -> None:
    mine = replace(here.caller, send_only=True)
    here.publish("a.jpg", b"first", caller=mine, modified_ns=1)
    here.publish("a.jpg", b"second", caller=mine, modified_ns=2)
    assert here.contents() == {"a.jpg": b"second"}
    for _ in range(2):  # the same again ends in what is there
        here.publish("a.jpg", b"third", caller=mine, if_version="none", modified_ns=3)
    assert here.contents() == {"a.jpg": b"second", "a (2).jpg": b"third"}
    here.tree.make_folder(here.space, "folder", here.caller.actor)
    here.publish("folder", b"where a folder is", caller=mine)
    assert here.contents()["folder (2)"] == b"where a folder is"
