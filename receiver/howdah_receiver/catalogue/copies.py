"""Copies of the catalogue: consistent while it is in use, durable, and under their name only when whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from howdah_receiver.errors import StartRefused

BEFORE = ".before-"
"""`catalogue.sqlite3.before-0002` is how it was before it was brought to revision 0002."""
KEPT = 2
_NEW = ".new"
_ROOM = 3
"""Times the catalogue's size, for an upgrade: the copy, the log of all that changes, and what is written."""
_BUSY_SECONDS = 30
_SPARE_BYTES = 16 * 1024 * 1024


def open_for_reading(catalogue: Path, *, idle: bool) -> sqlite3.Connection:
    """Nothing in it is changed. `idle`: nobody has it open, and nobody will; then nothing is left beside
    it either."""
    log = catalogue.with_name(f"{catalogue.name}-wal")
    how = "mode=ro&immutable=1" if idle and not log.exists() else "mode=ro"
    return sqlite3.connect(
        f"{catalogue.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY_SECONDS
    )


def copy(catalogue: Path, target: Path, *, idle: bool = False) -> None:
    """Copy it to `target`, in place of what stands there. If it is not `idle`, others may write to it
    meanwhile.

    Raises OSError and sqlite3.Error; `target` is then as it was.
    """
    new = target.with_name(target.name + _NEW)
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(open_for_reading(catalogue, idle=idle)) as source,
            closing(sqlite3.connect(new)) as made,
        ):
            source.backup(made)  # all in one step, which is one moment of the catalogue
            # One file that needs no log beside it, wherever it is taken.
            made.execute("PRAGMA journal_mode=DELETE")
        _fsync(new)
        new.rename(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _fsync(target.parent)


def keep_before(catalogue: Path, revision: str) -> Path:
    """Keep it as it is, before it is brought to `revision`. Raises StartRefused; nothing is changed then."""
    target = catalogue.with_name(f"{catalogue.name}{BEFORE}{revision}")
    needed = _ROOM * catalogue.stat().st_size + _SPARE_BYTES
    free = shutil.disk_usage(catalogue.parent).free
    if free < needed:
        raise StartRefused(
            f"The catalogue {catalogue} must be brought up to date, and its disk has {_mb(free)} free of the"
            f" {_mb(needed)} that this takes at most.",
            "Free some space and start again. Nothing was changed.",
        )
    try:
        copy(catalogue, target, idle=True)
    except (OSError, sqlite3.Error) as error:
        raise StartRefused(
            f"The catalogue {catalogue} cannot be copied before it is brought up to date: {error}.",
            "See to its disk and start again. Nothing was changed.",
        ) from error
    return target


def kept(catalogue: Path) -> list[Path]:
    """The copies that were made before upgrades, the newest first."""
    found = [
        path
        for path in catalogue.parent.glob(f"{catalogue.name}{BEFORE}*")
        if not path.name.endswith((_NEW, f"{_NEW}-journal"))
    ]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def forget_old(catalogue: Path) -> None:
    """Keep the newest copies alone, and nothing that was left half-made."""
    for path in kept(catalogue)[KEPT:]:
        path.unlink()
    for path in catalogue.parent.glob(f"{catalogue.name}{BEFORE}*{_NEW}*"):
        path.unlink()


def _mb(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
