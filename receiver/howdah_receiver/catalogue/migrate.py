"""Brings the catalogue to the shape that this version needs.

Alembic is imported only when there is something to do, as it takes longer than the rest of a start.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

from howdah_receiver.catalogue.copies import forget_old, keep_before, kept
from howdah_receiver.catalogue.database import FILE_NAME, set_up_connection
from howdah_receiver.errors import StartRefused
from howdah_receiver.storage.folders import CLEAN_MARK

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0003"
"""The newest revision. A test holds this against Alembic's own answer."""
SOON_CHECKED_BYTES = 64 * 1024 * 1024


def migrate(folder: Path) -> None:
    """Create or upgrade the catalogue in `folder`. Raises StartRefused for what is damaged or newer."""
    _refuse_without_search()
    path = folder / FILE_NAME
    revision, empty = _look(path)
    if empty:
        _refuse_empty_over_data(folder, path)
    if revision == HEAD:
        return
    if revision is not None and revision not in _known_revisions():
        raise StartRefused(
            f"The catalogue {path} was written by a newer version (revision {revision}).",
            f"Install that version again, or a newer one.{_way_back(path)}",
        )
    if revision is not None:
        keep_before(path, HEAD)
    _upgrade(path)
    forget_old(path)


def _way_back(path: Path) -> str:
    copies = kept(path)
    if not copies:
        return ""
    return f" How it was before the last upgrade is kept as {copies[0]}: docs/install.md says how to go back."


def _refuse_without_search() -> None:
    with closing(sqlite3.connect(":memory:")) as anywhere:
        try:
            anywhere.execute("CREATE VIRTUAL TABLE names USING fts5 (name, tokenize='trigram')")
        except sqlite3.OperationalError as error:
            raise StartRefused(
                f"This Python's SQLite ({sqlite3.sqlite_version}) cannot keep an index of names.",
                "Use a Python whose SQLite is 3.34 or newer and has FTS5.",
            ) from error


def _refuse_empty_over_data(folder: Path, path: Path) -> None:
    """A catalogue that vanished is never begun anew over files, which would then be nobody's.

    It looks empty also where only the -wal file beside it is gone: before the first checkpoint all that was
    written is there.
    """
    files = folder / "files"
    if files.is_dir() and any(entry for space in files.iterdir() for entry in space.iterdir()):
        raise StartRefused(
            f"There are files in {files}, but the catalogue {path} is missing or empty.",
            "Put the catalogue back from a backup, with the -wal file beside it if there is one.",
        )


def _look(path: Path) -> tuple[str | None, bool]:
    """The revision of the catalogue, None for a new one; and whether it does not even know its owner."""
    if not path.exists() or path.stat().st_size == 0:
        return None, True
    connection = sqlite3.connect(path)
    try:
        set_up_connection(connection)
        known = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchone()
        row = (
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if known
            else None
        )
        owned = row and connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone()
        _check(connection, path)
    except sqlite3.DatabaseError as error:
        raise StartRefused(
            f"The catalogue {path} is damaged: {error}.",
            "Put it back from a backup, with the -wal file beside it; the files are untouched.",
        ) from error
    finally:
        connection.close()
    return (None if row is None else str(row[0])), not owned


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Reads all of it: after a clean stop only where that takes no time."""
    if path.stat().st_size > SOON_CHECKED_BYTES and (path.parent / CLEAN_MARK).exists():
        return
    result = connection.execute("PRAGMA quick_check(1)").fetchone()
    if result != ("ok",):
        raise sqlite3.DatabaseError(str(result[0]))


def _known_revisions() -> set[str]:
    return {file.name.split("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def _upgrade(path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", set_up_connection)
    # A table that is made anew is dropped first: its references are looked at when all is done.
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys=OFF"))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    # One transaction for all steps: a start that dies half-way finds the old shape or the new one.
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if dangling is not None:
            raise AssertionError(f"the upgrade leaves a row that refers to nothing: {dangling}")
    engine.dispose()
