"""Watched folders in the ledger, and what both sides had of each of their files when they last agreed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from howdah_common import remote_path
from howdah_desktop.engine.ledger_file import LedgerFile
from howdah_desktop.engine.ledger_rows import signed, unsigned
from howdah_desktop.engine.transfers import Kind, Transfer, TransferState
from howdah_desktop.folders.compare import SeenRow
from howdah_desktop.folders.directory import Entry, What, joined, parted
from howdah_desktop.folders.ignore import Rule
from howdah_desktop.folders.watched import FolderSettings, FolderState, Watched

S = TransferState

MADE = "made"
"""In place of the version of a folder: it was made there, though it is empty."""


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

    @property
    def path(self) -> bytes:
        return joined(self.folder, self.name)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is not carried, and by which rule."""

    folder: bytes
    name: bytes
    is_dir: bool
    rule: Rule
    seen: float

    @property
    def path(self) -> bytes:
        return joined(self.folder, self.name)


_WATCHED = (
    "id, local, target, mirror, settings, group_id, root, marker, dev, state, detail, until, compared,"
    " rules, added"
)
_KNOWN = "dir, name, is_dir, inode, size, mtime_ns, remote, file_id, version, digest, agreed, gone, clash"


class LedgerKnown(LedgerFile):
    """Reading is for any connection, writing for that of the engine."""

    # -- the folders

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

    def change_watched(self, id_: int, **changes: Any) -> None:
        """Columns by their names."""
        names = ", ".join(f"{name} = :{name}" for name in changes)
        with self.one_commit():
            self._db.execute(f"UPDATE watched SET {names} WHERE id = :id", {**changes, "id": id_})

    def set_folder_state(
        self, id_: int, state: FolderState, detail: str = "", until: float | None = None
    ) -> None:
        self.change_watched(id_, state=state.value, detail=detail, until=until)

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
        return self._known(f"folder = ? AND {_BELOW}", folder, *_below(path))

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

    def heard_of(self) -> tuple[str, int] | None:
        """Catalogue and count of changes of the receiver, as last written down."""
        rows = self.rows("SELECT catalogue, change FROM there")
        return (rows[0][0], rows[0][1]) if rows else None

    def hear_of(self, catalogue: str, change: int) -> None:
        with self.one_commit():
            self._db.execute("DELETE FROM there")
            self._db.execute("INSERT INTO there VALUES (?, ?)", (catalogue, change))

    def a_file_below(self, folder: int, path: bytes) -> Known | None:
        """Any one."""
        where = f"folder = ? AND {_BELOW} AND is_dir = 0 AND file_id IS NOT NULL LIMIT 1"
        found = self._known(where, folder, *_below(path))
        return found[0] if found else None

    def known_files(self, folder: int, path: bytes | None = None) -> int:
        """How many files are known and here; `path`: in that directory and below it alone."""
        where, values = ("TRUE", ()) if path is None else (_BELOW, _below(path))
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

    def _know_above(self, rows: Iterable[Transfer]) -> None:
        """In the caller's commit: the folders above what has arrived are known, also where they were deleted
        meanwhile. What is known of no folder would never be missed."""
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
                    " VALUES (?, ?, ?, 1, 0, 0, ?, ?) ON CONFLICT DO NOTHING",
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
                " digest = NULL, remote = excluded.remote, gone = NULL",
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
                    f"UPDATE known SET gone = coalesce(gone, ?) WHERE folder = ? AND {_BELOW}",
                    (gone, folder, *_below(path)),
                )

    def forget(self, folder: int, path: bytes) -> None:
        """Nothing is known of it any more; of a directory with all below it."""
        where, name = parted(path)
        with self.one_commit():
            self._db.execute(
                "DELETE FROM known WHERE folder = ? AND dir = ? AND name = ?", (folder, where, name)
            )
            self._db.execute(
                f"DELETE FROM known WHERE folder = ? AND {_BELOW}", (folder, *_below(path))
            )

    def moved_known(
        self,
        known: Known,
        watched: int,
        to: bytes,
        remote: str,
        seen: Entry,
        file_id: str | None,
    ) -> None:
        """A file, or a directory with all below it, has moved on both sides. `file_id`: of the file that
        stands there now; one that is moved over another goes on as that."""
        folder, name = parted(to)
        self.forget(watched, to)  # what stood there: its content is a version of the other now
        with self.one_commit():
            self._db.execute(
                "UPDATE known SET dir = ?, name = ?, remote = ?, dev = ?, inode = ?, file_id = ?, gone = NULL"
                " WHERE folder = ? AND dir = ? AND name = ?",
                (
                    folder,
                    name,
                    remote,
                    signed(seen.device),
                    signed(seen.inode),
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

    def trashed(self, known: Known, watched: int, files: int) -> None:
        """It went to the trash there, as it was deleted here."""
        self.forget(watched, known.path)
        with self.one_commit():
            self._db.execute(
                "INSERT INTO acts (folder, at, kind, is_dir, remote, files) VALUES (?, ?, 'trash', ?, ?, ?)",
                (watched, time.time(), known.is_dir, known.remote, files),
            )

    def states_of_root(self, root: int) -> dict[str, int]:
        """How many transfers of a folder are in which state, without those of old."""
        sql = (
            "SELECT state, sum(files) FROM tallies WHERE root = ? AND hidden = 0 AND files > 0"
            " GROUP BY state"
        )
        return dict(self.rows(sql, (root,)))

    # -- what is left out

    def left_out_folders(self, folder: int) -> set[bytes]:
        """Directories of which something is left out."""
        sql = "SELECT DISTINCT dir FROM left_out WHERE folder = ?"
        return {bytes(row[0]) for row in self.rows(sql, (folder,))}

    def left_out_in(self, folder: int, where: bytes) -> dict[bytes, Rule]:
        return {
            one.name: one.rule for one in self._left_out("folder = ? AND dir = ?", folder, where)
        }

    def left_out(self, folder: int, limit: int = -1) -> list[LeftOut]:
        return self._left_out("folder = ? ORDER BY rule, dir, name LIMIT ?", folder, limit)

    def left_out_counts(self, folder: int) -> dict[str, int]:
        """How many, by the kind of rule."""
        sql = "SELECT rule, count(*) FROM left_out WHERE folder = ? GROUP BY rule"
        return dict(self.rows(sql, (folder,)))

    def why_left_out(self, folder: int, path: bytes) -> LeftOut | None:
        """The rule for `path` itself or for a directory above it."""
        while path:
            where, name = parted(path)
            found = self._left_out("folder = ? AND dir = ? AND name = ?", folder, where, name)
            if found:
                return found[0]
            path = where
        return None

    def leave_out(self, folder: int, where: bytes, left: Iterable[tuple[Entry, Rule]]) -> None:
        """What is left out of one directory now; and nothing below what was not entered."""
        now = time.time()
        with self.one_commit():
            self._db.execute("DELETE FROM left_out WHERE folder = ? AND dir = ?", (folder, where))
            self._db.executemany(
                "INSERT INTO left_out (folder, dir, name, is_dir, rule, source, line, pattern, seen)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        folder,
                        where,
                        e.name,
                        e.what is What.FOLDER,
                        rule.pattern if rule.source in ("kind", "name") else "ignored",
                        rule.source,
                        rule.line,
                        rule.pattern,
                        now,
                    )
                    for e, rule in left
                ],
            )

    def forget_left_out(self, folder: int, path: bytes) -> None:
        """Of a directory that is gone, with all below it."""
        with self.one_commit():
            self._db.execute(
                f"DELETE FROM left_out WHERE folder = ? AND {_BELOW}", (folder, *_below(path))
            )

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

    def _known(self, where: str, *values: Any) -> list[Known]:
        return [
            Known(bytes(folder), bytes(name), bool(is_dir), unsigned(inode), *more)
            for folder, name, is_dir, inode, *more in self.rows(
                f"SELECT {_KNOWN} FROM known WHERE {where}", values
            )
        ]

    def _left_out(self, where: str, *values: Any) -> list[LeftOut]:
        return [
            LeftOut(bytes(folder), bytes(name), bool(is_dir), Rule(source, line, pattern), seen)
            for folder, name, is_dir, source, line, pattern, seen in self.rows(
                f"SELECT dir, name, is_dir, source, line, pattern, seen FROM left_out WHERE {where}",
                values,
            )
        ]

    def _move_below(self, watched: int, known: Known, to: bytes, remote: str) -> None:
        self._db.execute(
            # substr counts from 1; of a BLOB it counts bytes, of TEXT characters.
            "UPDATE known SET dir = CAST(:to || substr(dir, :after) AS BLOB),"
            " remote = CASE WHEN substr(remote, 1, :length) = :old"
            " THEN :remote || substr(remote, :length + 1) ELSE remote END"
            f" WHERE folder = :folder AND {_BELOW_NAMED}",
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


# "0" is the character after "/": so the index on (folder, dir) is used.
_BELOW = "(dir = ? OR (dir >= ? AND dir < ?))"
_BELOW_NAMED = "(dir = :path OR (dir >= :first AND dir < :last))"


def _below(path: bytes) -> Sequence[bytes]:
    return (path, path + b"/", path + b"0")
