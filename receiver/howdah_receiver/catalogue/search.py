"""What bears a name that was asked for, by the index of trigrams, or by looking where there is little.

Names are compared folded, so neither case nor the form of an accent matters. Three letters and more are
found anywhere in a name; one or two, where it begins with them: anywhere would be nearly everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    column,
    func,
    literal,
    select,
    table,
)

from howdah_common import remote_path
from howdah_receiver.catalogue.folders import FolderRow, below
from howdah_receiver.catalogue.tables import files, folders, spaces
from howdah_receiver.catalogue.totals import Totals

MOST_FOUND = 10_000
"""More is neither sorted nor counted."""
FEW = 10_000
"""Where a folder has no more than so many names, they are looked at one by one."""
MOST_LETTERS = 255
"""No name is longer."""
_GRAM = 3
_BEGIN = "//"
"""Stands before each name in the index."""
_ROOM = 1 << 40
"""Rows of the index that belong to one space."""


@dataclass(frozen=True, slots=True)
class Found:
    rows: Select[tuple[int]]
    """Numbers of rows."""
    place: ColumnElement[int]
    """Rises as they came, and is cheap to go by, newest first."""

    def count(self, connection: Connection) -> int:
        """How many, up to one more than MOST_FOUND."""
        some = self.rows.limit(MOST_FOUND + 1).subquery()
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


@dataclass(frozen=True, slots=True)
class Search:
    """In a folder and all below it."""

    text: str
    """A letter at least, and MOST_LETTERS at most."""
    folder: FolderRow
    totals: Totals
    """Of the folder."""

    def folders(self, connection: Connection) -> Found:
        return self._found(connection, folders, "folder_names", self.totals.folders)

    def files(self, connection: Connection) -> Found:
        return self._found(connection, files, "file_names", self.totals.files)

    def _found(self, connection: Connection, rows: Table, index: str, many: int) -> Found:
        if {"/", "\0"} & set(self.text):  # no name has them
            return Found(select(rows.c.number).where(literal(False)), rows.c.number)
        if self.folder.path and many <= FEW:
            return self._looked_at(rows)
        query = select(spaces.c.number).where(spaces.c.id == self.folder.space_id)
        return self._indexed(rows, index, connection.execute(query).scalar_one() * _ROOM)

    def _looked_at(self, rows: Table) -> Found:
        found = select(rows.c.number).where(
            rows.c.space_id == self.folder.space_id,
            below(self.folder.path, rows.c.path),
            rows.c.trash_id.is_(None),
            func.instr(literal(_BEGIN).op("||")(rows.c.folded), self._needle()) > 0,
        )
        return Found(found, rows.c.number)

    def _indexed(self, rows: Table, index: str, first: int) -> Found:
        names = table(index, column("rowid"), column(index))
        phrase = '"' + self._needle().replace('"', '""') + '"'
        found = (
            select((names.c.rowid - first).label("number"))
            .where(names.c[index].op("MATCH")(phrase))
            .where(names.c.rowid.between(first, first + _ROOM - 1))
        )
        if self.folder.path:
            prefix = f"{self.folder.path}/"
            # Not as a range: that would be looked at as a whole, for what the index has few of.
            found = found.join(rows, rows.c.number == names.c.rowid - first).where(
                func.substr(rows.c.path, 1, len(prefix)) == prefix
            )
        return Found(found, names.c.rowid)

    def _needle(self) -> str:
        """What the index has: with what stands before a name, where that shall begin with it."""
        folded = remote_path.folded(self.text)
        return _BEGIN[: max(_GRAM - len(folded), 0)] + folded
