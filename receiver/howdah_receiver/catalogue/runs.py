"""Pages of two runs of rows, the folders' and the files', one after the other.

Only keys are read on the way to a page, from an index; a page far back is counted from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, tuple_

from howdah_receiver.catalogue.orders import BadCursor, Page

FOLDERS, FILES = 0, 1
Found = list[tuple[int, list[int | str]]]
"""Numbers of rows, each with its key."""


@dataclass(frozen=True, slots=True)
class Run:
    """Rows in an order that their keys make total."""

    rows: Select[tuple[int]]
    """Their numbers: to be sorted, and cut to the page."""
    keys: tuple[ColumnElement[Any], ...]
    descending: bool
    total: int

    def slice(self, connection: Connection, first: int, count: int) -> Found:
        count = min(count, self.total - first)
        if count <= 0:
            return []
        from_end = self.total - first - count
        if from_end < first:
            return self._read(connection, from_end, count, backwards=True)[::-1]
        return self._read(connection, first, count)

    def after(self, connection: Connection, key: Sequence[int | str], count: int) -> Found:
        """Raises BadCursor."""
        if len(key) != len(self.keys):
            raise BadCursor(key)
        here, there = tuple_(*self.keys), tuple_(*key)
        beyond = here < there if self.descending else here > there
        return self._read(connection, 0, count, beyond=beyond)

    def _read(
        self,
        connection: Connection,
        first: int,
        count: int,
        *,
        backwards: bool = False,
        beyond: ColumnElement[bool] | None = None,
    ) -> Found:
        falling = self.descending != backwards
        query = self.rows.add_columns(*self.keys)
        if beyond is not None:
            query = query.where(beyond)
        order = [key.desc() if falling else key.asc() for key in self.keys]
        found = connection.execute(query.order_by(*order).limit(count).offset(first)).all()
        return [(number, key) for number, *key in found]


@dataclass(frozen=True, slots=True)
class Taken:
    folders: list[int]
    """Numbers of rows."""
    files: list[int]
    last: tuple[int, list[int | str]] | None
    """The run and the key of the last entry, where more follow."""


def take(connection: Connection, runs: tuple[Run, Run], page: Page) -> Taken:
    """The page. Raises BadCursor."""
    if page.after is not None:
        found = _after(connection, runs, page.after.run, page.after.key, page.count + 1)
        more = sum(map(len, found)) > page.count
        return _taken(_cut(found, page.count), more=more)
    first, left = page.first, page.count
    found = []
    for run in runs:
        found.append(run.slice(connection, first, left))
        first, left = max(first - run.total, 0), left - len(found[-1])
    more = page.first + page.count < sum(run.total for run in runs)
    return _taken(found, more=more)


def _after(
    connection: Connection,
    runs: tuple[Run, Run],
    at: int,
    key: Sequence[int | str],
    count: int,
) -> list[Found]:
    found = runs[at].after(connection, key, count)
    if at == FILES:
        return [[], found]
    return [found, runs[FILES].slice(connection, 0, count - len(found))]


def _cut(found: list[Found], count: int) -> list[Found]:
    folders, files = found
    return [folders[:count], files[: max(count - len(folders), 0)]]


def _taken(found: list[Found], *, more: bool) -> Taken:
    folders, files = found
    last = None
    if more and (folders or files):
        last = (FILES, files[-1][1]) if files else (FOLDERS, folders[-1][1])
    return Taken([number for number, _ in folders], [number for number, _ in files], last)
