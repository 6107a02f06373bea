"""What the doctor asks of the catalogue, and whether the disk has what it tells of."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from howdah_receiver.care.finding import Finding
from howdah_receiver.catalogue.migrate import HEAD

_AHEAD_NS = 300 * 10**9


def examine(catalogue: sqlite3.Connection, data: Path) -> list[Finding]:
    """Raises sqlite3.DatabaseError where it cannot even be read."""
    result = catalogue.execute("PRAGMA integrity_check(1)").fetchone()[0]
    whole = Finding(result == "ok", f"The catalogue's integrity: {result}.",
                    "" if result == "ok" else "Put it back from a backup.")  # fmt: skip
    revision = catalogue.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    if revision != HEAD:
        return [whole, Finding(True, f"The catalogue is of revision {revision}, and this version's is "
                               f"{HEAD}.", "The next start brings an older one up to date.")]  # fmt: skip
    return [
        whole,
        _times(catalogue),
        _uploads(catalogue, data),
        _journals(catalogue, data),
        *_versions(catalogue, data),
        *_trash(catalogue, data),
        _damaged(catalogue),
    ]


def _times(catalogue: sqlite3.Connection) -> Finding:
    newest = catalogue.execute("SELECT max(time_ns) FROM changes").fetchone()[0]
    if newest is not None and newest > time.time_ns() + _AHEAD_NS:
        return Finding(False, "The last change is from the future: the clock was set back.",
                       "Set the clock right, or things expire late.")  # fmt: skip
    return Finding(True, "What happened last lies in the past.")


def _uploads(catalogue: sqlite3.Connection, data: Path) -> Finding:
    query = "SELECT id FROM uploads WHERE state IN ('open', 'completing', 'expired')"
    live = {row[0] for row in catalogue.execute(query)}
    orphans = _names(data / "parts") - live
    if orphans:
        return Finding(False, f"{len(orphans)} part files belong to no upload.",
                       "The next start of the receiver removes them.")  # fmt: skip
    return Finding(True, f"{len(live)} uploads are on their way.")


def _journals(catalogue: sqlite3.Connection, data: Path) -> Finding:
    named = {row[0] for row in catalogue.execute("SELECT DISTINCT journal_id FROM unsynced")}
    count = catalogue.execute("SELECT count(*) FROM unsynced").fetchone()[0]
    there = _names(data / "journal")
    if named - there:
        return Finding(False, f"{len(named - there)} journals of small files are gone from journal/.",
                       "`howdah-receiver scrub` names the files that are not as they came.")  # fmt: skip
    return Finding(True, f"{count} small files are in journals, until they are synced.")


def _versions(catalogue: sqlite3.Connection, data: Path) -> list[Finding]:
    kept = {row[0] for row in catalogue.execute("SELECT id FROM versions WHERE place = 'kept'")}
    there = _names(data / "versions")
    found = [Finding(True, f"{len(kept)} earlier versions are kept.")]
    if there - kept:
        found.append(Finding(False, f"{len(there - kept)} files in versions/ belong to no version.",
                             "They hold what somebody once sent: look before you remove them."))  # fmt: skip
    if kept - there:
        found.append(Finding(False, f"{len(kept - there)} versions are gone from versions/.",
                             "Put them back from a backup; `howdah-receiver scrub` names them."))  # fmt: skip
    return found


def _trash(catalogue: sqlite3.Connection, data: Path) -> list[Finding]:
    entries = {row[0] for row in catalogue.execute("SELECT id FROM trash")}
    # What is being removed for good has no row any more, and goes on where it was stopped.
    going = {
        row[0]
        for table in ("files", "folders")
        for row in catalogue.execute(
            f"SELECT DISTINCT trash_id FROM {table} WHERE trash_id NOT NULL"
        )
    }
    there = _names(data / "trash")
    found = [Finding(True, f"{len(entries)} entries are in the trash.")]
    if there - entries - going:
        found.append(Finding(False, f"{len(there - entries - going)} things in trash/ belong to no entry.",
                             "Somebody once deleted them: look before you remove them."))  # fmt: skip
    if entries - there:
        found.append(Finding(False, f"{len(entries - there)} entries of the trash are gone from trash/.",
                             "Put them back from a backup, or empty the trash."))  # fmt: skip
    return found


def _names(place: Path) -> set[str]:
    try:
        return set(os.listdir(place))  # noqa: PTH208 - names are all that is wanted
    except FileNotFoundError:
        return set()


def _damaged(catalogue: sqlite3.Connection) -> Finding:
    rows = catalogue.execute(
        "SELECT path FROM files JOIN versions ON versions.id = files.version_id WHERE damaged"
    ).fetchall()
    if rows:
        return Finding(False, f"{len(rows)} files no longer match their digests: {rows[0][0]!r}.",
                       "Send them again from their source, or restore them from a backup.")  # fmt: skip
    count = catalogue.execute("SELECT count(*) FROM files").fetchone()[0]
    return Finding(True, f"{count} files are stored; none is known to be damaged.")
