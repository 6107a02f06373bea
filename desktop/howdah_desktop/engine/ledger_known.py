"""What both sides had of each file of the watched folders when they last agreed, in the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from howdah_common import remote_path
from howdah_common.messages import FileInfo
from howdah_desktop.engine.ledger_below import BELOW, below
from howdah_desktop.engine.ledger_left_out import LedgerLeftOut
from howdah_desktop.engine.ledger_rows import signed, unsigned
from howdah_desktop.engine.ledger_watched import LedgerWatched
from howdah_desktop.engine.transfers import Kind, Transfer, TransferState
from howdah_desktop.folders.compare import SeenRow
from howdah_desktop.folders.directory import Entry, joined, parted

S = TransferState

MADE = "made"
"""In place of the version of a folder: it was made there, though it is empty."""
STAYS = "stays:"
"""Begins the kind of an act that came to nothing: the code of the reason follows."""


@dataclass(frozen=True, slots=True)
class Known:
    """What both sides had at `folder`/`name` when they last agreed; of a folder no more than its inode."""

    folder: bytes
    name: bytes
    is_dir: bool
    inode: int
    size: int | None
    mtime_ns: int | None
    remote: str
    file_id: str | None
    version: str | None
    digest: str | None
    agreed: float
    gone: float | None
    clash: str | None
    moving: bytes | None = None
    moving_to: str | None = None

    @property
    def path(self) -> bytes:
        return joined(self.folder, self.name)


_KNOWN = (
    "dir, name, is_dir, inode, size, mtime_ns, remote, file_id, version, digest, agreed, gone, clash, moving,"
    " moving_to"
)


class LedgerKnown(LedgerWatched, LedgerLeftOut):
    """Reading is for any connection, writing for that of the engine."""

    # -- what is known

    def known(self, folder: int, path: bytes) -> Known | None:
        where, name = parted(path)
        found = self._known("folder = ? AND dir = ? AND name = ?", folder, where, name)
        return found[0] if found else None

    def known_in(self, folder: int, where: bytes) -> dict[bytes, SeenRow]:
        """What is known of the entries of one directory."""
        with self.told():
            return {
                row[0]: row
                for row in self._db.execute(
                    "SELECT name, is_dir, inode, size, mtime_ns, gone FROM known"
                    " WHERE folder = ? AND dir = ?",
                    (folder, where),
                )
            }

    def known_by_inode(self, folder: int, inode: int) -> list[Known]:
        return self._known("inode = ? AND folder = ?", signed(inode), folder)

    def known_below(self, folder: int, path: bytes) -> list[Known]:
        """Everything in the directory `path` and below it, without itself."""
        return self._known(f"folder = ? AND {BELOW}", folder, *below(path))

    def known_folders(self, folder: int) -> list[bytes]:
        """Directories in which files are known."""
        sql = "SELECT DISTINCT dir FROM known WHERE folder = ? AND is_dir = 0 ORDER BY dir"
        return [bytes(row[0]) for row in self.rows(sql, (folder,))]

    def known_entries(self, folder: int, where: bytes) -> list[Known]:
        return self._known("folder = ? AND dir = ?", folder, where)

    def doubt(self, folder: int, known: Known, there: str | None) -> None:
        """It is not there any more as it was agreed on: it is sent again, over what is there if that is an
        earlier version from here (`there`), and as a new file where nothing is."""
        if there is None:
            self.forget(folder, known.path)
            return
        with self.one_commit():
            self._db.execute(
                "UPDATE known SET size = -1, version = CASE WHEN EXISTS (SELECT 1 FROM transfers"
                " WHERE watched = :folder AND relative = :path AND version = :there)"
                " THEN :there ELSE version END"
                " WHERE folder = :folder AND dir = :dir AND name = :name",
                {
                    "folder": folder,
                    "path": known.path.decode("utf-8", "replace"),
                    "there": there,
                    "dir": known.folder,
                    "name": known.name,
                },
            )

    def known_files(self, folder: int, path: bytes | None = None) -> int:
        """How many files are known and here; `path`: in that directory and below it alone."""
        where, values = ("TRUE", ()) if path is None else (BELOW, below(path))
        sql = (
            "SELECT count(*) FROM known WHERE folder = ? AND is_dir = 0 AND gone IS NULL AND "
            f"{where}"
        )
        return int(self.rows(sql, (folder, *values))[0][0])

    def agree(self, rows: Sequence[Transfer]) -> None:
        """In the caller's commit: what has arrived is what both sides have."""
        self._db.executemany(
            "INSERT OR REPLACE INTO known (folder, dir, name, is_dir, dev, inode, size, mtime_ns, remote,"
            " file_id, version, digest, agreed, gone, clash)"
            " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            [
                (
                    row.watched,
                    *parted(row.relative.encode()),
                    signed(row.identity.device),
                    signed(row.identity.inode),
                    row.identity.size,
                    row.identity.modified_ns,
                    row.final_path or row.remote,
                    row.file_id,
                    row.version,
                    row.digest,
                    row.finished or time.time(),
                    row.remote if row.detail == "clash" else None,
                )
                for row in rows
                if row.watched is not None
                and row.state is S.DONE
                and row.identity is not None
                and row.version is not None
            ],
        )
        self._agree_folders(rows)
        self._know_above(rows)

    def agree_before(self, row: Transfer, file: FileInfo) -> None:
        """What had arrived of a watched file, as it was then; it is another now."""
        arrived = replace(
            row,
            state=S.DONE,
            file_id=file.id,
            version=file.version,
            digest=file.manifest_digest,
            final_path=file.path,
        )
        with self.one_commit():
            self.agree([arrived])

    def _know_above(self, rows: Iterable[Transfer]) -> None:
        """In the caller's commit: the folders above what has arrived are known, also where they were deleted
        meanwhile. What is known of no folder, or as deleted already, would never be missed."""
        above = {
            (row.watched, parted(row.relative.encode())[0]): remote_path.parent(row.remote)
            for row in rows
            if row.watched is not None
            and row.state is S.DONE
            and (row.version is not None or row.kind is Kind.FOLDER)
        }
        for (watched, path), remote in above.items():
            while path:
                where, name = parted(path)
                done = self._db.execute(
                    "INSERT INTO known (folder, dir, name, is_dir, dev, inode, remote, agreed)"
                    " VALUES (?, ?, ?, 1, 0, 0, ?, ?)"
                    " ON CONFLICT DO UPDATE SET gone = NULL WHERE gone IS NOT NULL",
                    (watched, where, name, remote, time.time()),
                )
                if done.rowcount == 0:
                    break
                path, remote = where, remote_path.parent(remote)

    def _agree_folders(self, rows: Iterable[Transfer]) -> None:
        """In the caller's commit: empty folders that were made there, also if they are gone from here."""
        self._db.executemany(
            "INSERT INTO known (folder, dir, name, is_dir, dev, inode, remote, version, agreed)"
            " VALUES (?, ?, ?, 1, 0, 0, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET version = excluded.version WHERE is_dir = 1",
            [
                (row.watched, *parted(row.relative.encode()), row.remote, MADE, time.time())
                for row in rows
                if row.watched is not None and row.kind is Kind.FOLDER and row.state is S.DONE
            ],
        )

    def know_folders(self, folder: int, where: bytes, entries: Iterable[tuple[Entry, str]]) -> None:
        """Directories, to know them again; with where each is at the receiver."""
        now = time.time()
        with self.one_commit():
            self._db.executemany(
                "INSERT INTO known (folder, dir, name, is_dir, dev, inode, remote, agreed)"
                " VALUES (?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET is_dir = 1, dev = excluded.dev,"
                " inode = excluded.inode, size = NULL, mtime_ns = NULL, file_id = NULL, version = NULL,"
                " digest = NULL, remote = excluded.remote, gone = NULL"
                " WHERE moving IS NULL",  # else it is needed until that is clear, and looked at again then
                [
                    (folder, where, e.name, signed(e.device), signed(e.inode), remote, now)
                    for e, remote in entries
                ],
            )

    def mark_gone(self, folder: int, path: bytes, gone: float | None) -> None:
        """Deleted here and kept there, or back again; of a directory with all below it."""
        where, name = parted(path)
        with self.one_commit():
            self._db.execute(
                "UPDATE known SET gone = ? WHERE folder = ? AND dir = ? AND name = ?",
                (gone, folder, where, name),
            )
            if gone is not None:
                self._db.execute(
                    f"UPDATE known SET gone = coalesce(gone, ?) WHERE folder = ? AND {BELOW}",
                    (gone, folder, *below(path)),
                )

    def forget(self, folder: int, path: bytes) -> None:
        """Nothing is known of it any more; of a directory with all below it."""
        where, name = parted(path)
        with self.one_commit():
            self._db.execute(
                "DELETE FROM known WHERE folder = ? AND dir = ? AND name = ?", (folder, where, name)
            )
            self._db.execute(
                f"DELETE FROM known WHERE folder = ? AND {BELOW}", (folder, *below(path))
            )

    def trashed(self, known: Known, watched: int, files: int) -> None:
        """It went to the trash there, as it was deleted here."""
        self.forget(watched, known.path)
        with self.one_commit():
            self._db.execute(
                "INSERT INTO acts (folder, at, kind, is_dir, remote, files) VALUES (?, ?, 'trash', ?, ?, ?)",
                (watched, time.time(), known.is_dir, known.remote, files),
            )

    def note_staying(self, watched: int, files: Sequence[tuple[str, str]]) -> None:
        """Files that the folder's rule did not free: where each is there, and the code of the reason."""
        now = time.time()
        with self.one_commit():
            self._db.executemany(
                "INSERT INTO acts (folder, at, kind, is_dir, remote) VALUES (?, ?, ?, 0, ?)",
                [(watched, now, f"{STAYS}{code}", remote) for remote, code in files],
            )

    # -- inside

    def _known(self, where: str, *values: Any) -> list[Known]:
        return [
            Known(bytes(folder), bytes(name), bool(is_dir), unsigned(inode), *more)
            for folder, name, is_dir, inode, *more in self.rows(
                f"SELECT {_KNOWN} FROM known WHERE {where}", values
            )
        ]
