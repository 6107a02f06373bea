"""Moves in the tree there: what was told to move, until the answer is known; and what has."""

from __future__ import annotations

import time
from typing import Any

from howdah_desktop.engine.ledger_below import BELOW_NAMED
from howdah_desktop.engine.ledger_known import Known, LedgerKnown
from howdah_desktop.engine.ledger_rows import signed
from howdah_desktop.folders.directory import Entry, parted

UNCLEAR = """EXISTS (
    SELECT 1 FROM known k INDEXED BY known_moving
    WHERE k.folder = transfers.watched AND k.moving IS NOT NULL AND (
        transfers.remote IN (k.remote, k.moving_to)
        OR substr(transfers.remote, 1, length(k.remote) + 1) = k.remote || '/'
        OR substr(transfers.remote, 1, length(k.moving_to) + 1) = k.moving_to || '/'
    )
)"""
"""Of a row: such a move begins or ends at its place there, or above it. Nothing goes there until then.

By its own index, which nearly always is empty: left to itself, SQLite goes through all that is known of the
folder, for each row."""

_IN_DOUBT = """watched = :folder AND relative >= :path AND relative < :last
    AND (relative = :path OR relative > :first)
    AND (state IN ('sending', 'finishing') OR state = 'queued' AND code IS NULL)
    AND (upload_id IS NOT NULL OR inode IS NOT NULL)"""
_BEFORE_ALL = -1e12
"""As `place`."""


def _doubted(folder: int, path: bytes) -> dict[str, Any]:
    text = path.decode()
    # "0" is the character after "/".
    return {"folder": folder, "path": text, "first": f"{text}/", "last": f"{text}0"}


class LedgerMoves(LedgerKnown):
    """Reading is for any connection, writing for that of the engine."""

    def moving(self, folder: int) -> list[Known]:
        """What was told to move there, and nobody knows whether it has."""
        return self._known("+folder = ? AND moving IS NOT NULL", folder)  # +: by known_moving

    def is_in_doubt(self, folder: int, path: bytes) -> bool:
        """Whether something from there, or from below it, may have arrived though nobody knows it yet."""
        sql = f"SELECT EXISTS (SELECT 1 FROM transfers WHERE {_IN_DOUBT})"
        return bool(self.rows(sql, _doubted(folder, path))[0][0])

    def clear_soon(self, folder: int, path: bytes) -> None:
        """That is asked before all else that is queued."""
        with self.one_commit():
            self._db.execute(
                f"UPDATE transfers SET place = {_BEFORE_ALL} WHERE {_IN_DOUBT}",
                _doubted(folder, path),
            )

    def begin_move(self, watched: int, known: Known, to: bytes | None, remote: str | None) -> None:
        """To be written down before it is asked for; with the id of a folder, to know it by at its new place.
        None: it has not moved, as is known by now."""
        with self.one_commit():
            self._db.execute(
                "UPDATE known SET moving = ?, moving_to = ?, file_id = ?"
                " WHERE folder = ? AND dir = ? AND name = ?",
                (to, remote, known.file_id, watched, known.folder, known.name),
            )

    def moved_known(
        self,
        known: Known,
        watched: int,
        to: bytes,
        remote: str,
        seen: Entry | None,
        file_id: str | None,
    ) -> None:
        """A file, or a directory with all below it, has moved on both sides. `file_id`: of the file that
        stands there now; one that is moved over another goes on as that. `seen`: as it is here; None: as it
        was known, wherever it is now."""
        folder, name = parted(to)
        self.forget(watched, to)  # what stood there: its content is a version of the other now
        with self.one_commit():
            self._db.execute(
                "UPDATE known SET dir = ?, name = ?, remote = ?, dev = coalesce(?, dev),"
                " inode = coalesce(?, inode), file_id = ?, gone = NULL, moving = NULL, moving_to = NULL"
                " WHERE folder = ? AND dir = ? AND name = ?",
                (
                    folder,
                    name,
                    remote,
                    None if seen is None else signed(seen.device),
                    None if seen is None else signed(seen.inode),
                    file_id,
                    watched,
                    known.folder,
                    known.name,
                ),
            )
            if known.is_dir:
                self._move_below(watched, known, to, remote)
            self._db.execute(
                "INSERT INTO acts (folder, at, kind, is_dir, remote, moved_to)"
                " VALUES (?, ?, 'move', ?, ?, ?)",
                (watched, time.time(), known.is_dir, known.remote, remote),
            )

    # -- inside

    def _move_below(self, watched: int, known: Known, to: bytes, remote: str) -> None:
        self._db.execute(
            # substr counts from 1; of a BLOB it counts bytes, of TEXT characters.
            "UPDATE known SET dir = CAST(:to || substr(dir, :after) AS BLOB),"
            " remote = CASE WHEN substr(remote, 1, :length) = :old"
            " THEN :remote || substr(remote, :length + 1) ELSE remote END"
            f" WHERE folder = :folder AND {BELOW_NAMED}",
            {
                "to": to,
                "after": len(known.path) + 1,
                "length": len(known.remote),
                "old": known.remote,
                "remote": remote,
                "folder": watched,
                "path": known.path,
                "first": known.path + b"/",
                "last": known.path + b"0",
            },
        )
