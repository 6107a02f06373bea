"""What is left out of watched folders, in the ledger: by rule, and never an error."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from howdah_desktop.engine.ledger_below import BELOW, below
from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.folders.directory import Entry, What, joined, parted
from howdah_desktop.folders.rule import Rule


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is not carried, and by which rule."""

    folder: bytes
    name: bytes
    is_dir: bool
    rule: Rule
    seen: float

    @property
    def path(self) -> bytes:
        return joined(self.folder, self.name)


class LedgerLeftOut(LedgerFile):
    """Reading is for any connection, writing for that of the engine."""

    def left_out_folders(self, folder: int) -> set[bytes]:
        """Directories of which something is left out."""
        sql = "SELECT DISTINCT dir FROM left_out WHERE folder = ?"
        return {bytes(row[0]) for row in self.rows(sql, (folder,))}

    def left_out_in(self, folder: int, where: bytes) -> dict[bytes, Rule]:
        return {
            one.name: one.rule for one in self._left_out("folder = ? AND dir = ?", folder, where)
        }

    def left_out(self, folder: int, limit: int = -1) -> list[LeftOut]:
        return self._left_out("folder = ? ORDER BY rule, dir, name LIMIT ?", folder, limit)

    def left_out_counts(self, folder: int) -> dict[str, int]:
        """How many, by the kind of rule."""
        sql = "SELECT rule, count(*) FROM left_out WHERE folder = ? GROUP BY rule"
        return dict(self.rows(sql, (folder,)))

    def why_left_out(self, folder: int, path: bytes) -> LeftOut | None:
        """The rule for `path` itself or for a directory above it."""
        while path:
            where, name = parted(path)
            found = self._left_out("folder = ? AND dir = ? AND name = ?", folder, where, name)
            if found:
                return found[0]
            path = where
        return None

    def leave_out(self, folder: int, where: bytes, left: Iterable[tuple[Entry, Rule]]) -> None:
        """What is left out of one directory now; and nothing below what was not entered."""
        now = time.time()
        with self.one_commit():
            self._db.execute("DELETE FROM left_out WHERE folder = ? AND dir = ?", (folder, where))
            self._db.executemany(
                "INSERT INTO left_out (folder, dir, name, is_dir, rule, source, line, pattern, seen)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        folder,
                        where,
                        e.name,
                        e.what is What.FOLDER,
                        rule.pattern if rule.source in ("kind", "name") else "ignored",
                        rule.source,
                        rule.line,
                        rule.pattern,
                        now,
                    )
                    for e, rule in left
                ],
            )

    def forget_left_out(self, folder: int, path: bytes) -> None:
        """Of a directory that is gone, with all below it."""
        with self.one_commit():
            self._db.execute(
                f"DELETE FROM left_out WHERE folder = ? AND {BELOW}", (folder, *below(path))
            )

    def _left_out(self, where: str, *values: Any) -> list[LeftOut]:
        return [
            LeftOut(bytes(folder), bytes(name), bool(is_dir), Rule(source, line, pattern), seen)
            for folder, name, is_dir, source, line, pattern, seen in self.rows(
                f"SELECT dir, name, is_dir, source, line, pattern, seen FROM left_out WHERE {where}",
                values,
            )
        ]
