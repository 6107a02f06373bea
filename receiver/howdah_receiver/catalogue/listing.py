"""What a folder holds, or what is found in it and below it: a page, sorted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import totals
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.orders import BadCursor, Cursor, Order, Page, SortBy
from howdah_receiver.catalogue.runs import FILES, FOLDERS, Run, Taken, take
from howdah_receiver.catalogue.search import MOST_FOUND, ROOM, Search
from howdah_receiver.catalogue.tables import files, folders
from howdah_receiver.catalogue.totals import Totals
from howdah_receiver.catalogue.values import rows_of

_COLUMNS: dict[SortBy, tuple[ColumnElement[object], ...]] = {
    SortBy.NAME: (files.c.name,),
    SortBy.SIZE: (files.c.size, files.c.name),
    SortBy.CHANGED: (files.c.modified_ns, files.c.name),
    SortBy.ADDED: (files.c.added_ns, files.c.name),
}
_AS_FOUND = "found"


@dataclass(frozen=True, slots=True)
class FolderEntry:
    row: FolderRow
    totals: Totals | None
    """None for what a search found: folders in folders would be summed again and again."""


@dataclass(frozen=True, slots=True)
class Listing:
    folders: list[FolderEntry]
    files: list[FileRow]
    """After the folders."""
    total: int
    next: Cursor | None
    """Where to go on, where there is more."""
    totals: Totals | None
    """Of the folder itself; None for a search."""
    at_least: bool = False
    """There is more than `total`."""
    is_sorted: bool = True
    """Otherwise what came last is first: there is too much."""


def children(connection: Connection, folder: FolderRow, order: Order, page: Page) -> Listing:
    """What stands directly in the folder. Raises BadCursor."""
    _check(page, order.by.value, order.descending, searching=False)
    of_folders = select(folders.c.number).where(folders.c.parent_id == folder.id)
    of_files = select(files.c.number).where(files.c.folder_id == folder.id)
    falling = order.descending and order.by is SortBy.NAME
    runs = (
        Run(of_folders, (folders.c.name,), falling, folder.own_folders),
        Run(of_files, _COLUMNS[order.by], order.descending, folder.own_files),
    )
    taken = take(connection, runs, page)
    rows = _folders(connection, taken.folders)
    of_each = totals.of_each(connection, rows)
    whole = len(rows) == folder.own_folders
    return Listing(
        [FolderEntry(row, its) for row, its in zip(rows, of_each, strict=True)],
        file_rows.by_numbers(connection, taken.files),
        folder.own_folders + folder.own_files,
        _next(taken, order.by.value, order.descending, searching=False),
        totals.given(folder, of_each) if whole else totals.of(connection, folder),
    )


def found(
    connection: Connection, folder: FolderRow, text: str, order: Order, page: Page
) -> Listing:
    """What is found in the folder and all below it; see `search`. Raises BadCursor."""
    search = Search.below(connection, folder, text)
    if page.after is not None and page.after.by == _AS_FOUND:
        return _found_before(connection, search, page.after, page.count)
    hits = [search.find(connection, table, most=MOST_FOUND + 1) for table in (folders, files)]
    too_many = sum(map(len, hits)) > MOST_FOUND
    # A list that began sorted stays so, of what is newest: it may have become too much meanwhile.
    if too_many and page.after is None:
        return _newest(connection, hits, page)
    by = order.by.value
    _check(page, by, order.descending, searching=True)
    taken = take(connection, _sorted(hits, order), page)
    last = _next(taken, by, order.descending, searching=True)
    total = min(sum(map(len, hits)), MOST_FOUND)
    return _listing(connection, taken.folders, taken.files, total, last, at_least=too_many)


def _sorted(hits: list[list[int]], order: Order) -> tuple[Run, Run]:
    of_folders, of_files = (
        select(table.c.number).where(table.c.number.in_(select(rows_of(found).c.value)))
        for table, found in zip((folders, files), hits, strict=True)
    )
    falling = order.descending and order.by is SortBy.NAME
    keys = (*_COLUMNS[order.by], files.c.id)
    return (
        Run(of_folders, (folders.c.name, folders.c.id), falling, len(hits[0])),
        Run(of_files, keys, order.descending, len(hits[1])),
    )


def _newest(connection: Connection, hits: list[list[int]], page: Page) -> Listing:
    """Of too many to be sorted: a page of those that came last."""
    numbers = [(FOLDERS, number) for number in hits[0]] + [(FILES, number) for number in hits[1]]
    some = numbers[:MOST_FOUND][page.first : page.first + page.count]
    return _as_found(connection, some, more=True)


def _found_before(connection: Connection, search: Search, after: Cursor, count: int) -> Listing:
    """What comes after a place among too many. Raises BadCursor."""
    numbers: list[tuple[int, int]] = []
    before: int | None = _place(after)
    for run, table in ((FOLDERS, folders), (FILES, files)):
        if run >= after.run:
            left = count + 1 - len(numbers)
            found = search.find(connection, table, most=left, before=before) if left else []
            numbers += [(run, number) for number in found]
            before = None
    return _as_found(connection, numbers[:count], more=len(numbers) > count)


def _place(after: Cursor) -> int:
    key = after.key[0] if len(after.key) == 1 and after.searching else None
    if not isinstance(key, int) or not 0 <= key < ROOM:
        raise BadCursor("it is no place")
    return key


def _as_found(connection: Connection, some: list[tuple[int, int]], *, more: bool) -> Listing:
    last = None
    if some and more:
        run, number = some[-1]
        last = Cursor(_AS_FOUND, True, True, run, [number])
    of_folders, of_files = (
        [number for run, number in some if run == wanted] for wanted in (FOLDERS, FILES)
    )
    return _listing(
        connection, of_folders, of_files, MOST_FOUND, last, at_least=True, is_sorted=False
    )


def _listing(
    connection: Connection,
    of_folders: list[int],
    of_files: list[int],
    total: int,
    last: Cursor | None,
    **more: bool,
) -> Listing:
    """Of what was found."""
    return Listing(
        [FolderEntry(row, None) for row in _folders(connection, of_folders)],
        file_rows.by_numbers(connection, of_files),
        total,
        last,
        None,
        **more,
    )


def _check(page: Page, by: str, descending: bool, *, searching: bool) -> None:
    after = page.after
    if after is None:
        return
    if (after.by, after.descending, after.searching) != (by, descending, searching):
        raise BadCursor("it is of another order")


def _next(taken: Taken, by: str, descending: bool, *, searching: bool) -> Cursor | None:
    if taken.last is None:
        return None
    run, key = taken.last
    return Cursor(by, descending, searching, run, key)


def _folders(connection: Connection, numbers: list[int]) -> list[FolderRow]:
    if not numbers:
        return []
    wanted = select(rows_of(numbers).c.value)
    query = select(*folder_rows.COLUMNS, folders.c.number).where(folders.c.number.in_(wanted))
    rows = {row[-1]: FolderRow(*row[:-1]) for row in connection.execute(query).all()}
    return [rows[number] for number in numbers]
