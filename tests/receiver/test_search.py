"""The index of names: it finds what Python's `in` finds, and what is not in the trash."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from howdah_common.remote_path import folded
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import migrate, spaces, tables
from howdah_receiver.catalogue.database import FILE_NAME
from howdah_receiver.catalogue.search import Search
from howdah_receiver.catalogue.tables import files, folders
from howdah_receiver.errors import StartRefused
from howdah_receiver.ids import new_id
from howdah_receiver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRICKY = (
    "aAbBcC.- _\"'*%^:()"
    "\u00df\u1e9e\u00e9\u00c9\u0301i\u0130\u0131\u03a3\u03c3\u03c2\ufb01\u6771\u4eac\U0001f418\uffff"
)
_letters = st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"])
_texts = st.one_of(
    st.text(st.sampled_from(_TRICKY), min_size=1, max_size=12),
    st.text(_letters, min_size=1, max_size=12),
)


class Names:
    """Two spaces that hold names and nothing else."""

    def __init__(self, receiver: Receiver) -> None:
        self.catalogue = receiver.catalogue
        with self.catalogue.write() as connection:
            self.space = spaces.all_of_them(connection)[0].id
            self.other = new_id()
            account = connection.execute(select(tables.spaces.c.account_id)).scalar_one()
            spaces.insert(
                connection, space_id=self.other, name="other", kind="shared", account_id=account,
                folder="other", created_ns=0,
            )  # fmt: skip
            folder_rows.add(connection, self.space, ["in"])

    def put(self, connection: Connection, names: list[str], space: str | None = None) -> None:
        """Make these the names in the folder `in`, or in the root of another space."""
        space, above = space or self.space, "" if space else "in"
        parent = folder_rows.id_at(connection, space, above)
        connection.execute(delete(files).where(files.c.space_id == space))
        for name in names:
            connection.execute(
                insert(files).values(
                    id=new_id(), space_id=space, path=f"{above}/{name}".lstrip("/"), name=name,
                    folder_id=parent, folded=folded(name), version_id="", size=0, modified_ns=0,
                    added_ns=0, since_ns=0,
                )
            )  # fmt: skip

    def found(
        self, connection: Connection, text: str, *, path: str = "", few: bool = False
    ) -> set[str]:
        folder = folder_rows.at_path(connection, self.space, path)
        assert folder is not None
        numbers = Search(text, folder, few).find(connection, files, most=1_000)
        assert numbers == sorted(numbers, reverse=True)
        rows = connection.execute(select(files.c.name).where(files.c.number.in_(numbers)))
        return set(rows.scalars())


@pytest.fixture(scope="module")
def names(module_path: Path) -> Iterator[Names]:
    receiver = Receiver(Settings(data=module_path / "names"))
    yield Names(receiver)
    receiver.stop()


def is_found(name: str, text: str) -> bool:
    """As the protocol says, in plain Python."""
    if len(folded(text)) < 3:
        return folded(name).startswith(folded(text))
    return folded(text) in folded(name)


@given(st.sets(_texts, max_size=8), _texts)
@example({"stra\u00dfe", "STRASSE", "strass"}, "ASSE")
@example({'a"b"c', 'x""y'}, '"b"')
@example({"\u0130stanbul", "istanbul"}, "i\u0307s")
def test_what_is_found_is_what_python_finds(names: Names, given_names: set[str], text: str) -> None:
    # A part of a name is what one looks for.
    for wanted in {text, *(name[1:4] for name in given_names if len(name) > 1)}:
        with names.catalogue.write() as connection:
            names.put(connection, sorted(given_names))
            expected = {name for name in given_names if is_found(name, wanted)}
            assert names.found(connection, wanted) == expected
            assert names.found(connection, wanted, path="in") == expected
            assert names.found(connection, wanted, path="in", few=True) == expected


def test_nothing_is_found_in_the_trash_or_under_an_old_name(names: Names) -> None:
    with names.catalogue.write() as connection:
        names.put(connection, ["one report", "other report"])
        one = files.c.name == "one report"
        connection.execute(update(files).where(one).values(trash_id="t"))
        assert names.found(connection, "report") == {"other report"}
        # Renamed while it is there, and then restored.
        new = {"name": "one paper", "folded": "one paper"}
        connection.execute(update(files).where(one).values(new))
        assert names.found(connection, "one") == set()
        one = files.c.name == "one paper"
        connection.execute(update(files).where(one).values(trash_id=None))
        assert names.found(connection, "one") == {"one paper"}
        assert names.found(connection, "one report") == set()
        connection.execute(delete(files).where(one))
        assert names.found(connection, "one") == set()


def test_what_is_in_another_space_is_never_found(names: Names) -> None:
    with names.catalogue.write() as connection:
        names.put(connection, ["our report"])
        names.put(connection, ["their report"], space=names.other)
        assert names.found(connection, "report") == {"our report"}
        connection.execute(
            update(files).where(files.c.name == "their report").values(space_id=names.space)
        )
        assert names.found(connection, "report") == {"our report", "their report"}


def test_a_folder_is_found_as_long_as_it_is_there(names: Names) -> None:
    with names.catalogue.write() as connection:
        folder_rows.add(connection, names.space, ["some folder"])
        root = folder_rows.at_path(connection, names.space, "")
        assert root is not None

        def found() -> int:
            return len(Search("e fold", root, few=False).find(connection, folders, most=9))

        assert found() == 1
        here = folders.c.path == "some folder"
        connection.execute(update(folders).where(here).values(trash_id="t"))
        assert found() == 0
        connection.execute(update(folders).where(here).values(trash_id=None))
        assert found() == 1
        connection.execute(delete(folders).where(here))
        assert found() == 0


def test_what_an_older_version_stored_is_found(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = short_path / "data"
    data.mkdir()
    with monkeypatch.context() as older:
        steps = shutil.copytree(migrate.MIGRATIONS, short_path / "migrations")
        for step in (steps / "versions").glob("000[23]*"):
            step.unlink()
        older.setattr(migrate, "MIGRATIONS", steps)
        older.setattr(migrate, "HEAD", "0001")
        migrate.migrate(data)
    with closing(sqlite3.connect(data / FILE_NAME)) as catalogue, catalogue:
        catalogue.executescript(OLDER)
    receiver = Receiver(Settings(data=data))
    try:
        with receiver.catalogue.read() as connection:
            for space, files_found in (
                ("s1", ["a/Old Stra\u00dfe.txt"]),
                ("s2", ["Stra\u00dfe 2"]),
            ):
                root = folder_rows.at_path(connection, space, "")
                assert root is not None
                search = Search("STRASSE", root, few=False)
                numbers = search.find(connection, files, most=9)
                paths = select(files.c.path).where(files.c.number.in_(numbers))
                assert list(connection.execute(paths).scalars()) == files_found
                assert len(search.find(connection, folders, most=9)) == (space == "s1")
    finally:
        receiver.stop()


def test_a_database_that_cannot_search_is_a_sentence(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithoutSearch(sqlite3.Connection):
        def execute(self, statement: str, *_: object) -> sqlite3.Cursor:
            if "fts5" in statement:
                raise sqlite3.OperationalError("no such module: fts5")
            return super().execute(statement)

    here = sqlite3.connect(":memory:", factory=WithoutSearch)
    monkeypatch.setattr(sqlite3, "connect", lambda _: here)
    with pytest.raises(StartRefused, match="cannot keep an index of names"):
        migrate.migrate(short_path / "data")


OLDER = """
    INSERT INTO accounts VALUES ('a', 'owner', 'admin', 0);
    INSERT INTO spaces VALUES ('s1', 'owner', 'a', 'owner'), ('s2', 'other', 'a', 'other');
    INSERT INTO folders VALUES ('o1', 's1', 'a', ''), ('o2', 's1', 'a/Strasse', 'a');
    INSERT INTO files VALUES ('f1', 's1', 'a/Old Stra\u00dfe.txt', 'a', 'v1'),
        ('f2', 's2', 'Stra\u00dfe 2', '', 'v2'), ('f3', 's1', 'other', '', 'v3');
    INSERT INTO versions SELECT version_id, id, 'current', 0, 0, 0, 65536, 'blake3', x'', x'', 0, 'upload',
        0, 0, 0 FROM files;
"""
