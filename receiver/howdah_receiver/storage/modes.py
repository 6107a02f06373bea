"""Mode and group of new files and folders, for whoever shares `files/` with other programs."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass

from howdah_receiver.errors import StartRefused

_READ = 0o444


@dataclass(frozen=True, slots=True)
class Modes:
    """`group`: a group's number; None for the receiver's own."""

    file: int = 0o644
    folder: int = 0o755
    group: int | None = None

    @classmethod
    def of(cls, mode: str, umask: str, group: str | None) -> Modes:
        """Of the settings: octal numbers, and a group by name or number. Raises StartRefused."""
        file = int(mode, 8) & ~int(umask, 8) & 0o777
        folder = file | (file & _READ) >> 2
        if file & 0o600 != 0o600:
            raise StartRefused(
                f"With files_mode {mode} and files_umask {umask} the receiver could not use its own files.",
                "Leave reading and writing to their owner: files_mode 0600 at least.",
            )
        if group is None:
            return cls(file, folder)
        # What other programs put into a folder gets its group too.
        return cls(file, folder | stat.S_ISGID, _number(group))

    def dress_file(self, descriptor: int) -> None:
        """Give a file its group and mode. Raises OSError."""
        if self.group is not None:
            os.fchown(descriptor, -1, self.group)
        os.fchmod(descriptor, self.file)

    def dress_folder(self, descriptor: int) -> None:
        """Give a new folder its group and mode. Raises OSError."""
        if self.group is not None:
            os.fchown(descriptor, -1, self.group)
        os.fchmod(descriptor, self.folder)

    def pass_through(self, descriptor: int) -> None:
        """Let the group through a folder that holds only the receiver's own. Raises OSError."""
        if self.group is not None:
            os.fchown(descriptor, -1, self.group)
            os.fchmod(descriptor, 0o710)


PLAIN = Modes()


def _number(group: str) -> int:
    try:
        number = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise StartRefused(
            f"There is no group {group} on this machine.",
            "Make it (groupadd), or name another as files_group.",
        ) from None
    if os.geteuid() != 0 and number not in {os.getegid(), *os.getgroups()}:
        raise StartRefused(
            f"The receiver's user is no member of the group {group}.",
            f"Add it (usermod -aG {group} ...) and start the receiver anew, or name another group.",
        )
    return number
