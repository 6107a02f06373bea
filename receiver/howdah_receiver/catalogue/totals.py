"""What stands in folders and all below them, summed from an index of what stands directly in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from howdah_receiver.catalogue.folders import FolderRow, below
from howdah_receiver.catalogue.tables import folders
from howdah_receiver.catalogue.values import rows_of


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a folder, at any depth; itself not counted."""

    bytes: int
    files: int
    folders: int

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.bytes + other.bytes, self.files + other.files, self.folders + other.folders
        )


_below = folders.alias("below")
_SUMS = (
    func.count(),
    func.coalesce(func.sum(_below.c.own_bytes), 0),
    func.coalesce(func.sum(_below.c.own_files), 0),
)


def of(connection: Connection, folder: FolderRow) -> Totals:
    """Of one folder."""
    found = select(*_SUMS).where(*_live(folder.space_id), below(folder.path, _below.c.path))
    return _with_own(folder, *connection.execute(found).one())


def is_small(connection: Connection, folder: FolderRow, most: int) -> bool:
    """Whether there are `most` files and folders in it and below it, or fewer; without summing up more."""
    some = (
        select(_below.c.own_files)
        .where(*_live(folder.space_id), below(folder.path, _below.c.path))
        .limit(most + 1)
        .subquery()
    )
    count, files = connection.execute(
        select(func.count(), func.coalesce(func.sum(some.c.own_files), 0))
    ).one()
    return bool(count + files + folder.own_files <= most)


def of_each(connection: Connection, rows: Sequence[FolderRow]) -> list[Totals]:
    """Of several folders of one space, none of which is its root: one statement, in the order of `rows`."""
    if not rows:
        return []
    wanted = rows_of([row.path for row in rows])
    # The one value of a scalar subquery, so that each folder is one range of the index.
    sums = (
        select(func.json_array(*_SUMS))
        .where(
            *_live(rows[0].space_id),
            _below.c.path > wanted.c.value.op("||")("/"),
            _below.c.path < wanted.c.value.op("||")("0"),
        )
        .correlate(wanted)
        .scalar_subquery()
    )
    query = select(sums).select_from(wanted).order_by(wanted.c.key)
    found = connection.execute(query).scalars()
    return [
        _with_own(row, *msgspec.json.decode(one, type=tuple[int, int, int]))
        for row, one in zip(rows, found, strict=True)
    ]


def _live(space_id: str) -> tuple[ColumnElement[bool], ...]:
    return _below.c.space_id == space_id, _below.c.trash_id.is_(None)


def _with_own(folder: FolderRow, folders_below: int, bytes_below: int, files_below: int) -> Totals:
    return Totals(
        folder.own_bytes + int(bytes_below), folder.own_files + int(files_below), folders_below
    )


def given(folder: FolderRow, children: Sequence[Totals]) -> Totals:
    """Of a folder of which all children's totals are known."""
    own = Totals(folder.own_bytes, folder.own_files, folder.own_folders)
    return sum(children, own)
