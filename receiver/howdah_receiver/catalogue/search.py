"""What bears a name that was asked for, by the index of trigrams, or by looking where there is little.

Names are compared folded, so neither case nor the form of an accent matters. Three letters and more are
found anywhere in a name; one or two, where it begins with them: anywhere would be nearly everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import sqlalchemy
from sqlalchemy import ColumnElement, Connection, Select, Table, column, func, literal, select

from howdah_common import remote_path
from howdah_receiver.catalogue import totals
from howdah_receiver.catalogue.folders import FolderRow, below
from howdah_receiver.catalogue.tables import spaces

MOST_FOUND = 10_000
"""More is neither sorted nor counted."""
FEW = 5_000
"""Where no more names than that are below a folder, they are looked at one by one."""
MOST_LETTERS = 255
"""No name is longer."""
_GRAM = 3
_BEGIN = "//"
"""Stands before each name in the index."""
ROOM = 1 << 40
"""Rows of the index that belong to one space."""

_NAMES = {
    table: sqlalchemy.table(index, column("rowid"), column(index))
    for table, index in (("files", "file_names"), ("folders", "folder_names"))
}


@dataclass(frozen=True, slots=True)
class Search:
    """In a folder and all below it."""

    text: str
    """A letter at least, and MOST_LETTERS at most."""
    folder: FolderRow
    few: bool
    """There is so little that all of it can be looked at."""

    @classmethod
    def below(cls, connection: Connection, folder: FolderRow, text: str) -> Search:
        few = bool(folder.path) and totals.is_small(connection, folder, FEW)
        return cls(text, folder, few)

    def find(
        self, connection: Connection, table: Table, *, most: int, before: int | None = None
    ) -> list[int]:
        """Numbers of the rows of `files` or `folders` that are found, the newest first, `most` of them;
        of those below number `before` alone."""
        if {"/", "\0"} & set(self.text):  # no name has them
            return []
        found = self._looked_at(table) if self.few else self._indexed(connection, table)
        hits = found.rows.order_by(found.place.desc()).limit(most)
        if before is not None:
            hits = hits.where(found.place < found.first + before)
        numbers = hits.subquery().c.number
        # As one value: ten thousand rows take longer to fetch than to find.
        listed = connection.execute(select(func.json_group_array(numbers))).scalar_one()
        return sorted(msgspec.json.decode(listed, type=list[int]), reverse=True)

    def _looked_at(self, table: Table) -> _Found:
        found = select(table.c.number).where(
            table.c.space_id == self.folder.space_id,
            below(self.folder.path, table.c.path),
            table.c.trash_id.is_(None),
            func.instr(literal(_BEGIN).op("||")(table.c.folded), self._needle()) > 0,
        )
        return _Found(found, table.c.number, 0)

    def _indexed(self, connection: Connection, table: Table) -> _Found:
        number = select(spaces.c.number).where(spaces.c.id == self.folder.space_id)
        first = connection.execute(number).scalar_one() * ROOM
        names = _NAMES[table.name]
        phrase = '"' + self._needle().replace('"', '""') + '"'
        found = (
            select((names.c.rowid - first).label("number"))
            .where(names.c[names.name].op("MATCH")(phrase))
            .where(names.c.rowid.between(first, first + ROOM - 1))
        )
        if self.folder.path:
            prefix = f"{self.folder.path}/"
            # Not as a range: that would be looked at as a whole, for what the index has few of.
            found = found.join(table, table.c.number == names.c.rowid - first).where(
                func.substr(table.c.path, 1, len(prefix)) == prefix
            )
        return _Found(found, names.c.rowid, first)

    def _needle(self) -> str:
        """What the index has: with what stands before a name, where that shall begin with it."""
        folded = remote_path.folded(self.text)
        return _BEGIN[: max(_GRAM - len(folded), 0)] + folded


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Select[tuple[int]]
    place: ColumnElement[int]
    """What the rows come by at no cost, rising with their numbers."""
    first: int
    """The place of number 0."""
