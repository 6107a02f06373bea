"""Folders opened step by step, no step through a link; the base of `beneath` and `part_file`.

A path that was checked and then used as text may lead elsewhere by then: somebody replaced a
folder by a symbolic link. So every step is opened relative to the descriptor of the step before
and follows no link; what was opened stays the same whatever its name comes to mean (openat(2)).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.system import sync_folder, target_problem

HAS_FOLDER_DESCRIPTORS = os.open in os.supports_dir_fd
"""Not on Windows: there a step is looked at and then named, and links need a right to be made."""

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
FILE_FLAGS = (
    _NO_FOLLOW
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO planted here must not hold us up
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Step:
    """An opened folder: its descriptor, or, where there are none, its path."""

    descriptor: int | None
    path: Path

    def name(self, name: str) -> str:
        """What `name` in it is called in a call that is given the descriptor."""
        return name if self.descriptor is not None else str(self.path / name)

    def sync(self) -> None:
        sync_folder(self.path if self.descriptor is None else self.descriptor)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


def open_root(path: Path) -> Step:
    """Links in `path` are followed: the user named it. Raises OSError."""
    if not HAS_FOLDER_DESCRIPTORS:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return Step(None, path)
    return Step(os.open(path, _FOLDER), path)


def again(step: Step) -> Step:
    """The same folder, to be closed by itself."""
    descriptor = None if step.descriptor is None else os.dup(step.descriptor)
    return Step(descriptor, step.path)


def step_into(step: Step, name: str, *, create: bool) -> Step:
    """The folder `name` in `step`. Raises OSError; NotADirectoryError for a link."""
    try:
        return _open_step(step, name)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):  # somebody else made it meanwhile
        os.mkdir(step.name(name), 0o777, dir_fd=step.descriptor)
    step.sync()
    return _open_step(step, name)


def _open_step(step: Step, name: str) -> Step:
    path = step.path / name
    if step.descriptor is not None:
        return Step(os.open(name, _FOLDER | _NO_FOLLOW, dir_fd=step.descriptor), path)
    if path.is_symlink() or not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    return Step(None, path)


def step_problem(error: OSError, path: str) -> ProblemError:
    """What an error below a root means, for `path` there."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return ProblemError(
            "target_unwritable",
            f"In {path[-200:]!r}, a link or a file stands where a folder is needed.",
        )
    return target_problem(error)
