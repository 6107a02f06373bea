"""How many directories the system lets a user watch, and what to do where that is not enough."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LIMITS = Path("/proc/sys/fs/inotify")
PROCESSES = Path("/proc")
LASTING = "/etc/sysctl.d/60-howdah.conf"
_QUEUE = "anon_inode:inotify"


@dataclass(frozen=True, slots=True)
class Limit:
    """One of the two limits that inotify(7) names, at the time when it was met."""

    name: str
    value: int
    used: int
    """By this user's programs, as far as they can be looked into."""

    @property
    def enough(self) -> int:
        """What to set it to."""
        usual = 524_288 if self.name == "max_user_watches" else 1_024
        return max(usual, 2 * self.value)

    def sentence(self, every: str) -> str:
        """`every`: how often it is looked at instead, such as "60 s"."""
        what = "folders" if self.name == "max_user_watches" else "programs' lists of folders"
        line = f"fs.inotify.{self.name}={self.enough}"
        return (
            f"The system watches at most {self.value:,} {what} for a user, and {self.used:,} are watched,"
            f" so this one is looked at every {every}. To watch more: `sudo sysctl {line}`;"
            f" to make that last: `echo {line} | sudo tee {LASTING}`."
        )


def limit_met(error: OSError) -> Limit | None:
    """The limit that `error`, of a call of inotify, is about; None if it is about something else."""
    names = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
    name = names.get(error.errno or 0)
    if name is None:
        return None
    value = value_of(name)
    watches = list(_watches_of_queues())
    used = sum(watches) if name == "max_user_watches" else len(watches)
    if name == "max_user_instances" and value > used and _is_out_of_descriptors():
        return None  # the same number stands for the files that one program may have open
    return Limit(name, value, used)


def value_of(name: str) -> int:
    """0 where the system does not say."""
    try:
        return int((LIMITS / name).read_text())
    except (OSError, ValueError):
        return 0


def _is_out_of_descriptors() -> bool:
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno == errno.EMFILE
    return False


def _watches_of_queues() -> Iterator[int]:
    """The number of watches of every queue of this user's processes (proc(5), fdinfo)."""
    me = os.getuid() if hasattr(os, "getuid") else 0
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):  # of others, or gone by now
            if process.stat().st_uid != me:
                continue
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) == _QUEUE:
                        info = (process / "fdinfo" / descriptor.name).read_bytes()
                        yield info.count(b"inotify wd:")
