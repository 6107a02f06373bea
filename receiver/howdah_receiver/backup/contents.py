"""The contents that a catalogue names, and where each stands in a data folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from howdah_receiver.storage.disk import Identity

_QUERY = """
    SELECT v.id, v.place, v.device, v.inode, v.size, v.disk_modified_ns, s.folder, f.path, f.trash_id,
        t.path FROM versions v JOIN files f ON f.id = v.file_id JOIN spaces s ON s.id = f.space_id
        LEFT JOIN trash t ON t.id = f.trash_id WHERE v.place != 'lost'"""
_FOLDERS = """
    SELECT s.folder, f.path, f.trash_id, t.path FROM folders f JOIN spaces s ON s.id = f.space_id
        LEFT JOIN trash t ON t.id = f.trash_id"""


@dataclass(frozen=True, slots=True)
class Content:
    version_id: str
    place: str
    """Below the data folder: `files/owner/a/b`, `versions/ID` or `trash/ID/b`."""
    identity: Identity
    """As it was when the content was last known to match."""

    @property
    def kept_place(self) -> str:
        """Where it goes when it is replaced."""
        return f"versions/{self.version_id}"


@dataclass(frozen=True, slots=True)
class Journalled:
    journal_id: str
    offset: int


class Contents:
    """Those of one catalogue, which may be in use."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # Not in a catalogue from before the upgrade.
        query = "SELECT 1 FROM sqlite_master WHERE name = 'unsynced'"
        self._knows_journals = connection.execute(query).fetchone() is not None

    def __iter__(self) -> Iterator[Content]:
        """In the order in which they lie in the tree, so that folders are opened once."""
        for row in self._connection.execute(f"{_QUERY} ORDER BY f.space_id, f.path"):
            yield _content(row)

    def total(self) -> tuple[int, int]:
        """How many, and how many bytes."""
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM versions WHERE place != 'lost'"
        ).fetchone()
        return int(row[0]), int(row[1])

    def find(self, version_id: str) -> Content | None:
        row = self._connection.execute(f"{_QUERY} AND v.id = ?", [version_id]).fetchone()
        return None if row is None else _content(row)

    def folders(self) -> Iterator[str]:
        """The places of all folders, also of empty ones."""
        for space, path, trash_id, trash_path in self._connection.execute(_FOLDERS):
            yield _place(space, path, trash_id, trash_path)

    def journalled(self, version_id: str) -> Journalled | None:
        """Where the bytes of a small file are whose own file is not synced."""
        if not self._knows_journals:
            return None
        query = 'SELECT journal_id, "offset" FROM unsynced WHERE version_id = ?'
        row = self._connection.execute(query, [version_id]).fetchone()
        return None if row is None else Journalled(str(row[0]), int(row[1]))

    def forget_what_is_under_way(self) -> None:
        """In a copy: what was about to happen to the trees has not happened in it."""
        self._connection.execute("DELETE FROM intents")
        if self._knows_journals:
            self._connection.execute("DELETE FROM unsynced")
        self._connection.commit()

    def change_is_under_way(self) -> bool:
        return self._connection.execute("SELECT 1 FROM intents LIMIT 1").fetchone() is not None


def _content(row: tuple[object, ...]) -> Content:
    version_id, place, device, inode, size, modified_ns, space, path, trash_id, trash_path = row
    current = _place(str(space), str(path), trash_id, trash_path)
    return Content(
        str(version_id),
        current if place == "current" else f"versions/{version_id}",
        Identity(*(int(str(number)) for number in (device, inode, size, modified_ns))),
    )


def _place(space: str, path: str, trash_id: object, trash_path: object) -> str:
    """What was put into the trash lies there under the entry's id, with all that was below it."""
    if trash_id is None:
        return f"files/{space}/{path}".rstrip("/")
    return f"trash/{trash_id}/{path[len(str(trash_path)) :].lstrip('/')}".rstrip("/")
