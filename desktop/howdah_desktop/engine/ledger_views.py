"""Rows and folders as they are shown; folders from their tallies, without a look at their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from howdah_desktop.engine.ledger_rows import VIEW_COLUMNS
from howdah_desktop.engine.ledger_tallies import LedgerTallies, Tally
from howdah_desktop.engine.showing import explain_state, last_name, shown, shown_path
from howdah_desktop.engine.transfers import UNFINISHED, Hold
from howdah_desktop.engine.views import RootView, TransferView

WITHOUT_ARRIVING = frozenset({"failed", "skipped", "cancelled"})
"""States of what ended, and is not there."""
_UNFINISHED = frozenset(state.value for state in UNFINISHED)


class LedgerViews(LedgerTallies):
    """Both the engine and a window read them."""

    def listed(self, ids: Sequence[int]) -> list[TransferView]:
        """Rows of these ids, those that are in the list."""
        if not ids:
            return []
        sql = (
            f"SELECT {VIEW_COLUMNS} FROM transfers WHERE hidden = 0"
            " AND id IN (SELECT value FROM json_each(?))"
        )
        return [shown(*row) for row in self.rows(sql, (json.dumps(ids),))]

    def root_views(self, ids: Sequence[int] | None = None) -> list[RootView]:
        """Of those that are in the list: they have rows in it, or will have."""
        wanted = "TRUE" if ids is None else "r.id IN (SELECT value FROM json_each(:ids))"
        values = {"ids": json.dumps(list(ids or ()))}
        tallies = self._root_tallies(wanted, values)
        rows = self.rows(
            "SELECT r.id, r.group_id, g.kind, r.local, r.remote, r.listed IS NULL, g.created, g.held"
            f" FROM roots r JOIN groups g ON g.id = r.group_id WHERE {wanted} ORDER BY r.id",
            values,
        )
        return [
            self._root_view(row, tallies.get(row[0], {}))
            for row in rows
            if row[5] or row[0] in tallies
        ]

    def _root_tallies(self, wanted: str, values: dict[str, Any]) -> dict[int, dict[str, Tally]]:
        found: dict[int, dict[str, Tally]] = {}
        for root, state, files, size, done in self.rows(
            "SELECT t.root, t.state, t.files, t.size, t.done_bytes FROM roots r"
            " JOIN tallies t ON t.group_id = r.group_id AND t.root = r.id"
            f" WHERE {wanted} AND t.hidden = 0 AND t.files > 0",
            values,
        ):
            found.setdefault(root, {})[state] = (files, size, done)
        return found

    def _root_view(self, row: tuple[Any, ...], tallies: Mapping[str, Tally]) -> RootView:
        id_, group, kind, local, remote, listing, created, held = row
        source, target = shown_path(local), remote
        if kind == "download":
            source, target = remote, f"{source.rstrip('/')}/{last_name(remote)}".rstrip("/")
        arriving = [tally for state, tally in tallies.items() if state not in WITHOUT_ARRIVING]
        code, sentence, remedy, next_try = self._trouble(id_, tallies)
        return RootView(
            id=id_,
            group=group,
            kind=kind,
            name=last_name(source) or source,
            source=source,
            target=target,
            listing=bool(listing),
            files={state: files for state, (files, _, _) in tallies.items()},
            size=sum(size for _, size, _ in arriving),
            done_bytes=sum(done for _, _, done in arriving),
            left_bytes=left_bytes(tallies),
            code=code,
            sentence=sentence,
            remedy=remedy,
            next_try=next_try,
            added=created,
            asks=held == Hold.ASKS,
        )

    def _trouble(
        self, root: int, tallies: Mapping[str, Tally]
    ) -> tuple[str | None, str, str, float | None]:
        """Of a row that failed, or else waits: its code, why, what to do, when it is tried again."""
        state = next((state for state in ("failed", "waiting") if state in tallies), None)
        if state is not None:
            for code, detail, next_try in self.rows(
                "SELECT code, detail, next_try FROM transfers WHERE root = ? AND state = ?"
                " AND state IN ('failed', 'waiting') AND hidden = 0 ORDER BY id LIMIT 1",
                (root, state),
            ):
                return code, *explain_state(state, code, detail), next_try
        return None, "", "", None


def left_bytes(tallies: Mapping[str, Tally]) -> int:
    """What of the unfinished is still to go."""
    return sum(size - done for state, (_, size, done) in tallies.items() if state in _UNFINISHED)


def left_files(tallies: Mapping[str, Tally]) -> int:
    return sum(files for state, (files, _, _) in tallies.items() if state in _UNFINISHED)
