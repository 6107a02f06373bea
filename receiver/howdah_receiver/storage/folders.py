"""The data folder and the places in it, each opened once."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from howdah_receiver.errors import StartRefused
from howdah_receiver.storage.modes import PLAIN, Modes

CLEAN_MARK = "clean"
LOCK = "lock"
_PLACES = ("files", "versions", "parts", "trash", "journal")


class DataFolder:
    """What the receiver keeps, for one process alone: a lock says so.

    `files/SPACE/PATH` is what people see; `versions/ID` what was replaced; `parts/ID` what is on its way;
    `trash/ID` what was deleted, files and whole folders; `journal/ID` small files as they came, until their
    own files are synced.
    """

    def __init__(self, path: Path, modes: Modes = PLAIN) -> None:
        """Open `path`, making what is missing. Raises StartRefused where that is not possible."""
        self.path = path
        self.modes = modes
        try:
            self._open()
        except OSError as error:
            raise StartRefused(
                f"The data folder {path} cannot be used: {error.strerror}.",
                "Give this user a folder there that it may write to, or choose another folder with --data.",
            ) from error

    def _open(self) -> None:
        created = not self.path.exists()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        self._lock = self._take_lock()
        for name in _PLACES:
            try:
                os.mkdir(name, 0o700, dir_fd=self.root)
            except FileExistsError:
                pass
        os.fsync(self.root)
        if created:
            above = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(above)
            os.close(above)
        self.files, self.versions, self.parts, self.trash, self.journal = (
            os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.root)
            for name in _PLACES
        )

    def share(self) -> None:
        """Let the group of files/ through to it, and to nothing else. Raises StartRefused.

        Who may pass the data folder can open what is in it by its name: all else is for its user alone.
        """
        if self.modes.group is None:
            return
        try:
            for name in os.listdir(self.root):
                there = os.stat(name, dir_fd=self.root, follow_symlinks=False)
                if name != "files" and not stat.S_ISLNK(there.st_mode) and there.st_mode & 0o077:
                    os.chmod(name, stat.S_IMODE(there.st_mode) & 0o700, dir_fd=self.root)
            self.modes.pass_through(self.files)
            self.modes.pass_through(self.root)
        except OSError as error:
            raise StartRefused(
                f"The data folder {self.path} cannot be shared with a group: {error.strerror}.",
                "Make this user the owner of all in it, or leave files_group out.",
            ) from error

    def _take_lock(self) -> int:
        # flock, not a file with a process id: the kernel lets go of it however the process ends.
        descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=self.root)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            os.close(self.root)
            raise StartRefused(
                f"Another receiver works on {self.path}.",
                "Stop it first, or let its backup end, or choose another folder with --data.",
            ) from error
        return descriptor

    def take_clean_mark(self) -> bool:
        """Whether the last run stopped cleanly. The mark is taken away, durably, before this run writes."""
        try:
            os.unlink(CLEAN_MARK, dir_fd=self.root)
        except FileNotFoundError:
            return False
        os.fsync(self.root)
        return True

    def leave_clean_mark(self) -> None:
        """The last act of a clean stop: everything that was received is durable."""
        os.close(os.open(CLEAN_MARK, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=self.root))
        os.fsync(self.root)

    def close(self) -> None:
        for descriptor in (
            self.files, self.versions, self.parts, self.trash, self.journal, self.root, self._lock,
        ):  # fmt: skip
            os.close(descriptor)
