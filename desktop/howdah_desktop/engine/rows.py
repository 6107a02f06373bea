"""Changed rows on their way into the ledger: many in one commit."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection

from howdah_desktop.engine import outcomes
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_orders import Touched
from howdah_desktop.engine.news import News
from howdah_desktop.engine.transfers import Transfer, TransferState
from howdah_desktop.log_file import quoted

GATHER_SECONDS = 0.05
"""Thousands of small files change state some hundred times a second; a commit is a flush."""

_WORTH_A_LINE = frozenset({TransferState.FAILED, TransferState.WAITING, TransferState.SETTLING})
"""What arrived stands in the history."""
log = logging.getLogger(__name__)


def _note(row: Transfer) -> None:
    log.info(
        "transfer=%d kind=%s state=%s code=%s attempt=%d detail=%s path=%s remote=%s",
        row.id,
        row.kind.value,
        row.state.value,
        row.code,
        row.attempt,
        quoted(row.detail),
        quoted(os.fsdecode(row.local)),
        quoted(row.remote),
    )


class Rows:
    """Belongs to the control thread."""

    def __init__(self, ledger: Ledger, news: News) -> None:
        self._ledger = ledger
        self._news = news
        self._changed: dict[int, Transfer] = {}
        self._urgent = False
        self._saved_at = 0.0

    def __contains__(self, id_: int) -> bool:
        """Whether the ledger does not have a row's last change yet."""
        return id_ in self._changed

    @property
    def gathering(self) -> bool:
        return bool(self._changed)

    def get(self, id_: int) -> Transfer | None:
        return self._changed.get(id_) or self._ledger.get(id_)

    def write(self, row: Transfer, *, urgent: bool = False) -> None:
        """`urgent`: before anything else is begun."""
        self._changed[row.id] = row
        self._urgent = self._urgent or urgent

    def put(self, row: Transfer, **changes: object) -> Transfer:
        """`row` changed, by a step of the table. Raises IllegalStep."""
        row = outcomes.put(row, **changes)
        self.write(row)
        return row

    def save(self, *, at_once: bool = True) -> None:
        """One commit for all that changed; what nothing builds on yet may gather for a moment."""
        now = time.monotonic()
        if not at_once and not self._urgent and now - self._saved_at < GATHER_SECONDS:
            return
        self._urgent, self._saved_at = False, now
        if self._changed:
            self._ledger.save(list(self._changed.values()))
            self.told(self._changed.values())
            self._changed.clear()

    # -- what the ledger has already

    def told(self, rows: Collection[Transfer]) -> None:
        for row in rows:
            if row.state in _WORTH_A_LINE:
                _note(row)
        self._news.rows((row.id, row.root or 0) for row in rows)

    def touched(self, touched: Touched) -> int:
        """Rows that an order changed; gives how many."""
        if touched.rows is None:
            self._news.much()
        elif touched.rows:
            self._news.rows(touched.rows)
        return touched.count

    def hidden(self, touched: Touched) -> int:
        """Rows that an order took out of the list; gives how many."""
        if touched.rows is None:
            self._news.much()
        elif touched.rows:
            self._news.gone(touched.rows)
        return touched.count

    def show_again(self, row: Transfer) -> None:
        """It was taken back, and arrived nevertheless."""
        self._ledger.show_again(row.id)
        self._news.back(row.id, row.root or 0)
