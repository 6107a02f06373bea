"""The ledger: the client's queue and history, one SQLite file in HOWDAH_HOME.

It survives a SIGKILL at any point: WAL with `synchronous=FULL`, and every step that others build on is
committed before it is taken (a client_id before the start request that carries it). Nothing in it is
trusted over what the receiver says. One engine at a time writes it, from one thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from howdah_desktop.engine.ledger_ahead import LedgerAhead
from howdah_desktop.engine.ledger_freed import LedgerFreed
from howdah_desktop.engine.ledger_groups import Group, LedgerGroups, Root
from howdah_desktop.engine.ledger_moves import UNCLEAR, LedgerMoves
from howdah_desktop.engine.ledger_pieces import LedgerPieces
from howdah_desktop.engine.ledger_queue import LedgerQueue
from howdah_desktop.engine.ledger_rows import COLUMNS, TRANSFER_COLUMNS, to_columns, to_transfer
from howdah_desktop.engine.ledger_sent import LedgerSent
from howdah_desktop.engine.ledger_views import LedgerViews
from howdah_desktop.engine.link import LinkMemory
from howdah_desktop.engine.transfers import (
    COUNTING,
    HELD,
    USER,
    Hold,
    Kind,
    Transfer,
    TransferState,
    advance,
)
from howdah_desktop.folders.watched import PLACE, Watched

__all__ = ["Group", "Ledger", "NewTransfer", "Root", "WatchedFile", "new_client_id"]

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


@dataclass(slots=True)
class Added:
    """What came of putting rows in. Rows as ids and their roots (0: none)."""

    rows: list[Transfer] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """Failed ones: the new rows stand for them, so that they are not in the list any more."""
    left: set[int] = field(default_factory=set)
    """Roots that rows came over from."""


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file of a watched folder that is to be sent, or an empty folder of one to be made."""

    relative: str
    local: bytes
    remote: str
    size: int
    expected: str | None
    """The version that it replaces; `none`: nothing may stand there."""
    settles: float | None = None
    """When it is next looked at whether it was left alone, in seconds since 1970; None: it was."""
    kind: Kind = Kind.UPLOAD
    changed: float = 0.0
    """When its inode changed last, in seconds since 1970."""


class Ledger(
    LedgerGroups,
    LedgerQueue,
    LedgerPieces,
    LedgerViews,
    LedgerMoves,
    LedgerFreed,
    LedgerSent,
    LedgerAhead,
):
    """Rows of transfers, what is to be listed, and what is known of the line."""

    def add(
        self, group: Group, rows: Iterable[NewTransfer], followed: Container[int] = ()
    ) -> list[Transfer]:
        return self.put_in(group, rows, followed).rows

    def put_in(
        self,
        group: Group,
        rows: Iterable[NewTransfer],
        followed: Container[int] = (),
        root: Root | None = None,
        leaving: Container[int] = (),
    ) -> Added:
        """Puts `rows` in, in one commit; what the group has already is left as it is.

        An unfinished transfer of the same file to the same place comes over from its old group, so that
        giving the same order again goes on and sends nothing twice; unless somebody follows that group,
        or it is among those `leaving`, which are just being cancelled.
        """
        now = time.time()
        added, ids = Added(), []
        with self.told(), self._db:
            for row in rows:
                adopted = self._adopt(group, row, root, followed, leaving, added)
                cursor = self._db.execute(_INSERT, _new_row(group, row, root, now))
                if adopted is not None:
                    ids.append(adopted)
                elif cursor.rowcount > 0 and cursor.lastrowid:
                    ids.append(cursor.lastrowid)
        added.rows = self.some(ids)
        return added

    def put_watched(self, folder: Watched, files: Iterable[WatchedFile]) -> list[Transfer]:
        """Rows for what has changed in a watched folder, in one commit; gives those that are new.

        One that is on its way already is left to it: it takes the file as it is when it is opened. One that
        failed before the file last changed is tried again.
        """
        now, ids = time.time(), []
        with self.one_commit():
            for file in files:
                of_it = (folder.id, file.relative)
                self._db.execute(
                    "UPDATE transfers SET state = 'cancelled', hidden = 1 WHERE watched = ? AND relative = ?"
                    " AND state = 'failed' AND finished < ?",
                    (*of_it, file.changed),
                )
                cursor = self._db.execute(_INSERT_WATCHED, _watched_row(folder, file, now))
                if cursor.rowcount > 0 and cursor.lastrowid:
                    ids.append(cursor.lastrowid)
                    self._db.execute(
                        "UPDATE transfers SET state = 'superseded', hidden = 1 WHERE watched = ?"
                        " AND relative = ? AND state = 'done'",
                        of_it,
                    )
        return self.some(ids)

    def under_way(self, folder: int, relative: str) -> Transfer | None:
        """The row of a watched file that is not at an end."""
        found = self._transfers(
            "WHERE watched = ? AND relative = ?"
            " AND state NOT IN ('done', 'skipped', 'cancelled', 'superseded')",
            (folder, relative),
        )
        return found[0] if found else None

    def under_way_below(self, folder: int, relative: str) -> list[Transfer]:
        """The same of all that is below a directory."""
        return self._transfers(
            # "0" is the character after "/".
            "WHERE watched = ? AND relative > ? AND relative < ?"
            " AND state NOT IN ('done', 'skipped', 'cancelled', 'superseded')",
            (folder, f"{relative}/", f"{relative}0"),
        )

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
            self.agree(transfers)

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
        """The next rows of a lane, in the order they came; without those that a move there holds up."""
        return self._transfers(
            f"WHERE state = ? AND large = ? AND NOT {UNCLEAR} ORDER BY place, id LIMIT ?",
            (S.QUEUED.value, not small, limit),
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

    def of_group(self, group: int) -> list[Transfer]:
        return self._transfers("WHERE group_id = ? ORDER BY id", (group,))

    def where_it_went(self, local: bytes) -> Transfer | None:
        """The latest upload of a local path that arrived."""
        found = self._transfers(
            "WHERE local = ? AND kind = 'upload' AND state IN ('done', 'superseded')"
            " ORDER BY id DESC LIMIT 1",
            (local,),
        )
        return found[0] if found else None

    def latest_of(self, local: bytes) -> Transfer | None:
        """The latest upload of a local path, however it stands."""
        found = self._transfers(
            "WHERE local = ? AND kind = 'upload' ORDER BY id DESC LIMIT 1", (local,)
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

    def _adopt(
        self,
        group: Group,
        row: NewTransfer,
        root: Root | None,
        followed: Container[int],
        leaving: Container[int],
        added: Added,
    ) -> int | None:
        """Take over an unfinished transfer of the same; one that failed is replaced by the new one."""
        adopted = None
        for id_, old, state, old_root in self._db.execute(
            "SELECT id, group_id, state, coalesce(root, 0) FROM transfers WHERE local = ?"
            " AND remote = ? AND relative = ? AND kind = ?"
            " AND state NOT IN ('done', 'skipped', 'cancelled', 'superseded') AND watched IS NULL",
            (row.local, row.remote, row.relative, row.kind.value),
        ).fetchall():
            if old == group.id or id_ in leaving:
                continue
            if state == S.FAILED.value:
                added.replaced.append((id_, old_root))
                self._replace(id_)
            elif adopted is None and old not in followed and not (row.skipped or row.failed):
                adopted = int(id_)
                added.left.add(old_root)
                self._take_over(adopted, group, root, S(state))
        return adopted

    def _replace(self, id_: int) -> None:
        advance(S.FAILED, S.CANCELLED)
        self._db.execute(
            "UPDATE transfers SET state = 'cancelled', hidden = 1, finished = ? WHERE id = ?",
            (time.time(), id_),
        )

    def _take_over(self, id_: int, group: Group, root: Root | None, state: TransferState) -> None:
        """What was paused goes on, as it is ordered again, or is counted with the rest of its new group."""
        self._db.execute(
            "UPDATE transfers SET group_id = ?, if_exists = ?, sha256 = ?, root = ? WHERE id = ?",
            (group.id, group.if_exists.value, group.sha256, root.id if root else None, id_),
        )
        if state is S.PAUSED:
            began, code, detail, until = _beginning(group, root)
            self._db.execute(
                "UPDATE transfers SET state = ?, code = ?, detail = ?, next_try = ? WHERE id = ?",
                (advance(state, began).value, code, detail, until, id_),
            )


def new_client_id() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


_INSERT = (
    "INSERT INTO transfers (group_id, kind, state, local, remote, relative, if_exists, sha256, size,"
    " code, detail, next_try, client_id, created, finished, root)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    # No OR IGNORE: that would speak for what the triggers do as well.
    " ON CONFLICT (group_id, local, remote, relative) WHERE watched IS NULL DO NOTHING"
)


_INSERT_WATCHED = (
    "INSERT INTO transfers (group_id, kind, state, local, remote, relative, if_exists, sha256, size,"
    " next_try, client_id, created, root, place, watched, expected)"
    " VALUES (?, ?, ?, ?, ?, ?, 'version', 0, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


def _watched_row(folder: Watched, file: WatchedFile, now: float) -> tuple[Any, ...]:
    state = S.QUEUED if file.settles is None else S.SETTLING
    advance(S.NEW, state)
    return (
        folder.group,
        file.kind.value,
        state.value,
        file.local,
        file.remote,
        file.relative,
        file.size,
        file.settles,
        new_client_id() if file.kind is Kind.UPLOAD else None,
        now,
        folder.root,
        PLACE,
        folder.id,
        file.expected,
    )


def _beginning(
    group: Group, root: Root | None
) -> tuple[TransferState, str | None, str, float | None]:
    """How a row comes in: state, code, detail, and when it goes on if it is paused until then."""
    if root is not None and root.paused:
        return S.PAUSED, USER, "", root.paused_until
    if group.held is not Hold.NO:
        return S.PAUSED, HELD, COUNTING if group.held is Hold.COUNTS else "", None
    return S.QUEUED, None, "", None


def _new_row(group: Group, row: NewTransfer, root: Root | None, now: float) -> tuple[Any, ...]:
    state, code, detail, until = _beginning(group, root)
    if row.skipped or row.failed:
        state = S.SKIPPED if row.skipped else S.FAILED
        code, detail, until = row.skipped or row.failed, row.detail, None
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
        code,
        detail,
        until,
        new_client_id() if row.kind is Kind.UPLOAD else None,
        now,
        now if row.skipped or row.failed else None,
        root.id if root else None,
    )


def _any_of(states: Iterable[TransferState]) -> tuple[str, tuple[str, ...]]:
    values = tuple(sorted(state.value for state in states))
    return ", ".join("?" * len(values)), values
