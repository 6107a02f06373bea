"""The machine: the program on it, limits on watching folders, room."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from howdah_desktop.doctor.finding import Finding, ok, problem, warning
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.log_file import own_version
from howdah_desktop.settings import Settings

LIMITS = Path("/proc/sys/fs/inotify")
PROCESSES = Path("/proc")
ROOM_BYTES = 1_000_000_000
LITTLE_ROOM_BYTES = 50_000_000
FULL_SHARE = 0.8
WATCHES_TO_HAVE = 524_288
INSTANCES_TO_HAVE = 1_024


def program(settings: Settings) -> Iterator[Finding]:
    told = f"howdah {own_version()}, Python {platform.python_version()}, {platform.platform()}."
    if sys.platform != "linux":
        yield warning("program", told, "Only Linux is tested: tell of what does not work.")
        return
    yield ok("program", told)


@dataclass(frozen=True, slots=True)
class Used:
    """Of a user's inotify limits, by what its processes have open."""

    instances: int
    watches: int


def watches(settings: Settings) -> Iterator[Finding]:
    """inotify(7): limits for each user, over all programs."""
    if sys.platform != "linux":
        return
    limit = _limit("max_user_watches")
    instances = _limit("max_user_instances")
    if limit is None or instances is None:
        yield warning("watching", f"{LIMITS} cannot be read: nobody knows how much can be watched.")
        return
    used, needed = used_of_user(), folders_to_watch(settings.home)
    told = (
        f"{used.watches} of {limit} folders are watched by programs of yours,"
        f" in {used.instances} of {instances} instances"
    )
    told += f"; watched folders of howdah have {needed} in all." if needed else "."
    if max(used.watches, needed) > FULL_SHARE * limit:
        yield _too_few(told, "max_user_watches", max(WATCHES_TO_HAVE, 2 * needed, 2 * limit))
    elif used.instances > FULL_SHARE * instances:
        yield _too_few(told, "max_user_instances", max(INSTANCES_TO_HAVE, 2 * instances))
    else:
        yield ok("watching", told)


def _too_few(told: str, name: str, wanted: int) -> Finding:
    return warning(
        "watching",
        told,
        f"Run: sudo sysctl fs.inotify.{name}={wanted} (and put that line into /etc/sysctl.d to keep it).",
    )


def _limit(name: str) -> int | None:
    try:
        return int((LIMITS / name).read_text())
    except (OSError, ValueError):
        return None


def used_of_user() -> Used:
    """What can be seen of it: processes of other users are theirs, and count for them."""
    instances = found = 0
    for process in PROCESSES.iterdir():
        if not process.name.isdigit():
            continue
        try:
            if process.stat().st_uid != os.geteuid():
                continue
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) != "anon_inode:inotify":  # noqa: PTH115
                    continue
                instances += 1
                info = (process / "fdinfo" / descriptor.name).read_text()
                found += sum(line.startswith("inotify ") for line in info.splitlines())
        except OSError:  # it has ended, or is not ours to look at
            continue
    return Used(instances, found)


def folders_to_watch(home: Path) -> int:
    """How many folders all watched ones have together."""
    path = home / FILE_NAME
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(
                "SELECT (SELECT count(*) FROM watched WHERE removed IS NULL) + (SELECT count(*) FROM known k"
                " JOIN watched w ON w.id = k.folder WHERE k.is_dir AND k.gone IS NULL AND w.removed IS NULL)"
            ).fetchone()
    except sqlite3.Error:  # none yet, or an older one: said elsewhere
        return 0
    return int(row[0])


def room(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.home).free
    told = f"{free / 1e9:.1f} GB are free where {settings.home} is."
    if free < LITTLE_ROOM_BYTES:
        yield problem("room", told, "Free some: the ledger must be able to grow.")
    elif free < ROOM_BYTES:
        yield warning("room", told, "Free some, before the ledger cannot grow.")
    else:
        yield ok("room", told)
