"""What was ordered: groups, and the folders among them whose files are found step by step."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from howdah_common import remote_path
from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.transfers import HELD, Hold, IfExists, Kind


@dataclass(frozen=True, slots=True)
class Group:
    """What one command asked for, together."""

    id: int
    kind: Kind
    if_exists: IfExists
    sha256: bool
    held: Hold = Hold.NO
    newest: int = 0
    """The newest transfer when it was given: older ones came over from an older group."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder whose files are not all in the queue yet: listed again from its start after a kill."""

    id: int
    group: Group
    local: bytes
    remote: str
    paused: bool = False
    """What is found in it comes in paused."""
    paused_until: float | None = None
    """Until then, in seconds since 1970; None: until somebody says so."""


_GROUP = "g.id, g.kind, g.if_exists, g.sha256, g.held, g.newest"


class LedgerGroups(LedgerFile):
    """Groups, and roots that are being listed."""

    def add_group(
        self, kind: Kind, if_exists: IfExists, sha256: bool, held: Hold = Hold.NO
    ) -> Group:
        with self.told(), self._db:
            cursor = self._db.execute(
                "INSERT INTO groups (kind, if_exists, sha256, created, held, newest) VALUES"
                " (?, ?, ?, ?, ?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'transfers'), 0))",
                (kind.value, if_exists.value, sha256, time.time(), held.value),
            )
        group = self.group(cursor.lastrowid or 0)
        assert group is not None
        return group

    def group(self, id_: int) -> Group | None:
        rows = self.rows(f"SELECT {_GROUP} FROM groups g WHERE g.id = ?", (id_,))
        return _group(rows[0]) if rows else None

    def held_groups(self) -> list[Group]:
        return [_group(row) for row in self.rows(f"SELECT {_GROUP} FROM groups g WHERE g.held > 0")]

    def hold(self, group: int, held: Hold) -> None:
        with self.told(), self._db:
            self._db.execute("UPDATE groups SET held = ? WHERE id = ?", (held.value, group))

    def held_of(self, group: int) -> tuple[int, int]:
        """How many rows of a group wait for a yes, and their bytes."""
        sql = (
            "SELECT count(*), coalesce(sum(size), 0) FROM transfers"
            " WHERE group_id = ? AND state = 'paused' AND code = ?"
        )
        files, size = self.rows(sql, (group, HELD))[0]
        return files, size

    # -- folders that are to be listed

    def add_root(
        self, group: Group, local: bytes, remote: str, followed: Container[int] = ()
    ) -> None:
        """An unfinished listing of the same folder is given up for this one, as rows are (`Ledger.add`)."""
        with self.told(), self._db:
            for id_, old in self._db.execute(
                "SELECT id, group_id FROM roots WHERE local = ? AND remote = ? AND listed IS NULL",
                (local, remote),
            ).fetchall():
                if old not in followed:
                    self._db.execute("UPDATE roots SET listed = ? WHERE id = ?", (time.time(), id_))
            self._db.execute(
                "INSERT INTO roots (group_id, local, remote) VALUES (?, ?, ?)",
                (group.id, local, remote),
            )

    def root_listed(self, root: Root) -> int | None:
        """Nothing more is to be found in it.

        Gives the one row of a root that could not be listed at all: that is no folder with a file in
        it, and stands for itself from now on.
        """
        self.roots_listed([root.id])
        rows = self.rows(
            "SELECT id, local, remote, relative, state = 'failed' AND size IS NULL"
            " FROM transfers WHERE root = ? LIMIT 2",
            (root.id,),
        )
        if len(rows) != 1:
            return None
        id_, local, remote, relative, unlisted = rows[0]
        asked = root.remote.strip("/")
        itself = relative in ("", root.remote, asked, remote_path.name(asked))
        if not unlisted or (bytes(local), remote) != (root.local, root.remote) or not itself:
            return None
        with self.told(), self._db:
            self._db.execute("UPDATE transfers SET root = NULL WHERE id = ?", (id_,))
        return int(id_)

    def roots_listed(self, ids: Iterable[int]) -> None:
        """Nothing more is to be found in them, or nobody wants to know."""
        with self.told(), self._db:
            self._db.executemany(
                "UPDATE roots SET listed = ? WHERE id = ?", [(time.time(), id_) for id_ in ids]
            )

    def pause_roots(self, ids: Iterable[int], paused: bool, until: float | None = None) -> None:
        """What is found in them from now on comes in paused, or not; `until`: up to then."""
        value = until if paused and until is not None else int(paused)
        with self.told(), self._db:
            self._db.executemany(
                "UPDATE roots SET paused = ? WHERE id = ?", [(value, id_) for id_ in ids]
            )

    def roots_go_on_due(self, now: float) -> list[int]:
        """Those that were paused until a moment that has come are not any more; gives which."""
        due = [
            row[0]
            for row in self.rows(
                "SELECT id FROM roots WHERE listed IS NULL AND paused > 1 AND paused <= ?", (now,)
            )
        ]
        if due:
            self.pause_roots(due, False)
        return due

    def roots(self, group: int | None = None) -> list[Root]:
        """Those that are to be listed."""
        return [root for root in self._roots("r.listed IS NULL") if group in (None, root.group.id)]

    def root(self, id_: int) -> Root | None:
        """One that is to be listed; None: it was given up, or given again by a newer order."""
        found = self._roots("r.listed IS NULL AND r.id = ?", (id_,))
        return found[0] if found else None

    def groups_of_roots(self, ids: Iterable[int]) -> set[int]:
        return {
            row[0]
            for id_ in ids
            for row in self.rows("SELECT group_id FROM roots WHERE id = ?", (id_,))
        }

    def _roots(self, where: str, values: tuple[Any, ...] = ()) -> list[Root]:
        sql = (
            f"SELECT r.id, r.local, r.remote, r.paused, {_GROUP} FROM roots r"
            f" JOIN groups g ON g.id = r.group_id WHERE {where} ORDER BY r.id"
        )
        return [
            Root(
                id_,
                _group(tuple(group)),
                bytes(local),
                remote,
                bool(paused),
                paused if paused > 1 else None,
            )
            for id_, local, remote, paused, *group in self.rows(sql, values)
        ]


def _group(row: tuple[Any, ...]) -> Group:
    id_, kind, if_exists, sha256, held, newest = row
    return Group(id_, Kind(kind), IfExists(if_exists), bool(sha256), Hold(held), newest)
