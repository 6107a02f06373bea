"""What is the client's own: its folder, its ledger, its engine, its service."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.doctor.finding import Finding, ok, problem, warning
from howdah_desktop.engine.attach import LOCK_NAME
from howdah_desktop.engine.control import RemoteEngine
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.ledger_schema import VERSION
from howdah_desktop.log_file import FOLDER_NAME as LOG_FOLDER
from howdah_desktop.remote.secrets import RECEIVER_FILE, TOKEN_FILE
from howdah_desktop.service.unit import unit_path
from howdah_desktop.settings import Settings
from howdah_desktop.system import Locked, exclusive_lock

PRIVATE = (TOKEN_FILE, RECEIVER_FILE, FILE_NAME, f"{FILE_NAME}-wal", LOG_FOLDER)
FAR_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs"})


def folder(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    found = home.stat()
    if sys.platform != "win32":
        if found.st_uid != os.geteuid():
            yield problem(
                "folder",
                f"{home} belongs to another user.",
                "Set HOWDAH_HOME to a folder of your own.",
            )
        readable = [name for name in PRIVATE if _open_to_others(home / name)]
        if readable:
            names = " ".join(readable)
            yield problem(
                "folder",
                f"Others may read what is yours alone in {home}: {names}.",
                f"Run: chmod -R go= {home}",
            )
    if not os.access(home, os.W_OK | os.X_OK):
        yield problem("folder", f"{home} takes no file.", "Give yourself the right to write there.")
        return
    kind = file_system(home)
    if kind in FAR_FILE_SYSTEMS:
        yield warning(
            "folder",
            f"{home} is on another machine ({kind}), where locks and SQLite are not safe.",
            "Set HOWDAH_HOME to a folder on a disk of this computer.",
        )
        return
    yield ok("folder", f"{home}, for you alone.")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.lstat().st_mode) & 0o077)
    except FileNotFoundError:
        return False


def file_system(path: Path) -> str:
    """Of what kind the one is that `path` lies in, by /proc/mounts; empty: nobody says."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    best, kind = "", ""
    for mount in mounts.splitlines():
        _, place, this, *_ = mount.split(" ")
        place = place.encode().decode("unicode_escape") if "\\" in place else place
        if len(place) >= len(best) and Path(place) in (path, *path.parents):
            best, kind = place, this
    return kind


def ledger(settings: Settings) -> Iterator[Finding]:
    path = settings.home / FILE_NAME
    if not path.exists():
        yield ok("ledger", "There is none yet: nothing was sent or fetched.")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA busy_timeout = 5000")
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                newer = ProblemError("ledger_newer", f"It has version {version}, not {VERSION}.")
                yield problem("ledger", newer.sentence, newer.remedy)
                return
            checked = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
            if checked != "ok":
                raise sqlite3.DatabaseError(checked)
            transfers = db.execute("SELECT count(*) FROM transfers").fetchone()[0]
            aside = _left_aside(db, version)
    except sqlite3.DatabaseError as error:
        damaged = ProblemError("ledger_damaged", f"{path}: {error}.")
        yield problem("ledger", damaged.sentence, damaged.remedy)
        return
    older = f", which the next start turns into {VERSION}" if version < VERSION else ""
    yield ok("ledger", f"Whole: {transfers} transfers, version {version}{older}.")
    if aside:
        yield warning(
            "ledger",
            f"{aside} files lie in folders called .howdah-aside-...: freeing them was interrupted.",
            "Run `howdah status`, then `howdah resume`: the next start puts them back.",
        )


def _left_aside(db: sqlite3.Connection, version: int) -> int:
    if version < VERSION:
        return 0
    return int(db.execute("SELECT count(*) FROM freed WHERE removed IS NULL").fetchone()[0])


def engine(settings: Settings) -> Iterator[Finding]:
    try:
        with exclusive_lock(settings.home / LOCK_NAME):
            yield ok("engine", "No howdah runs; the next command or window does the work.")
            return
    except Locked:
        pass
    try:
        remote = RemoteEngine(settings.home)
        try:
            snapshot = remote.snapshot(0, 0)
        finally:
            remote.close()
    except ProblemError as error:
        yield problem("engine", f"A howdah holds the lock: {error.sentence}", error.remedy)
        return
    receiver = snapshot.receiver
    if receiver.code is not None:
        yield warning("engine", f"One runs and waits: {receiver.sentence}", receiver.remedy)
        return
    yield ok("engine", "One runs and answers.")


def service(settings: Settings) -> Iterator[Finding]:
    path = unit_path()
    if sys.platform != "linux" or not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    command = next((w for w in text.splitlines() if w.startswith("ExecStart=")), "")
    program = command.removeprefix("ExecStart=").split(" ")[0].strip('"')
    if not Path(program).exists():
        yield problem(
            "service",
            f"{path} names a program that is not there: {program}.",
            "Run `howdah run --install` again.",
        )
        return
    yield ok("service", f"Installed: {path}.")
