"""What was sent ahead of files that still grow, in the ledger: until their rows are at an end."""

from __future__ import annotations

from dataclasses import dataclass

from howdah_desktop.engine.ledger_file import LedgerFile


@dataclass(frozen=True, slots=True)
class Ahead:
    """An upload of unknown size, for a file that still grows. It is never completed: once the file has
    settled, the receiver fills the file's own upload with it, and it is cancelled."""

    transfer: int
    client_id: str
    remote: str
    """Where the file was to go when it was begun."""
    began_ns: int
    chunk_bytes: int
    first: int
    """Number of the chunk that it begins with: what comes before was sent with an earlier version."""
    upload_id: str | None = None


class LedgerAhead(LedgerFile):
    """Reading is for any connection, writing for that of the engine."""

    def ahead(self) -> list[Ahead]:
        return [
            Ahead(*row)
            for row in self.rows(
                "SELECT transfer, client_id, remote, began_ns, chunk_bytes, first, upload_id FROM ahead"
            )
        ]

    def begin_ahead(self, ahead: Ahead) -> None:
        """To be written down before its upload is begun."""
        with self.one_commit():
            self._db.execute(
                "INSERT INTO ahead (transfer, client_id, remote, began_ns, chunk_bytes, first)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    ahead.transfer,
                    ahead.client_id,
                    ahead.remote,
                    ahead.began_ns,
                    ahead.chunk_bytes,
                    ahead.first,
                ),
            )

    def ahead_began(self, transfer: int, upload_id: str) -> None:
        with self.one_commit():
            self._db.execute(
                "UPDATE ahead SET upload_id = ? WHERE transfer = ?", (upload_id, transfer)
            )

    def end_ahead(self, transfer: int) -> None:
        """It is cancelled there."""
        with self.one_commit():
            self._db.execute("DELETE FROM ahead WHERE transfer = ?", (transfer,))
