"""What went before to where a file goes now, so that its bytes need not go again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.transfers import Transfer

WORTHWHILE_BYTES = 4096
"""Of less, asking costs as much as sending it."""


class LedgerSent(LedgerFile):
    """Reading is for any connection."""

    def sent_before(self, rows: Iterable[Transfer]) -> dict[int, str]:
        """By id: the manifest digest of what last went to its place. Only for files that are worth it."""
        found = {}
        for row in rows:
            if row.size is not None and row.size >= WORTHWHILE_BYTES:
                values: tuple[Any, Any] = row.watched, row.relative
                where = "watched = ? AND relative = ?"
                if row.watched is None:
                    values, where = (row.local, row.remote), "local = ? AND remote = ?"
                last = self.rows(
                    f"SELECT digest FROM transfers WHERE {where} AND state = 'done' AND kind = 'upload'"
                    " AND id < ? AND digest IS NOT NULL ORDER BY id DESC LIMIT 1",
                    (*values, row.id),
                )
                if last:
                    found[row.id] = last[0][0]
        return found
