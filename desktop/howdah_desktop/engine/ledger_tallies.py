"""How much is in which state, of the whole ledger or a group: read from the tallies."""

from __future__ import annotations

import json
from collections.abc import Iterable

from howdah_desktop.engine.ledger_file import LedgerFile

Tally = tuple[int, int, int]
"""Files, their bytes, and how many of those are done."""


class LedgerTallies(LedgerFile):
    """Costs as much as there are groups and folders, however many files they have."""

    def tallies(self, group: int | None = None, *, hidden: bool = True) -> dict[str, Tally]:
        """By state; `hidden`: with what was removed from the list."""
        sql = (
            "SELECT state, sum(files), sum(size), sum(done_bytes) FROM tallies"
            f" WHERE {'TRUE' if group is None else 'group_id = ?'}"
            f" AND {'TRUE' if hidden else 'hidden = 0'} GROUP BY state HAVING sum(files) > 0"
        )
        values = () if group is None else (group,)
        return {state: (files, size, done) for state, files, size, done in self.rows(sql, values)}

    def failed_since(self, since: float) -> int:
        """How many failed since `since`, in seconds since 1970, and stand so."""
        sql = "SELECT count(*) FROM transfers WHERE state = 'failed' AND finished >= ?"
        return int(self.rows(sql, (since,))[0][0])

    def done_bytes_of(self, ids: Iterable[int]) -> dict[int, int]:
        sql = "SELECT id, done_bytes FROM transfers WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self.rows(sql, (json.dumps(list(ids)),)))
