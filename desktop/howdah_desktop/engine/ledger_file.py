"""The ledger's file: opened, made, brought up to date, checked; SQLite's errors as problems that name it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from howdah_common.problems import ProblemError
from howdah_desktop import system
from howdah_desktop.engine.ledger_schema import (
    AS_VERSION_2,
    AS_VERSION_3,
    FROM_VERSION_1,
    FROM_VERSION_2,
    SCHEMA,
    TALLIES,
    VERSION,
)

FILE_NAME = "ledger.sqlite3"
BUSY_MILLISECONDS = 5_000


class _Told:
    """As a class: a generator would take as long as a small query."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if not isinstance(error, sqlite3.DatabaseError):
            return
        if isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error):
            raise ProblemError("local_full", f"{self._path} cannot grow.") from error
        raise ProblemError("ledger_damaged", f"{self._path}: {error}.") from error


class LedgerFile:
    """An opened database. What it gives is for one thread at a time."""

    def __init__(self, home: Path, *, read_only: bool = False) -> None:
        """Opens it, or makes it. Raises ProblemError: ledger_newer, ledger_damaged."""
        self.path = home / FILE_NAME
        self._told = _Told(self.path)
        self._inside = False
        with self.told():
            self._db = self._connect(read_only)
            try:
                self._prepare(read_only)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        self._db.close()

    @property
    def writes(self) -> int:
        """Grows with every row that is written over this connection."""
        return self._db.total_changes

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        if not read_only and not self.path.exists():
            _make_private(self.path)
        mode = "ro" if read_only else "rw"
        db = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False
        )
        db.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        return db

    def _prepare(self, read_only: bool) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ProblemError(
                "ledger_newer", f"{self.path} has version {version}; this program knows {VERSION}."
            )
        if read_only:
            self._db.executescript({1: AS_VERSION_2, 2: AS_VERSION_3}.get(version, ""))
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check found damage")
        if version == 0:
            self._change(SCHEMA + TALLIES + FROM_VERSION_2)
        elif version == 1:
            self._keep_copy(f"{FILE_NAME}.v1")
            self._change(FROM_VERSION_1 + FROM_VERSION_2)
        elif version == 2:
            self._keep_copy(f"{FILE_NAME}.v2")
            self._change(FROM_VERSION_2)

    def _change(self, script: str) -> None:
        """To our version, in one step."""
        self._db.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {VERSION}; COMMIT;"
        )

    def _keep_copy(self, name: str) -> None:
        """The file as it is now, under another name, whole or not at all."""
        copy, unfinished = self.path.with_name(name), self.path.with_name(f"{name}.unfinished")
        unfinished.unlink(missing_ok=True)
        _make_private(unfinished)
        with closing(sqlite3.connect(unfinished)) as target:
            self._db.backup(target)
        unfinished.replace(copy)
        system.sync_folder(copy.parent)

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """What is written inside is durable together, at the end of the outermost one."""
        if self._inside:
            yield
            return
        self._inside = True
        try:
            with self.told(), self._db:
                yield
        finally:
            self._inside = False

    def told(self) -> _Told:
        """SQLite's errors as problems that name the file."""
        return self._told

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        with self.told():
            return self._db.execute(sql, values).fetchall()


def _make_private(path: Path) -> None:
    """An empty file with its rights: SQLite gives them to the files beside it too."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
