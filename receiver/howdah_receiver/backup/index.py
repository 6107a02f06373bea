"""What a backup remembers of itself, beside what it holds: which content stands where, and if it is whole.

Only what the index names is ever replaced or removed: other files in the folder are nobody's business.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from howdah_receiver.errors import StartRefused

NAME = "howdah-backup.sqlite3"
_TABLES = """
    CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS contents (
        place TEXT PRIMARY KEY, version_id TEXT NOT NULL, run INTEGER NOT NULL) WITHOUT ROWID;
"""
_COMMIT_SECONDS = 1


class Index:
    """Opened for a run that begins; `finish` says that it is whole."""

    def __init__(self, folder: Path, catalogue_id: str) -> None:
        """Raises StartRefused for a folder with other things in it."""
        path = folder / NAME
        if not path.exists() and any(folder.iterdir()):
            raise StartRefused(
                f"The folder {folder} is not empty, and holds no backup.",
                "Name an empty folder, or one that an earlier backup was made to.",
            )
        try:
            self._db = sqlite3.connect(path)
            self._db.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            raise StartRefused(
                f"The index {path} of the backup cannot be used: {error}.",
                "Name another folder; this one holds no whole backup any more.",
            ) from error
        path.chmod(0o600)
        self._committed = time.monotonic()
        whose = self._about("catalogue")
        if whose not in (None, catalogue_id):
            self._db.close()
            raise StartRefused(
                f"The folder {folder} holds a backup of another receiver.", "Name another folder."
            )
        self._run = int(self._about("run") or 0) + 1
        self._tell(catalogue=catalogue_id, run=str(self._run), whole="no")
        self._db.commit()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.commit()
        self._db.close()

    def has(self, place: str, version_id: str) -> bool:
        """Whether that content was put there, by this run or an earlier one."""
        row = self._db.execute(
            "SELECT version_id FROM contents WHERE place = ?", [place]
        ).fetchone()
        return row is not None and str(row[0]) == version_id

    def forget(self, place: str) -> None:
        """Before something is put there."""
        self._db.execute("DELETE FROM contents WHERE place = ?", [place])

    def note(self, place: str, version_id: str) -> None:
        """It stands there, for this run."""
        self._db.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", [place, version_id, self._run]
        )
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._db.commit()
            self._committed = time.monotonic()

    def stale(self) -> Iterator[str]:
        """Places that this run has nothing for."""
        for (place,) in self._db.execute(
            "SELECT place FROM contents WHERE run != ?", [self._run]
        ).fetchall():
            yield str(place)

    def finish(self) -> None:
        self._tell(whole="yes", taken=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self._db.commit()

    def _about(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM about WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def _tell(self, **values: str) -> None:
        self._db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", list(values.items()))
