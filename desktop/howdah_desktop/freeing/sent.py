"""Where the ledger says that a local file went."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from howdah_desktop.engine.ledger_freed import LedgerFreed
from howdah_desktop.engine.ledger_rows import unsigned

PAGE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that arrived at the receiver, as the ledger knows it: nothing here is proof."""

    local: bytes
    remote: str
    """Its path there."""
    file_id: str | None
    at: float
    """When both sides agreed on it, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file of a watched folder, as it was here when it arrived."""

    sent: Sent
    inode: int
    size: int | None
    modified_ns: int | None

    def is_as_it_was(self, found: os.stat_result) -> bool:
        now = (found.st_ino, found.st_size, found.st_mtime_ns)
        return now == (self.inode, self.size, self.modified_ns)


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

    def arrived(self, folder: int, root: bytes, before: float) -> Iterator[Arrived]:
        """What of a watched folder arrived before that moment (seconds since 1970) and was not deleted here
        or freed since, by path. `root`: where the folder is."""
        last: tuple[bytes, bytes] = (b"", b"")
        while True:
            # In pages: between them the ledger can be tidied up, however long a page takes.
            rows = self.rows(
                "SELECT dir, name, inode, size, mtime_ns, remote, file_id, agreed FROM known"
                " WHERE folder = ? AND (dir, name) > (?, ?) AND NOT is_dir AND version IS NOT NULL"
                " AND gone IS NULL AND moving IS NULL AND agreed < ? ORDER BY dir, name LIMIT ?",
                (folder, *last, before, PAGE_ROWS),
            )
            for dir_, name, inode, size, modified_ns, remote, file_id, agreed in rows:
                last = (bytes(dir_), bytes(name))
                local = os.path.join(root, *last)  # noqa: PTH118  # bytes
                sent = Sent(local, remote, file_id, agreed)
                yield Arrived(sent, unsigned(inode), size, modified_ns)
            if len(rows) < PAGE_ROWS:
                return

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
