"""What was freed here: an intent before the file is touched, history once it is gone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.views import Freeing


@dataclass(frozen=True, slots=True)
class Known:
    """A file of a watched folder, as the ledger finds it: folder's id, and dir and name below it."""

    folder: int
    dir: bytes
    name: bytes


class LedgerFreed(LedgerFile):
    """The engine writes it; who frees asks the engine to."""

    def begin_freeing(self, freeing: Freeing) -> int:
        """Writes down what is about to be done; gives the intent's number. Durable.

        In a watched folder the file counts as `freed` from now on: whoever sees it go must know already.
        """
        now = time.time()
        with self.told(), self._db:
            cursor = self._db.execute(
                "INSERT INTO freed (at, local, size, remote, file_id, version, sha256, how, aside)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    now,
                    freeing.local,
                    freeing.size,
                    freeing.remote,
                    freeing.file_id,
                    freeing.version,
                    freeing.sha256,
                    freeing.how,
                    freeing.aside,
                ),
            )
            self.freed(freeing.local, now)
        return int(cursor.lastrowid or 0)

    def end_freeing(self, id_: int, removed: bool) -> int:
        """It is gone, or it stays after all; gives whether there was such an intent (1 or 0)."""
        with self.told(), self._db:
            rows = self._db.execute(
                "SELECT local FROM freed WHERE id = ? AND removed IS NULL", (id_,)
            ).fetchall()
            for (local,) in rows:
                if removed:
                    self._db.execute(
                        "UPDATE freed SET removed = ?, aside = X'' WHERE id = ?",
                        (time.time(), id_),
                    )
                else:
                    self._db.execute("DELETE FROM freed WHERE id = ?", (id_,))
                    self.freed(bytes(local), None)
        return len(rows)

    def freed(self, local: bytes, at: float | None) -> None:
        """In a watched folder: the file at `local` is gone because it was freed, which is no deletion to
        be mirrored; None: it stands there after all. Belongs into the caller's transaction.

        A start after a kill may find `gone` set and the file in its place: what is there counts.
        """
        for known in self.known_at(local):
            self._db.execute(
                "UPDATE known SET gone = ? WHERE folder = ? AND dir = ? AND name = ?",
                (at, known.folder, known.dir, known.name),
            )

    def known_at(self, local: bytes) -> list[Known]:
        """What `local` may be called in the watched folders that it lies in; those no longer watched too."""
        found = []
        for id_, root in self._db.execute("SELECT id, local FROM watched").fetchall():
            below = bytes(root).rstrip(b"/") + b"/"
            if local.startswith(below) and local != below:
                dir_, name = os.path.split(local[len(below) :])
                found.append(Known(id_, dir_, name))
        return found

    def unfinished_freeings(self) -> list[tuple[int, bytes, bytes]]:
        """Number, path and aside folder of each intent that was not carried to its end."""
        rows = self.rows("SELECT id, local, aside FROM freed WHERE removed IS NULL ORDER BY id")
        return [(id_, bytes(local), bytes(aside)) for id_, local, aside in rows]
