"""A catalogue of many files gives right answers, and looks at no more than it must.

How long it takes is for `make bench`; here every answer is compared with plain Python.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from howdah_common.remote_path import folded, name
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.database import FILE_NAME
from howdah_receiver.catalogue.listing import Listing
from howdah_receiver.catalogue.orders import Order, SortBy
from howdah_receiver.catalogue.search import FEW, MOST_FOUND
from howdah_receiver.files.wanted import Wanted
from howdah_receiver.settings import Settings
from kit.many_files import DEEP, FLAT, NARROW, RARE, WIDE, make_many

if TYPE_CHECKING:
    from pathlib import Path

    from howdah_receiver.catalogue.spaces import Space

COUNT = 20_000
VALUES: dict[SortBy, Callable[[Any], Any]] = {
    SortBy.NAME: lambda row: 0,
    SortBy.SIZE: lambda row: row["size"],
    SortBy.CHANGED: lambda row: row["modified_ns"],
    SortBy.ADDED: lambda row: row["added_ns"],
}
ORDERS = [Order(by, descending) for by in SortBy for descending in (False, True)]


@dataclass(frozen=True)
class Many:
    receiver: Receiver
    space: Space
    files: list[Any]
    folders: list[str]

    def page(self, path: str, **wanted: Any) -> Listing:
        found = self.receiver.files.list(self.space, path, Wanted(**wanted))
        assert isinstance(found, Listing)
        return found

    def in_order(self, rows: list[Any], order: Order) -> list[str]:
        """Paths of files, as they are to come."""
        value = VALUES[order.by]
        rows = sorted(
            rows, key=lambda row: (value(row), name(row["path"]).encode(), row["id"]),
            reverse=order.descending,
        )  # fmt: skip
        return [row["path"] for row in rows]

    def folders_in_order(self, paths: list[str], order: Order) -> list[str]:
        falling = order.descending and order.by is SortBy.NAME
        return sorted(paths, key=lambda path: name(path).encode(), reverse=falling)


@pytest.fixture(scope="module")
def many(module_path: Path) -> Iterator[Many]:
    data = module_path / "many"
    make_many(data, COUNT)
    with closing(sqlite3.connect(data / FILE_NAME)) as catalogue:
        catalogue.row_factory = sqlite3.Row
        files = catalogue.execute("SELECT * FROM files").fetchall()
        folders = catalogue.execute("SELECT path FROM folders WHERE path <> ''").fetchall()
    receiver = Receiver(Settings(data=data))
    with receiver.catalogue.read() as connection:
        (space,) = spaces.all_of_them(connection)
    yield Many(receiver, space, files, [path for (path,) in folders])
    receiver.stop()


def paths_of(found: Listing) -> list[str]:
    return [entry.row.path for entry in found.folders] + [row.path for row in found.files]


def walk(many: Many, path: str, **wanted: Any) -> Iterator[Listing]:
    """From each page to its next."""
    found = many.page(path, **wanted)
    yield found
    while found.next is not None:
        found = many.page(path, after=found.next.text(), **wanted)
        yield found


def is_in(path: str, folder: str) -> bool:
    return path.rpartition("/")[0] == folder


def is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


@pytest.mark.parametrize("order", ORDERS, ids=lambda o: f"{o.by.value}{'-' * o.descending}")
def test_pages_and_walks_give_the_sorted_folder(many: Many, order: Order) -> None:
    for folder, per_page in ((FLAT, 700), (WIDE, 99), (DEEP, 150), (f"{DEEP}/001", 7), ("", 3)):
        files = [row for row in many.files if is_in(row["path"], folder)]
        folders = [path for path in many.folders if is_in(path, folder)]
        whole = many.folders_in_order(folders, order) + many.in_order(files, order)
        count = -(-len(whole) // per_page)
        paged = [
            path
            for page in range(1, count + 2)
            for path in paths_of(many.page(folder, page=page, per_page=per_page, order=order))
        ]
        assert paged == whole
        walked = [*walk(many, folder, per_page=per_page, order=order)]
        assert [path for found in walked for path in paths_of(found)] == whole
        assert {found.total for found in walked} == {len(whole)}


def test_totals_are_the_sums_of_what_is_below(many: Many) -> None:
    for folder in ("", FLAT, WIDE, DEEP, f"{DEEP}/007", NARROW):
        found = many.page(folder, per_page=1_000)
        entries = [(folder, found.totals)]
        entries += [(entry.row.path, entry.totals) for entry in found.folders[:20]]
        for path, totals in entries:
            assert totals is not None
            files = [row["size"] for row in many.files if is_below(row["path"], path)]
            folders = [one for one in many.folders if is_below(one, path)]
            assert (totals.bytes, totals.files, totals.folders) == (
                sum(files), len(files), len(folders)
            )  # fmt: skip


def expected(many: Many, text: str, folder: str) -> tuple[list[str], list[Any]]:
    def fits(path: str) -> bool:
        own, wanted = folded(name(path)), folded(text)
        return is_below(path, folder) and (
            wanted in own if len(wanted) > 2 else own.startswith(wanted)
        )

    return (
        [path for path in many.folders if fits(path)],
        [row for row in many.files if fits(row["path"])],
    )


@pytest.mark.parametrize("text", [RARE, "STRASSE", "\u6771\u4eac", "ort", "img_2010", "a", "re 7"])
def test_what_is_found_is_sorted_in_pages_and_walks(many: Many, text: str) -> None:
    for number, folder in enumerate(("", DEEP, f"{DEEP}/001", NARROW)):
        order = ORDERS[(number + len(text)) % len(ORDERS)]
        folders, files = expected(many, text, folder)
        assert len(folders) + len(files) <= MOST_FOUND
        whole = sorted_hits(many, folders, files, order)
        wanted = {"search": text, "order": order, "per_page": 333}
        walked = [*walk(many, folder, **wanted)]
        assert [path for found in walked for path in paths_of(found)] == whole
        assert {(found.total, found.at_least) for found in walked} == {(len(whole), False)}
        last = max(-(-len(whole) // 333), 1)
        assert paths_of(many.page(folder, page=last, **wanted)) == whole[(last - 1) * 333 :]


def sorted_hits(many: Many, folders: list[str], files: list[Any], order: Order) -> list[str]:
    of_each = {path: folder_id(many, path) for path in folders}
    falling = order.descending and order.by is SortBy.NAME
    folders = sorted(
        folders, key=lambda path: (name(path).encode(), of_each[path]), reverse=falling
    )
    return folders + many.in_order(files, order)


def folder_id(many: Many, path: str) -> str:
    with many.receiver.catalogue.read() as connection:
        return folder_rows.id_at(connection, many.space.id, path)


def test_of_too_much_the_newest_come_first_and_a_walk_has_all_of_it(many: Many) -> None:
    folders, files = expected(many, "jpg", "")
    assert not folders
    assert len(files) > MOST_FOUND
    newest = [row["path"] for row in sorted(files, key=lambda row: -row["number"])]
    wanted = {"search": "jpg", "per_page": 1_000, "order": Order(SortBy.SIZE)}
    walked = [*walk(many, "", **wanted)]
    assert [path for found in walked for path in paths_of(found)] == newest
    assert {(f.total, f.at_least, f.is_sorted) for f in walked} == {(MOST_FOUND, True, False)}
    pages = [paths_of(many.page("", page=page, **wanted)) for page in range(1, 12)]
    assert pages[:10] == [newest[at : at + 1_000] for at in range(0, MOST_FOUND, 1_000)]
    assert pages[10] == []


def test_of_too_much_below_a_folder_the_folders_come_first(many: Many) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("howdah_receiver.catalogue.listing.MOST_FOUND", 200)
        below = [
            row for row in many.files if is_below(row["path"], DEEP) and "jpg" in row["folded"]
        ]
        assert len(below) > 200
        newest = [row["path"] for row in sorted(below, key=lambda row: -row["number"])]
        walked = [*walk(many, DEEP, search="jpg", per_page=1_000)]
        assert [path for found in walked for path in paths_of(found)] == newest
        both = [*walk(many, DEEP, search="oto", per_page=60)]
        folders, files = expected(many, "oto", DEEP)
        assert {path for found in both for path in paths_of(found)} == {
            *folders, *(row["path"] for row in files)
        }  # fmt: skip
        assert sum(len(paths_of(found)) for found in both) == len(folders) + len(files)


# -- plans


@contextmanager
def statements(receiver: Receiver) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((statement, values))

    engine = receiver.catalogue._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plans(many: Many, asked: list[tuple[str, Any]]) -> list[str]:
    """Each step of each query's plan."""
    steps = []
    with many.receiver.catalogue.read() as connection:
        for statement, values in asked:
            if statement.lstrip().startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                steps += [str(row[3]) for row in plan]
    return steps


_LOOKED_THROUGH = re.compile(r"SCAN (?!\w+ VIRTUAL TABLE|\(|anon_\d|CONSTANT)")
"""A table, row for row. What a virtual table or a subquery gives is found already."""


def test_no_list_and_no_search_looks_through_a_table(many: Many) -> None:
    with statements(many.receiver) as asked:
        for order in ORDERS:
            for folder in ("", FLAT, WIDE):
                found = many.page(folder, per_page=4, order=order)
                assert found.next is not None
                many.page(folder, per_page=4, order=order, after=found.next.text())
                many.page(folder, per_page=4, order=order, page=100)
            for text in (RARE, "jpg", "a"):
                for folder in ("", DEEP, f"{DEEP}/001"):
                    found = many.page(folder, per_page=1, order=order, search=text)
                    if found.next is not None:
                        after = found.next.text()
                        many.page(folder, per_page=1, order=order, search=text, after=after)
    steps = plans(many, asked)
    assert len(steps) > 500
    assert [step for step in steps if _LOOKED_THROUGH.match(step)] == []
    # What tells how it was done, so that a renamed index is no silent pass.
    for way in (
        "SEARCH folders USING COVERING INDEX folders_by_parent",
        "SEARCH files USING COVERING INDEX files_by_size",
        "SEARCH below USING COVERING INDEX folders_by_path",
        "SEARCH files USING INDEX files_once",
        "SCAN file_names VIRTUAL TABLE",
    ):
        assert any(step.startswith(way) for step in steps), way


def test_pages_of_a_folder_are_not_sorted_but_read_in_order(many: Many) -> None:
    for order in ORDERS:
        with statements(many.receiver) as asked:
            many.page(FLAT, per_page=4, page=500, order=order)
        assert not [step for step in plans(many, asked) if "TEMP B-TREE" in step]


def test_the_jobs_queue_is_found_without_looking_through_a_table(many: Many) -> None:
    digests = many.receiver.whole_digests
    with statements(many.receiver) as asked, many.receiver.catalogue.read() as connection:
        assert digests._next(connection) is None
    steps = plans(many, asked)
    assert any("versions_without_sha256" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN files")]


def test_the_versions_that_may_go_are_found_without_looking_through_a_table(many: Many) -> None:
    with statements(many.receiver) as asked, many.receiver.catalogue.read() as connection:
        assert version_rows.kept_of_some(connection, "", 100) == []
    steps = plans(many, asked)
    assert any("versions_kept_by_file" in step for step in steps)
    assert not [step for step in steps if step.startswith(("SCAN files", "SCAN versions"))]


def test_a_small_folder_is_looked_at_and_a_large_one_is_not(many: Many) -> None:
    below = sum(is_below(row["path"], DEEP) for row in many.files)
    assert below > FEW > sum(is_below(row["path"], f"{DEEP}/001") for row in many.files)
    for folder, ways in ((DEEP, "file_names"), (f"{DEEP}/001", "files_once")):
        with statements(many.receiver) as asked:
            many.page(folder, search="jpg")
        assert any(ways in step for step in plans(many, asked))
