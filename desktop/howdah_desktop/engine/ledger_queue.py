"""The order of the queue: `place`, lower first, then by id. It is changed by a few statements each time.

A row keeps its place in whatever state it is, so that one that is paused or waits comes back to where it
was. What is dropped comes in at 0, and what is watched far behind (1e6), so that:

- next up is before 0, as what is dropped later is to come after it;
- before another one is the gap before that, or, where there is none, a gap is made by moving what is
  before it towards the front: never backwards, for the same reason.
"""

from __future__ import annotations

import math
from typing import Any

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_orders import (
    MOST_TOLD,
    Chosen,
    LedgerOrders,
    Touched,
    chosen_where,
)
from howdah_desktop.engine.ledger_rows import VIEW_COLUMNS
from howdah_desktop.engine.showing import shown
from howdah_desktop.engine.transfers import ACTIVE, UNFINISHED
from howdah_desktop.engine.views import TransferView

SMALLEST_STEP = 1e-6
"""Between two places. Far above what a float of this size can tell apart."""

_UNFINISHED = ", ".join(sorted(f"'{state.value}'" for state in UNFINISHED))
_ACTIVE = frozenset(state.value for state in ACTIVE)


class LedgerQueue(LedgerOrders):
    """Rows that are not at an end, in their order."""

    def next_up(self, chosen: Chosen) -> Touched:
        """Before all others, in the order that they have among themselves."""
        with self.told(), self._db:
            moved = self._moved(chosen)
            first = min(0.0, *self._of_each_run("min(place)", "TRUE", {}))
            return self._place(chosen, moved, first - moved.count - 1, 1.0)

    def move_last(self, chosen: Chosen) -> Touched:
        """Behind all others that are there now."""
        with self.told(), self._db:
            last = max(0.0, *self._of_each_run("max(place)", "TRUE", {}))
            return self._place(chosen, self._moved(chosen), last, 1.0)

    def move_before(self, chosen: Chosen, other: int) -> Touched:
        """Just before `other`. Raises ProblemError("transfer_not_found"): it is at its end, or unknown."""
        with self.told(), self._db:
            found = self._db.execute(
                f"SELECT place FROM transfers WHERE id = ? AND state IN ({_UNFINISHED})", (other,)
            ).fetchone()
            if found is None:
                raise ProblemError("transfer_not_found", f"It is {other}.")
            place = float(found[0])
            moved = self._moved(chosen, other)
            if not moved.count:
                return moved
            which, values = self._others(chosen, other)
            values |= {"place": place, "other": other}
            before = (
                f"state IN ({_UNFINISHED}) AND (place, id) < (:place, :other)"
                f" AND id <> :other AND NOT ({which})"
            )
            # Of each the last, found from its end, as only what is moved itself is passed over.
            found_before = self._of_each_run(
                "place",
                f"place <= :place AND (place < :place OR id < :other) AND NOT ({which})"
                " ORDER BY place DESC, id DESC LIMIT 1",
                values,
            )
            step = min(1.0, (place - max(found_before, default=-math.inf)) / (moved.count + 1))
            if step < SMALLEST_STEP:
                step = 1.0
                values["by"] = moved.count + 1
                self._db.execute(f"UPDATE transfers SET place = place - :by WHERE {before}", values)
            return self._place(chosen, moved, place - step * (moved.count + 1), step, other)

    def place_of(self, id_: int) -> float:
        return float(self.rows("SELECT place FROM transfers WHERE id = ?", (id_,))[0][0])

    def up_next(self, limit: int) -> list[TransferView]:
        """The first `limit` unfinished rows: those at work, then by their order.

        Costs as much as `limit`: of each state and lane the index has the first ones at hand.
        """
        found: list[tuple[tuple[bool, float, int], TransferView]] = []
        for state in sorted(one.value for one in UNFINISHED):
            for large in (False, True):
                rows = self.rows(
                    f"SELECT place, {VIEW_COLUMNS} FROM transfers WHERE state = ? AND large = ?"
                    " AND hidden = 0 ORDER BY place, id LIMIT ?",
                    (state, large, limit),
                )
                found += [
                    ((state not in _ACTIVE, float(place), int(row[0])), shown(*row))
                    for place, *row in rows
                ]
        found.sort(key=lambda one: one[0])
        return [view for _, view in found[:limit]]

    def unfinished(self) -> int:
        """How many rows are not at an end, of those in the list."""
        sql = f"SELECT coalesce(sum(files), 0) FROM tallies WHERE hidden = 0 AND state IN ({_UNFINISHED})"
        return int(self.rows(sql)[0][0])

    # -- inside; within a transaction

    def _moved(self, chosen: Chosen, other: int | None = None) -> Touched:
        """What is to be moved: how many, and which."""
        which, values = self._others(chosen, other)
        where = f"state IN ({_UNFINISHED}) AND {which}"
        count = self._db.execute(f"SELECT count(*) FROM transfers WHERE {where}", values).fetchone()
        if count[0] > MOST_TOLD:
            return Touched(count[0], None)
        found = self._db.execute(
            f"SELECT id, coalesce(root, 0) FROM transfers WHERE {where}", values
        ).fetchall()
        return Touched(count[0], tuple(found))

    def _of_each_run(self, what: str, where: str, values: dict[str, Any]) -> list[float]:
        """A place of each state and lane: the index has each in order, and so at hand."""
        found: list[float] = []
        for state in sorted(one.value for one in UNFINISHED):
            for large in (False, True):
                sql = f"SELECT {what} FROM transfers WHERE state = :state AND large = :large AND {where}"
                run = {**values, "state": state, "large": large}
                found += [float(row[0]) for row in self._db.execute(sql, run) if row[0] is not None]
        return found

    def _place(
        self, chosen: Chosen, moved: Touched, base: float, step: float, other: int | None = None
    ) -> Touched:
        """One step after another from behind `base`, in the order that they have."""
        if moved.count:
            which, values = self._others(chosen, other)
            self._db.execute(
                "WITH moved AS (SELECT id AS moved_id, row_number() OVER (ORDER BY place, id) AS number"
                f" FROM transfers WHERE state IN ({_UNFINISHED}) AND {which})"
                " UPDATE transfers SET place = :base + :step * number FROM moved WHERE id = moved_id",
                values | {"base": base, "step": step},
            )
        return moved

    @staticmethod
    def _others(chosen: Chosen, other: int | None) -> tuple[str, dict[str, Any]]:
        """Nothing is moved before itself."""
        which, values = chosen_where(chosen)
        if other is None:
            return which, values
        return f"({which} AND id <> :itself)", values | {"itself": other}
