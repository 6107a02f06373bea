"""A catalogue of very many files, made in the time of one: rows as a receiver writes them, without a file.

The whole-file digests are there, so that no job looks for contents. The same scale gives the same tree.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from howdah_common import remote_path
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue.database import FILE_NAME, set_up_connection
from howdah_receiver.settings import Settings

FIRST_NS = 1_600_000_000_000_000_000
SECOND_NS = 10**9
CHUNK_BYTES = 65_536
FLAT, WIDE, DEEP, NARROW = "flat", "wide", "deep", "narrow"
"""The folders in the root: one of very many files, one of very many folders, one of folders in folders,
and one of a single file in each of a hundred steps."""
_WORDS = (
    "report", "invoice", "holiday", "backup", "draft", "final", "notes", "scan", "garden", "music",
    "Straße", "Übersicht", "café", "naïve", "Ελλάδα", "Москва", "東京タワー", "旅行", "한국어", "🐘 parade",
    "a", "b2", "Überweisungsträger", "README", "index", "main", "photo", "letter", "contract", "plan",
)  # fmt: skip
_SUFFIXES = ("jpg", "jpg", "jpg", "JPG", "pdf", "txt", "docx", "py", "mp4", "tar.gz", "", "md")
RARE = "pomegranate"
"""In the names of five files and one folder."""


@dataclass
class Rows:
    """What is to be inserted, and what is known of it."""

    space: str
    account: str
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    folders: list[tuple[object, ...]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def new_id(self) -> str:
        return self.chance.randbytes(16).hex()

    def folder(self, path: str) -> None:
        parent, name = remote_path.parent(path), remote_path.name(path)
        self.ids[path] = self.new_id()
        self.folders.append(
            (self.ids[path], self.space, path, self.ids[parent], name, remote_path.folded(name))
        )


def make_many(data: Path, count: int) -> None:
    """A data folder whose owner's home space has `count` files (100 at least), in a tenth as many folders."""
    Receiver(Settings(data=data)).stop()
    with closing(sqlite3.connect(data / FILE_NAME)) as catalogue:
        set_up_connection(catalogue)
        # A folder that is not whole is made anew: nothing here has to survive a power cut.
        catalogue.execute("PRAGMA synchronous=OFF")
        catalogue.execute("PRAGMA cache_size=-400000")
        catalogue.execute("BEGIN")
        account, space, root = catalogue.execute(
            """SELECT spaces.account_id, spaces.id, folders.id FROM spaces
                JOIN folders ON folders.space_id = spaces.id"""
        ).fetchone()
        rows = Rows(space, account)
        rows.ids[""] = root
        later = _put_aside(catalogue)
        _fill(catalogue, rows, count)
        for statement in (*_tallies(), *later):
            catalogue.execute(statement)
        catalogue.execute("COMMIT")
        catalogue.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _put_aside(catalogue: sqlite3.Connection) -> list[str]:
    """Take indexes and triggers away; what makes them anew."""
    found = catalogue.execute(
        """SELECT type, name, sql FROM sqlite_master
            WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND name <> 'spaces_numbered'"""
    ).fetchall()
    for kind, name, _ in found:
        catalogue.execute(f"DROP {kind} {name}")
    return [str(sql) for _, _, sql in found]


def _tallies() -> Iterator[str]:
    """What the triggers would have kept."""
    yield "CREATE INDEX by_folder ON files (folder_id, size)"
    yield "CREATE INDEX by_parent ON folders (parent_id)"
    yield """UPDATE folders SET
        own_bytes = (SELECT coalesce(sum(size), 0) FROM files WHERE folder_id = folders.id),
        own_files = (SELECT count(*) FROM files WHERE folder_id = folders.id),
        own_folders = (SELECT count(*) FROM folders f WHERE f.parent_id = folders.id)"""
    yield """UPDATE spaces SET
        used_bytes = (SELECT coalesce(sum(own_bytes), 0) FROM folders),
        used_files = (SELECT coalesce(sum(own_files), 0) FROM folders)"""
    yield "UPDATE meta SET value = (SELECT count(*) FROM changes) WHERE name = 'changes'"
    for table in ("files", "folders"):
        yield f"""INSERT INTO {table[:-1]}_names (rowid, name)
            SELECT spaces.number << 40 | {table}.number, '//' || folded
            FROM {table} JOIN spaces ON spaces.id = space_id WHERE folded <> ''"""
    yield "DROP INDEX by_folder"
    yield "DROP INDEX by_parent"


def _fill(catalogue: sqlite3.Connection, rows: Rows, count: int) -> None:
    paths = list(_paths(rows, count))
    rows.chance.shuffle(paths)
    catalogue.executemany(
        """INSERT INTO folders (id, space_id, path, parent_id, name, folded, created_ns, own_bytes,
            own_files, own_folders) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0)""",
        rows.folders,
    )
    for first in range(0, len(paths), 10_000):
        _insert_files(catalogue, rows, paths[first : first + 10_000], first)


def _paths(rows: Rows, count: int) -> Iterator[str]:
    """A path for each file; the folders are put into `rows`."""
    folders = [*_folders(rows, max(count // 10, 10))]
    for number in range(count // 5):
        yield f"{FLAT}/{_name(rows.chance, number)}"
    for number in range(5):
        yield f"{folders[number]}/{RARE} {number}.txt"
    left = count - count // 5 - 5 - 100
    for number in range(left):
        yield f"{folders[number % len(folders)]}/{_name(rows.chance, number)}"
    for depth in range(100):
        yield f"{NARROW}{'/in' * depth}/file"


def _folders(rows: Rows, count: int) -> Iterator[str]:
    """Make them; the paths of those that files are spread over."""
    for top in (FLAT, WIDE, DEEP, NARROW, RARE):
        rows.folder(top)
    for depth in range(1, 100):
        rows.folder(f"{NARROW}{'/in' * depth}")
    for number in range(count // 5):
        rows.folder(f"{WIDE}/folder {number}")
        yield f"{WIDE}/folder {number}"
    inner = max(count * 4 // 5 // 200, 1)
    for outer in range(200):
        rows.folder(f"{DEEP}/{outer:03}")
        for number in range(inner):
            path = f"{DEEP}/{outer:03}/{_WORDS[number % len(_WORDS)]} {number}"
            rows.folder(path)
            yield path


def _name(chance: random.Random, number: int) -> str:
    """No two of the same number are needed: it is part of the name."""
    if number % 3 == 0:
        return f"IMG_{20100101 + number % 3000}_{number}.jpg"
    words = chance.choices(_WORDS, k=20 if number % 500 == 0 else chance.randint(1, 3))
    while len(stem := " ".join(words).encode()) > 230:
        words.pop()
    suffix = chance.choice(_SUFFIXES)
    return f"{stem.decode()}-{number}{'.' if suffix else ''}{suffix}"


def _insert_files(
    catalogue: sqlite3.Connection, rows: Rows, paths: Iterable[str], first: int
) -> None:
    """Each with its version, its upload, and the record of what happened."""
    new = [_File(rows, path, number) for number, path in enumerate(paths, first)]
    catalogue.executemany(
        """INSERT INTO files (id, space_id, path, folder_id, name, folded, version_id, size,
            modified_ns, added_ns, since_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (f.id, rows.space, f.path, f.folder, f.name, remote_path.folded(f.name), f.version,
             f.size, f.modified_ns, f.added_ns, f.added_ns)
            for f in new
        ],
    )  # fmt: skip
    catalogue.executemany(
        """INSERT INTO versions (id, file_id, space_id, place, size, modified_ns, added_ns, chunk_bytes,
            algorithm, manifest_digest, sha256, damaged, origin, account_id, device, inode,
            disk_modified_ns, flagged)
            VALUES (?, ?, ?, 'current', ?, ?, ?, ?, 'blake3', ?, ?, 0, 'upload', ?, 1, ?, ?, 0)""",
        [
            (f.version, f.id, rows.space, f.size, f.modified_ns, f.added_ns, CHUNK_BYTES, f.digest,
             f.digest, rows.account, f.number, f.modified_ns)
            for f in new
        ],
    )  # fmt: skip
    catalogue.executemany(
        "INSERT INTO manifests (version_id, digests) VALUES (?, ?)",
        [(f.version, f.digest) for f in new],
    )
    catalogue.executemany(
        """INSERT INTO changes (space_id, time_ns, kind, path, file_id, version_id, account_id)
            VALUES (?, ?, 'published', ?, ?, ?, ?)""",
        [(rows.space, f.added_ns, f.path, f.id, f.version, rows.account) for f in new],
    )
    catalogue.executemany(
        """INSERT INTO uploads (id, account_id, client_id, space_id, path, size, modified_ns, algorithm,
            chunk_bytes, state, start_body, completion_body, version_id, started_ns, suspect, active_ns,
            ended_ns, reserved_bytes)
            VALUES (?, ?, ?, ?, ?, ?, ?, 'blake3', ?, 'published', ?, ?, ?, ?, 0, ?, ?, 0)""",
        [
            (rows.new_id(), rows.account, rows.new_id(), rows.space, f.path, f.size, f.modified_ns,
             CHUNK_BYTES, f.digest * 6, f.digest * 3, f.version, f.added_ns, f.added_ns, f.added_ns)
            for f in new
        ],
    )  # fmt: skip


class _File:
    def __init__(self, rows: Rows, path: str, number: int) -> None:
        self.number, self.path, self.name = number, path, remote_path.name(path)
        self.folder = rows.ids[remote_path.parent(path)]
        self.id, self.version = rows.new_id(), rows.new_id()
        # One in eight is empty, and many have the same time: ties are the rule.
        self.size = rows.chance.choice((0, rows.chance.randrange(1, 10**9), 4096, 65_536))
        self.modified_ns = FIRST_NS + rows.chance.randrange(100_000) * SECOND_NS
        self.added_ns = FIRST_NS + number // 10 * SECOND_NS
        self.digest = rows.chance.randbytes(32)
