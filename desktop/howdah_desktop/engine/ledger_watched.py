"""Watched folders in the ledger, and the receiver as it was last heard of."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.ledger_rows import signed, unsigned
from howdah_desktop.folders.watched import FolderSettings, FolderState, Watched

_WATCHED = (
    "id, local, target, mirror, settings, group_id, root, marker, dev, state, detail, until, compared,"
    " rules, added"
)


class LedgerWatched(LedgerFile):
    """Reading is for any connection, writing for that of the engine."""

    def watched(self) -> list[Watched]:
        return self._watched("removed IS NULL ORDER BY id")

    def watched_folder(self, id_: int) -> Watched | None:
        found = self._watched("id = ? AND removed IS NULL", id_)
        return found[0] if found else None

    def add_watched(
        self, local: bytes, target: str, mirror: bool, settings: FolderSettings, group: int
    ) -> Watched:
        """One that was watched before comes back with all that is known of it, if it has the same target."""
        now, json = time.time(), msgspec.json.encode(settings).decode()
        with self.one_commit():
            for id_, before in self._db.execute(
                "SELECT id, target FROM watched WHERE local = ?", (local,)
            ).fetchall():
                if before != target:
                    self._db.execute("DELETE FROM known WHERE folder = ?", (id_,))
                self._db.execute(
                    "UPDATE watched SET target = ?, mirror = ?, settings = ?, state = 'active', detail = '',"
                    " until = NULL, compared = NULL, rules = '', removed = NULL, marker = '', dev = NULL"
                    " WHERE id = ?",
                    (target, mirror, json, id_),
                )
                break
            else:
                root = self._db.execute(
                    "INSERT INTO roots (group_id, local, remote, listed) VALUES (?, ?, ?, ?)",
                    (group, local, target, now),
                ).lastrowid
                id_ = self._db.execute(
                    "INSERT INTO watched (local, target, mirror, settings, group_id, root, state, added)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'active', ?)",
                    (local, target, mirror, json, group, root, now),
                ).lastrowid
        found = self.watched_folder(id_)
        assert found is not None
        return found

    def mark_watched(self, id_: int, marker: str, device: int | None) -> None:
        """By what the folder is known again (see folders/standing)."""
        self._set_columns(id_, marker=marker, dev=_signed(device))

    def compared(self, id_: int, at: float, rules: str, device: int | None) -> None:
        """All of it, `at` seconds since 1970, by rules with this fingerprint."""
        self._set_columns(id_, compared=at, rules=rules, dev=_signed(device))

    def remove_watched(self, id_: int, at: float) -> None:
        """It is not watched any more; what is known of it stays."""
        self._set_columns(id_, removed=at)

    def _set_columns(self, id_: int, **changes: Any) -> None:
        """Columns by their names."""
        names = ", ".join(f"{name} = :{name}" for name in changes)
        with self.one_commit():
            self._db.execute(f"UPDATE watched SET {names} WHERE id = :id", {**changes, "id": id_})

    def change_folder_settings(self, id_: int, settings: FolderSettings) -> None:
        self._set_columns(id_, settings=msgspec.json.encode(settings).decode())

    def set_folder_state(
        self, id_: int, state: FolderState, detail: str = "", until: float | None = None
    ) -> None:
        self._set_columns(id_, state=state.value, detail=detail, until=until)

    def states_of_root(self, root: int) -> dict[str, int]:
        """How many transfers of a folder are in which state, without those of old."""
        sql = (
            "SELECT state, sum(files) FROM tallies WHERE root = ? AND hidden = 0 AND files > 0"
            " GROUP BY state"
        )
        return dict(self.rows(sql, (root,)))

    def heard_of(self) -> tuple[str, int] | None:
        """Catalogue and count of changes of the receiver, as last written down."""
        rows = self.rows("SELECT catalogue, change FROM there")
        return (rows[0][0], rows[0][1]) if rows else None

    def hear_of(self, catalogue: str, change: int) -> None:
        with self.one_commit():
            self._db.execute("DELETE FROM there")
            self._db.execute("INSERT INTO there VALUES (?, ?)", (catalogue, change))

    # -- inside

    def _watched(self, where: str, *values: Any) -> list[Watched]:
        return [
            Watched(
                id_,
                bytes(local),
                target,
                bool(mirror),
                msgspec.json.decode(settings, type=FolderSettings),
                group,
                root,
                marker,
                None if dev is None else unsigned(dev),
                FolderState(state),
                *more,
            )
            for id_, local, target, mirror, settings, group, root, marker, dev, state, *more in self.rows(
                f"SELECT {_WATCHED} FROM watched WHERE {where}", values
            )
        ]


def _signed(number: int | None) -> int | None:
    return None if number is None else signed(number)
