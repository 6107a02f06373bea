"""What the doctor asks of the machine: rights, room, the clock."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import time
from pathlib import Path

from howdah_receiver.care.finding import Finding
from howdah_receiver.control import is_running

LOW_BYTES = 1024**3
LOW_INODES = 10_000
PLACES = ("files", "versions", "parts", "trash", "journal")

_TIME_ERROR = 5
"""What adjtimex(2) answers where nothing keeps the clock right."""
_TIMEX_BYTES = 512
"""More than `struct timex` has on any machine; zeroed, it asks and sets nothing."""
_RELEASED_NS = 1_760_000_000 * 10**9


def may_use(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def rights(data: Path) -> Finding:
    mode = stat.S_IMODE(data.stat().st_mode)
    if not may_use(data):
        return Finding(False, f"This user may not use {data}.", "Run this as the receiver's user.")
    # A group may pass through, to files/ (see the setting files_group).
    if mode & 0o067:
        return Finding(
            False, f"Others may look into {data} (mode {mode:03o}).", f"chmod 700 {data}"
        )
    return Finding(True, f"The data folder is {data}, for its user alone.")


def running(data: Path) -> Finding:
    runs = is_running(data)
    return Finding(True, "A receiver is running." if runs else "No receiver is running.")


def space(data: Path) -> list[Finding]:
    free = shutil.disk_usage(data).free
    sentence = f"{free / 1e9:.1f} GB are free on its disk."
    found = [Finding(True, sentence)]
    if free < LOW_BYTES:
        found = [Finding(False, sentence, "Free some space: uploads wait when the disk is full.")]
    inodes = os.statvfs(data)
    if inodes.f_files and inodes.f_favail < LOW_INODES:
        found.append(
            Finding(
                False,
                f"Only {inodes.f_favail} more files fit on its disk.",
                "Remove small files there: it has room, but no inodes.",
            )
        )
    return found


def clock() -> Finding:
    """Expiry, trash and links go by it."""
    now = time.time_ns()
    if now < _RELEASED_NS:
        return Finding(
            False,
            f"The clock says {_day(now)}, which cannot be.",
            "Set it: `timedatectl set-ntp true`.",
        )
    if _is_kept_right():
        return Finding(True, f"The clock says {_day(now)}, and is kept right.")
    return Finding(
        True,
        f"The clock says {_day(now)}. Nothing on this machine keeps it right, as far as it tells.",
        "`timedatectl set-ntp true`, if this is no container.",
    )


def _is_kept_right() -> bool:
    ask = ctypes.CDLL(None).adjtimex
    return 0 <= int(ask(ctypes.create_string_buffer(_TIMEX_BYTES))) < _TIME_ERROR


def _day(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ns // 10**9))


def places(data: Path) -> list[Finding]:
    """Whether the receiver's user owns and may use what lies in the folder."""
    found = []
    for name in PLACES:
        place = data / name
        if not place.exists():
            continue
        if place.is_symlink() or not place.is_dir():
            found.append(
                Finding(
                    False,
                    f"{place} is no folder.",
                    "Move it away, and put the folder back from a backup.",
                )
            )
        elif not may_use(place):
            found.append(
                Finding(False, f"This user may not use {place}.", f"chown -R {os.getuid()} {place}")
            )
    return found
