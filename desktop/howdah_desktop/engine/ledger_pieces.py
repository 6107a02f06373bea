"""What the ledger remembers of the pieces of files that were sent: enough for those that change."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from howdah_desktop.engine.ledger_file import LedgerFile

MOST_BYTES = 64 * 1024 * 1024
"""Of all lists together: those of some 800 GB of large files. The one not used for longest goes first."""
UNUSED_SECONDS = 180 * 24 * 3600.0


class LedgerPieces(LedgerFile):
    def keep_pieces(self, file_id: str, version: str, pieces: bytes, now: float) -> None:
        """In place of what was known of the file, in one commit. `now`: seconds since 1970."""
        with self.told(), self._db:
            self._db.execute(
                "INSERT INTO pieces (file_id, version, list, bytes, used) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (file_id) DO UPDATE SET version = excluded.version,"
                " list = excluded.list, bytes = excluded.bytes, used = excluded.used",
                (file_id, version, pieces, len(pieces), now),
            )
            self._db.execute("DELETE FROM pieces WHERE used < ?", (now - UNUSED_SECONDS,))
            self._db.execute(
                "DELETE FROM pieces WHERE id IN (SELECT id FROM (SELECT id,"
                " sum(bytes) OVER (ORDER BY used DESC, id DESC) AS total FROM pieces)"
                " WHERE total > ?)",
                (MOST_BYTES,),
            )

    def pieces(self, file_id: str) -> tuple[str, bytes] | None:
        """The version that was last sent of a file, and its pieces."""
        for version, pieces in self.rows(
            "SELECT version, list FROM pieces WHERE file_id = ?", (file_id,)
        ):
            return str(version), bytes(pieces)
        return None


def remembered(home: Path, file_id: str) -> tuple[str, bytes] | None:
    """As `pieces`, for any thread: the ledger's own connection is the control thread's.

    Raises ProblemError: ledger_newer, ledger_damaged.
    """
    with closing(LedgerPieces(home, read_only=True)) as ledger:
        return ledger.pieces(file_id)
