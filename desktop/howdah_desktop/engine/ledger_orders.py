"""Orders about many rows at once: one UPDATE each, however many they are.

They are for rows that no thread works on; those that one does are the caller's (`but`). Which states an
order changes follows from TRANSITIONS, as every step does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.ledger_rows import TRANSFER_COLUMNS, to_transfer
from howdah_desktop.engine.transfers import (
    COUNTING,
    ENDED,
    HELD,
    UNFINISHED,
    USER,
    Hold,
    Kind,
    Transfer,
    TransferState,
    before,
)

S = TransferState

MOST_TOLD = 2_000
"""When more rows change at once, nobody is told which: who follows reads the ledger anew."""
RESUMED = before(S.QUEUED) & {S.PAUSED, S.WAITING, S.FAILED}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows an order is about; nothing said: all."""

    ids: Sequence[int] | None = None
    roots: Sequence[int] = ()
    group: int | None = None
    """What this group added, and not what came over from an older one."""

    @property
    def everything(self) -> bool:
        return self.ids is None and not self.roots and self.group is None


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change came to."""

    count: int = 0
    rows: tuple[tuple[int, int], ...] | None = ()
    """Ids and roots (0: none) of what changed; None: more than MOST_TOLD."""


class LedgerOrders(LedgerFile):
    """Bulk changes."""

    def pause(self, chosen: Chosen, but: Iterable[int] = (), until: float | None = None) -> Touched:
        """`until`, in seconds since 1970: then they go on by themselves, see `go_on_due`.

        With an end it is no answer to what waits for a yes; and, said of everything, nothing about what
        was paused before.
        """
        where = f"state IN ({_any_of(before(S.PAUSED))})"
        if until is None:
            where += " OR state = 'paused' AND code = :held"
        if until is None or not chosen.everything:
            where += " OR state = 'paused' AND code = :user AND next_try IS NOT :until"
        return self._update(
            "state = 'paused', code = :user, detail = '', next_try = :until",
            chosen,
            f"({where})",
            but,
            until=until,
        )

    def go_on_due(self, now: float, but: Iterable[int] = ()) -> Touched:
        """Those that were paused until a moment that has come."""
        return self._update(
            "state = 'queued', code = NULL, detail = '', attempt = 0, next_try = NULL",
            Chosen(),
            "state = 'paused' AND code = :user AND next_try <= :moment",
            but,
            moment=now,
        )

    def next_to_go_on(self) -> float | None:
        """When the first of those that are paused until a moment goes on."""
        sql = "SELECT min(next_try) FROM transfers WHERE state = 'paused' AND code = ?"
        moment = self.rows(sql, (USER,))[0][0]
        return None if moment is None else float(moment)

    def resume(self, chosen: Chosen, but: Iterable[int] = ()) -> Touched:
        """All but what stands for a folder that could not be listed, see `unlisted`.

        What is only being counted goes on by itself, or asks: everything does not mean that.
        """
        counted = f"code = :held AND detail = '{COUNTING}'" if chosen.everything else "FALSE"
        return self._update(
            "state = 'queued', code = NULL, detail = '', attempt = 0, next_try = NULL, finished = NULL",
            chosen,
            f"state IN ({_any_of(RESUMED)}) AND NOT (state = 'failed' AND {_NO_SIZE})"
            f" AND NOT (state = 'paused' AND {counted})",
            but,
        )

    def ask_for(self, group: int) -> Touched:
        """It is too much to go on by itself: its rows say that they wait for a yes."""
        with self.told(), self._db:
            self._db.execute("UPDATE groups SET held = ? WHERE id = ?", (Hold.ASKS.value, group))
        where = "group_id = :group AND state = 'paused' AND code = :held"
        return self._update("detail = ''", Chosen(), where, (), group=group)

    def release(self, group: int) -> Touched:
        """What is held of a group goes on."""
        return self._update(
            "state = 'queued', code = NULL, detail = ''",
            Chosen(),
            "group_id = :group AND state = 'paused' AND code = :held",
            (),
            group=group,
        )

    def cancel(
        self,
        chosen: Chosen,
        but: Iterable[int] = (),
        states: Collection[TransferState] = before(S.CANCELLED),
    ) -> Touched:
        """Those that the receiver knows nothing of; the others are for `known_there`."""
        return self._update(
            "state = 'cancelled', finished = :now, next_try = NULL,"
            " code = CASE WHEN state = 'paused' THEN NULL ELSE code END,"
            " detail = CASE WHEN state = 'paused' THEN '' ELSE detail END",
            chosen,
            f"state IN ({_any_of(states)}) AND upload_id IS NULL",
            but,
        )

    def hide(self, chosen: Chosen, states: Collection[TransferState] = ENDED) -> Touched:
        """Out of the list; they stay as history."""
        where = f"state IN ({_any_of(states)}) AND hidden = 0"
        return self._update("hidden = 1", chosen, where, ())

    def show_again(self, id_: int) -> None:
        """One that was taken back arrived nevertheless."""
        self._update("hidden = 0", Chosen([id_]), "hidden = 1", ())

    # -- which need more than an UPDATE

    def unlisted(self, chosen: Chosen) -> list[Transfer]:
        """Failed rows that may stand for a folder, or a part of one, whose files have no rows yet."""
        return self._those(chosen, f"state = 'failed' AND {_NO_SIZE}")

    def make_way(self, ids: Iterable[int]) -> None:
        """These stand for folders that are listed again in the same group: what is found there may be of
        the same name, or fail in the same way."""
        with self.told(), self._db:
            self._db.executemany(
                # No path has two slashes on end.
                "UPDATE transfers SET relative = relative || '//' || id WHERE id = ?",
                [(id_,) for id_ in ids],
            )

    def known_there(
        self,
        chosen: Chosen,
        jobs: Iterable[int],
        states: Collection[TransferState] = before(S.CANCELLED),
    ) -> list[Transfer]:
        """Rows to be cancelled that have a job, or an upload that the receiver holds for them."""
        where = (
            f"state IN ({_any_of(states)}) AND (upload_id IS NOT NULL"
            " OR id IN (SELECT value FROM json_each(:jobs)))"
        )
        return self._those(chosen, where, jobs=json.dumps(list(jobs)))

    def taken_back(self) -> list[Transfer]:
        """Hidden rows that are not at an end: a kill came before their cancelling was done."""
        return self._those(Chosen(), f"hidden = 1 AND state IN ({_any_of(UNFINISHED)})")

    def arrived(self, chosen: Chosen) -> int:
        where, values = chosen_where(chosen)
        sql = f"SELECT count(*) FROM transfers WHERE state = 'done' AND {where}"
        return int(self.rows(sql, values)[0][0])

    # -- inside

    def _update(
        self, changes: str, chosen: Chosen, where: str, but: Iterable[int], **more: Any
    ) -> Touched:
        which, values = chosen_where(chosen)
        values = {
            **values,
            **more,
            "but": json.dumps(list(but)),
            "user": USER,
            "held": HELD,
            "now": time.time(),
        }
        where = f"{where} AND {which} AND id NOT IN (SELECT value FROM json_each(:but))"
        with self.told(), self._db:
            found = self._db.execute(
                f"SELECT id, coalesce(root, 0) FROM transfers WHERE {where} LIMIT {MOST_TOLD + 1}",
                values,
            ).fetchall()
            if not found:
                return Touched()
            count = self._db.execute(
                f"UPDATE transfers SET {changes} WHERE {where}", values
            ).rowcount
        return Touched(count, tuple(found) if len(found) <= MOST_TOLD else None)

    def _those(self, chosen: Chosen, where: str, **more: Any) -> list[Transfer]:
        which, values = chosen_where(chosen)
        sql = f"SELECT {TRANSFER_COLUMNS} FROM transfers WHERE {where} AND {which} ORDER BY id"
        return [to_transfer(row) for row in self.rows(sql, {**values, **more})]


_NO_SIZE = f"size IS NULL AND kind <> '{Kind.FOLDER.value}'"


def _any_of(states: Iterable[TransferState]) -> str:
    return ", ".join(sorted(f"'{state.value}'" for state in states))


def chosen_where(chosen: Chosen) -> tuple[str, dict[str, Any]]:
    """A clause, and its values."""
    if chosen.everything:
        return "TRUE", {}
    if chosen.group is not None:
        return (
            "group_id = :group AND id > (SELECT newest FROM groups WHERE id = :group)",
            {"group": chosen.group},
        )
    return (
        "id IN (SELECT value FROM json_each(:ids) UNION SELECT id FROM transfers"
        " WHERE hidden = 0 AND root IN (SELECT value FROM json_each(:roots)))",
        {"ids": json.dumps(list(chosen.ids or ())), "roots": json.dumps(list(chosen.roots))},
    )
