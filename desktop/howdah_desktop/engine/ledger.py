"""The ledger: the client's queue and history, one SQLite file in HOWDAH_HOME.

It survives a SIGKILL at any point: WAL with `synchronous=FULL`, and every step that others build on is
committed before it is taken (a client_id before the start request that carries it). Nothing in it is
trusted over what the receiver says. One engine at a time writes it, from one thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.ledger_rows import (
    COLUMNS,
    TRANSFER_COLUMNS,
    to_columns,
    to_transfer,
)
from howdah_desktop.engine.link import LinkMemory
from howdah_desktop.engine.transfers import (
    LIVE,
    IfExists,
    Kind,
    Transfer,
    TransferState,
    advance,
)

S = TransferState


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A row to be. `skipped` is the rule, and `failed` the problem, that it ends with at once."""

    kind: Kind
    local: bytes
    remote: str
    relative: str = ""
    size: int | None = None
    skipped: str | None = None
    failed: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What one command asked for, together."""

    id: int
    kind: Kind
    if_exists: IfExists
    sha256: bool


@dataclass(frozen=True, slots=True)
class Root:
    """A folder whose files are not all in the queue yet: listed again from its start after a kill."""

    id: int
    group: Group
    local: bytes
    remote: str


class Ledger(LedgerFile):
    """Rows of transfers, what is to be listed, and what is known of the line."""

    # -- what is to be done

    def add_group(self, kind: Kind, if_exists: IfExists, sha256: bool) -> Group:
        with self.told(), self._db:
            cursor = self._db.execute(
                "INSERT INTO groups (kind, if_exists, sha256, created) VALUES (?, ?, ?, ?)",
                (kind.value, if_exists.value, sha256, time.time()),
            )
        return Group(cursor.lastrowid or 0, kind, if_exists, sha256)

    def add(
        self, group: Group, rows: Iterable[NewTransfer], followed: Container[int] = ()
    ) -> list[Transfer]:
        """Puts `rows` in, in one commit; what the group has already is left as it is.

        An unfinished transfer of the same file to the same place comes over from its old group, so that
        giving the same order again goes on and sends nothing twice; unless somebody follows that group.
        """
        return self._insert(group, rows, followed)

    def add_root(
        self, group: Group, local: bytes, remote: str, followed: Container[int] = ()
    ) -> None:
        """As `add`: an unfinished listing of the same folder is given up for this one."""
        with self.told(), self._db:
            for id_, old in self._db.execute(
                "SELECT id, group_id FROM roots WHERE local = ? AND remote = ?", (local, remote)
            ).fetchall():
                if old not in followed:
                    self._db.execute("DELETE FROM roots WHERE id = ?", (id_,))
            self._db.execute(
                "INSERT INTO roots (group_id, local, remote) VALUES (?, ?, ?)",
                (group.id, local, remote),
            )

    def root_listed(self, root: Root) -> None:
        with self.told(), self._db:
            self._db.execute("DELETE FROM roots WHERE id = ?", (root.id,))

    def roots(self, group: int | None = None) -> list[Root]:
        sql = (
            "SELECT r.id, r.local, r.remote, g.id, g.kind, g.if_exists, g.sha256"
            " FROM roots r JOIN groups g ON g.id = r.group_id"
        )
        return [
            Root(
                row[0],
                Group(row[3], Kind(row[4]), IfExists(row[5]), bool(row[6])),
                bytes(row[1]),
                row[2],
            )
            for row in self.rows(sql + " ORDER BY r.id")
            if group is None or row[3] == group
        ]

    # -- the rows

    def save(self, transfers: Sequence[Transfer]) -> None:
        """Writes the rows as they are now, in one commit. The caller has used `advance`."""
        if not transfers:
            return
        assignments = ", ".join(f"{name} = :{name}" for name in COLUMNS if name != "id")
        with self.told(), self._db:
            self._db.executemany(
                f"UPDATE transfers SET {assignments} WHERE id = :id",
                [to_columns(transfer) for transfer in transfers],
            )

    def get(self, id_: int) -> Transfer | None:
        found = self._transfers("WHERE id = ?", (id_,))
        return found[0] if found else None

    def in_states(
        self, states: Iterable[TransferState], group: int | None = None, limit: int = -1
    ) -> list[Transfer]:
        marks, values = _any_of(states)
        where = f"WHERE state IN ({marks})" + ("" if group is None else " AND group_id = ?")
        more = () if group is None else (group,)
        return self._transfers(f"{where} ORDER BY id LIMIT ?", (*values, *more, limit))

    def queued(self, small: bool, limit: int) -> list[Transfer]:
        """The next rows of a lane, in the order they came."""
        return self._transfers(
            "WHERE state = ? AND large = ? ORDER BY id LIMIT ?", (S.QUEUED.value, not small, limit)
        )

    def everything(self, limit: int = -1) -> list[Transfer]:
        """All rows, newest first."""
        return self._transfers("ORDER BY id DESC LIMIT ?", (limit,))

    def some(self, ids: Sequence[int], group: int | None = None) -> list[Transfer]:
        """The rows of these ids, in order; of one group alone, if it is given."""
        found: list[Transfer] = []
        for first in range(0, len(ids), 500):
            part = ids[first : first + 500]
            found += self._transfers(f"WHERE id IN ({', '.join('?' * len(part))})", part)
        return sorted(
            (row for row in found if group is None or row.group == group), key=lambda row: row.id
        )

    def totals(
        self,
        group: int | None = None,
        since: float | None = None,
        at_work: Sequence[int] = (),
    ) -> tuple[int, int]:
        """Bytes in all, and bytes done, of what did not end without arriving; `since` as in `counts`.

        Of those `at_work` the bytes done are left out: whoever works on them knows better.
        """
        where, values = _of(group, since)
        marks = ", ".join("?" * len(at_work))
        sql = (
            "SELECT coalesce(sum(size), 0),"
            f" coalesce(sum(CASE WHEN id IN ({marks}) THEN 0 ELSE done_bytes END), 0)"
            f" FROM transfers WHERE state NOT IN ('failed', 'skipped', 'cancelled') AND {where}"
        )
        for size, done in self.rows(sql, (*at_work, *values)):
            return size, done
        return 0, 0

    def of_group(self, group: int) -> list[Transfer]:
        return self._transfers("WHERE group_id = ? ORDER BY id", (group,))

    def counts(
        self, group: int | None = None, since: float | None = None
    ) -> dict[TransferState, int]:
        """How many are in which state; `since`: without those that ended before (as time.time)."""
        where, values = _of(group, since)
        sql = f"SELECT state, count(*) FROM transfers WHERE {where} GROUP BY state"
        return {S(state): count for state, count in self.rows(sql, values)}

    def where_it_went(self, local: bytes) -> Transfer | None:
        """The latest upload of a local path that arrived."""
        found = self._transfers(
            "WHERE local = ? AND kind = 'upload' AND state = 'done' ORDER BY id DESC LIMIT 1",
            (local,),
        )
        return found[0] if found else None

    def wake(self) -> int:
        """After a start: whoever was working or waiting is queued again. Gives how many."""
        marks, values = _any_of((S.SENDING, S.FETCHING, S.FINISHING, S.WAITING, S.SETTLING, S.NEW))
        with self.told(), self._db:
            cursor = self._db.execute(
                "UPDATE transfers SET state = 'queued', code = NULL, detail = '', attempt = 0,"
                f" next_try = NULL WHERE state IN ({marks})",
                values,
            )
        return cursor.rowcount

    def live(self) -> int:
        marks, values = _any_of(LIVE)
        sql = f"SELECT count(*) FROM transfers WHERE state IN ({marks})"
        return int(next(self.rows(sql, values))[0])

    # -- what is known of the line

    def link_memory(self) -> LinkMemory:
        for carried, good in self.rows("SELECT carried_bytes, good FROM line"):
            return LinkMemory(carried, bool(good))
        return LinkMemory()

    def remember_link(self, memory: LinkMemory) -> None:
        with self.told(), self._db:
            self._db.execute("DELETE FROM line")
            self._db.execute(
                "INSERT INTO line (carried_bytes, good) VALUES (?, ?)",
                (memory.carried_bytes, memory.good),
            )

    # -- inside

    def _transfers(self, rest: str, values: Sequence[Any]) -> list[Transfer]:
        sql = f"SELECT {TRANSFER_COLUMNS} FROM transfers {rest}"
        return [to_transfer(row) for row in self.rows(sql, values)]

    def _insert(
        self, group: Group, rows: Iterable[NewTransfer], followed: Container[int]
    ) -> list[Transfer]:
        now = time.time()
        added: list[int] = []
        with self.told(), self._db:
            for row in rows:
                adopted = self._adopt(group, row, followed)
                cursor = self._db.execute(
                    "INSERT OR IGNORE INTO transfers (group_id, kind, state, local, remote,"
                    " relative, if_exists, sha256, size, code, detail, client_id, created, finished)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    _new_row(group, row, now),
                )
                if adopted is not None:
                    added.append(adopted)
                elif cursor.rowcount and cursor.lastrowid:
                    added.append(cursor.lastrowid)
        return self.some(added)

    def _adopt(self, group: Group, row: NewTransfer, followed: Container[int]) -> int | None:
        """Take over an unfinished transfer of the same; one that failed is replaced by the new one."""
        adopted = None
        for id_, old, state in self._db.execute(
            "SELECT id, group_id, state FROM transfers WHERE local = ? AND remote = ?"
            " AND relative = ? AND kind = ? AND state NOT IN ('done', 'skipped', 'cancelled')",
            (row.local, row.remote, row.relative, row.kind.value),
        ).fetchall():
            if old == group.id:
                continue
            if state == S.FAILED.value:
                self._db.execute("UPDATE transfers SET state = 'cancelled' WHERE id = ?", (id_,))
            elif adopted is None and old not in followed and not (row.skipped or row.failed):
                self._db.execute(
                    "UPDATE transfers SET group_id = ?, if_exists = ?, sha256 = ? WHERE id = ?",
                    (group.id, group.if_exists.value, group.sha256, id_),
                )
                adopted = int(id_)
        return adopted


def new_client_id() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


def _new_row(group: Group, row: NewTransfer, now: float) -> tuple[Any, ...]:
    state = S.SKIPPED if row.skipped else S.FAILED if row.failed else S.QUEUED
    advance(S.NEW, state)
    return (
        group.id,
        row.kind.value,
        state.value,
        row.local,
        row.remote,
        row.relative,
        group.if_exists.value,
        group.sha256,
        row.size,
        row.skipped or row.failed,
        row.detail,
        new_client_id() if row.kind is Kind.UPLOAD else None,
        now,
        None if state is S.QUEUED else now,
    )


def _any_of(states: Iterable[TransferState]) -> tuple[str, tuple[str, ...]]:
    values = tuple(sorted(state.value for state in states))
    return ", ".join("?" * len(values)), values


def _of(group: int | None, since: float | None) -> tuple[str, tuple[float, ...]]:
    """A clause, and its values."""
    if group is not None:
        return "group_id = ?", (group,)
    if since is not None:
        return "(finished IS NULL OR finished >= ?)", (since,)
    return "TRUE", ()
