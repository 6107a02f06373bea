"""Looks a receiver over, without changing anything, whether it runs or not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from howdah_receiver.care import machine, secrecy, stored
from howdah_receiver.care.finding import Finding
from howdah_receiver.catalogue.database import FILE_NAME
from howdah_receiver.settings import Settings


def examine(settings: Settings) -> list[Finding]:
    """What is well and what is not, in the order in which to mend it."""
    data = settings.data
    if not data.is_dir():
        return [Finding(False, f"There is no data folder {data}.", "Start a receiver with --data.")]
    findings = [machine.rights(data)]
    if not machine.may_use(data):
        return findings
    findings += [machine.running(data), *machine.space(data), machine.clock()]
    findings += [*machine.places(data), *secrecy.tls(settings)]
    catalogue = data / FILE_NAME
    if not catalogue.is_file():
        return [*findings, Finding(False, f"There is no catalogue {catalogue}.",
                                   "Put it back from a backup, or start with another folder.")]  # fmt: skip
    # Without a log beside it nobody has it open: read as it stands, it gets none either.
    log = catalogue.with_name(f"{catalogue.name}-wal")
    how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    try:
        with closing(
            sqlite3.connect(f"file:{catalogue}?{how}", uri=True, timeout=10)
        ) as connection:
            return [*findings, *stored.examine(connection, data)]
    except sqlite3.DatabaseError as error:
        return [*findings, Finding(False, f"The catalogue is damaged: {error}.",
                                   "Put it back from a backup; the files are untouched.")]  # fmt: skip
