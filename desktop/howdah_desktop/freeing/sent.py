"""Where the ledger says that a local file went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from howdah_desktop.engine.ledger_freed import LedgerFreed


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that arrived at the receiver, as the ledger knows it: nothing here is proof."""

    local: bytes
    remote: str
    """Its path there."""
    file_id: str | None
    at: float
    """When both sides agreed on it, seconds since 1970."""


class SentFiles(LedgerFreed):
    """The ledger, only read. For one thread at a time; methods raise ProblemError."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, read_only=True)

    def find(self, local: bytes) -> Sent | None:
        """The latest of what is known of `local`; None: it was not sent from here."""
        found = [*self._watched(local), *self._uploads(local)]
        return max(found, key=lambda sent: sent.at, default=None)

    def sent_below(self, local: bytes) -> Iterator[Sent]:
        """What was sent of `local` itself, or of what was in it, by path."""
        below = local.rstrip(b"/") + b"/"
        after = below[:-1] + bytes([below[-1] + 1])
        with self.told():
            paths = self._db.execute(
                "SELECT DISTINCT local FROM transfers WHERE local = ?1 OR (local >= ?2 AND local < ?3)"
                " ORDER BY local",
                (local, below, after),
            )
            for (path,) in paths:
                found = self.find(bytes(path))
                if found is not None:
                    yield found

    def _uploads(self, local: bytes) -> list[Sent]:
        rows = self.rows(
            "SELECT coalesce(final_path, remote), file_id, coalesce(finished, created) FROM transfers"
            " WHERE local = ? AND kind = 'upload' AND state = 'done' ORDER BY id DESC LIMIT 1",
            (local,),
        )
        return [Sent(local, *row) for row in rows]

    def _watched(self, local: bytes) -> list[Sent]:
        found = []
        with self.told():
            known = self.known_at(local)
        for one in known:
            rows = self.rows(
                "SELECT remote, file_id, agreed FROM known WHERE folder = ? AND dir = ? AND name = ?"
                " AND NOT is_dir AND version IS NOT NULL",
                (one.folder, one.dir, one.name),
            )
            found += [Sent(local, *row) for row in rows]
        return found
