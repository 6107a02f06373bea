"""Looks a receiver over, without changing anything, whether it runs or not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path

from howdah_receiver.catalogue.database import FILE_NAME
from howdah_receiver.control import is_running
from howdah_receiver.settings import Settings

LOW_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    good: bool
    sentence: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """What is well and what is not, in the order in which to mend it."""
    data = settings.data
    if not data.is_dir():
        return [Finding(False, f"There is no data folder {data}.", "Start a receiver with --data.")]
    findings = [_rights(data), _running(data), _space(data)]
    catalogue = data / FILE_NAME
    if not catalogue.is_file():
        return [*findings, Finding(False, f"There is no catalogue {catalogue}.",
                                   "Put it back from a backup, or start with another folder.")]  # fmt: skip
    try:
        return [*findings, *_catalogue(data, catalogue)]
    except sqlite3.DatabaseError as error:
        return [*findings, Finding(False, f"The catalogue is damaged: {error}.",
                                   "Put it back from a backup; the files are untouched.")]  # fmt: skip


def _rights(data: Path) -> Finding:
    mode = stat.S_IMODE(data.stat().st_mode)
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return Finding(False, f"This user may not use {data}.", "Run this as the receiver's user.")
    if mode & 0o077:
        return Finding(
            False, f"Others may look into {data} (mode {mode:03o}).", f"chmod 700 {data}"
        )
    return Finding(True, f"The data folder is {data}, for its user alone.")


def _running(data: Path) -> Finding:
    runs = is_running(data)
    return Finding(True, "A receiver is running." if runs else "No receiver is running.")


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    sentence = f"{free / 1e9:.1f} GB are free on its disk."
    if free < LOW_BYTES:
        return Finding(False, sentence, "Free some space: uploads wait when the disk is full.")
    return Finding(True, sentence)


def _catalogue(data: Path, catalogue: Path) -> list[Finding]:
    # Without a log beside it nobody has it open: read as it stands, it gets none either.
    log = catalogue.with_name(f"{catalogue.name}-wal")
    how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{catalogue}?{how}", uri=True, timeout=10)
    try:
        result = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        whole = Finding(result == "ok", f"The catalogue's integrity: {result}.",
                        "" if result == "ok" else "Put it back from a backup.")  # fmt: skip
        return [whole, _open_uploads(connection, data), _damaged(connection)]
    finally:
        connection.close()


def _open_uploads(connection: sqlite3.Connection, data: Path) -> Finding:
    live = {
        row[0]
        for row in connection.execute(
            "SELECT id FROM uploads WHERE state IN ('open', 'completing', 'expired')"
        )
    }
    orphans = set(os.listdir(data / "parts")) - live  # noqa: PTH208 - names are all that is wanted
    if orphans:
        return Finding(False, f"{len(orphans)} part files belong to no upload.",
                       "The next start of the receiver removes them.")  # fmt: skip
    return Finding(True, f"{len(live)} uploads are on their way.")


def _damaged(connection: sqlite3.Connection) -> Finding:
    rows = connection.execute(
        "SELECT path FROM files JOIN versions ON versions.id = files.version_id WHERE damaged"
    ).fetchall()
    if rows:
        return Finding(False, f"{len(rows)} files no longer match their digests: {rows[0][0]!r}.",
                       "Send them again from their source, or restore them from a backup.")  # fmt: skip
    count = connection.execute("SELECT count(*) FROM files").fetchone()[0]
    return Finding(True, f"{count} files are stored; none is known to be damaged.")
