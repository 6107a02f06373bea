"""What a folder holds, or what is found in it and below it: a page, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import totals
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.orders import BadCursor, Cursor, Order, Page, SortBy
from howdah_receiver.catalogue.runs import Run, Taken, take
from howdah_receiver.catalogue.search import MOST_FOUND, Found, Search
from howdah_receiver.catalogue.tables import files, folders
from howdah_receiver.catalogue.totals import Totals
from howdah_receiver.catalogue.values import rows_of

_COLUMNS: dict[SortBy, tuple[ColumnElement[object], ...]] = {
    SortBy.NAME: (files.c.name,),
    SortBy.SIZE: (files.c.size, files.c.name),
    SortBy.CHANGED: (files.c.modified_ns, files.c.name),
    SortBy.ADDED: (files.c.added_ns, files.c.name),
}
_UNSORTED = "found"


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
    totals: Totals
    """Of the folder itself."""
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
    of_folder = totals.of(connection, folder)
    search = Search(text, folder, of_folder)
    hits = search.folders(connection), search.files(connection)
    counts = [one.count(connection) for one in hits]
    too_many = sum(counts) > MOST_FOUND
    # A list that began sorted stays so, of what is found first: it may have become too much meanwhile.
    by = order.by.value if not too_many else _UNSORTED
    by = by if page.after is None else page.after.by
    if by == _UNSORTED:
        runs, descending = _unsorted(hits, counts), True
    else:
        runs, descending = _sorted(hits, counts, order), order.descending
        by = order.by.value
    _check(page, by, descending, searching=True)
    taken = take(connection, runs, page)
    return Listing(
        [FolderEntry(row, None) for row in _folders(connection, taken.folders)],
        file_rows.by_numbers(connection, taken.files),
        min(sum(counts), MOST_FOUND),
        _next(taken, by, descending, searching=True),
        of_folder,
        at_least=too_many,
        is_sorted=by != _UNSORTED,
    )


def _sorted(hits: tuple[Found, Found], counts: Sequence[int], order: Order) -> tuple[Run, Run]:
    falling = order.descending and order.by is SortBy.NAME
    keys = (*_COLUMNS[order.by], files.c.id)
    return (
        Run(_some(folders, hits[0]), (folders.c.name, folders.c.id), falling, counts[0]),
        Run(_some(files, hits[1]), keys, order.descending, counts[1]),
    )


def _some(table: Table, hits: Found) -> Select[tuple[int]]:
    newest = hits.rows.order_by(hits.place.desc()).limit(MOST_FOUND).subquery()
    return select(table.c.number).where(table.c.number.in_(select(newest.c.number)))


def _unsorted(hits: tuple[Found, Found], counts: Sequence[int]) -> tuple[Run, Run]:
    first = min(counts[0], MOST_FOUND)
    totals_of = first, min(counts[1], MOST_FOUND - first)
    of_folders, of_files = (
        Run(one.rows, (one.place,), True, total, whole=False)
        for one, total in zip(hits, totals_of, strict=True)
    )
    return of_folders, of_files


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
    rows = {row[-1]: FolderRow(*row[:-1]) for row in connection.execute(query)}
    return [rows[number] for number in numbers]
