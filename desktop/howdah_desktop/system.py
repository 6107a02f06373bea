"""Calls to the operating system that differ by platform or need care.

Here are the client's own folder, locks, and how a file of the user is opened to be read; writing
below a folder that somebody else may change at the same time is in `beneath`.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from howdah_common.problems import ProblemError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import termios

HOME_VARIABLE = "HOWDAH_HOME"

# Not on every platform: Windows has neither links to refuse nor files that block on opening.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_BLOCK = getattr(os, "O_NONBLOCK", 0)
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def home() -> Path:
    """The folder of all that this client remembers; it is made, for its user alone (0700)."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        folder = Path(named).expanduser().absolute()
    else:
        import platformdirs  # only here: most runs under test and in services name their folder

        folder = Path(platformdirs.user_data_dir("howdah", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Narrowed, should it have stood there already: tokens lie in it.
    if sys.platform != "win32" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


if sys.platform == "linux":

    def unacknowledged_bytes(sock: socket.socket) -> int:
        """What a TCP socket was given that the other side's kernel has not confirmed; 0: nobody knows.

        SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ.
        """
        try:
            found = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # ValueError: it was closed
            return 0
        return max(0, int.from_bytes(found, sys.byteorder, signed=True))

else:

    def unacknowledged_bytes(sock: socket.socket) -> int:
        """Only Linux says it of a socket whose peer is another machine."""
        return 0


class Locked(Exception):
    """Another process holds the lock."""


@contextmanager
def exclusive_lock(path: Path) -> Iterator[int]:
    """Hold `path` as a lock; raises Locked at once if another process, or another opening, has it.

    The operating system lets go of it when the process ends, however it ends, so that the file
    itself may stay. Gives the descriptor, for a note about the holder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _CLOSE_ON_EXEC | _NO_FOLLOW, 0o600)
    try:
        lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def lock(descriptor: int) -> None:
        """Lock an open file for whoever has it open here. Raises Locked at once."""
        try:
            # Far behind the end, so that the note at the beginning can be read by others.
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise Locked from error
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:

    def lock(descriptor: int) -> None:
        """Lock an open file for whoever has it open here. Raises Locked at once."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked from error


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """What tells whether a file is still the one that was looked at."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> SourceIdentity:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    @classmethod
    def of_descriptor(cls, descriptor: int) -> SourceIdentity:
        """Raises ProblemError("source_failed")."""
        try:
            return cls.of(os.fstat(descriptor))
        except OSError as error:
            raise source_problem(error) from error


def open_source(path: str | Path, *, follow: bool) -> tuple[int, SourceIdentity]:
    """A regular file, opened to be read: its descriptor, which the caller closes, and what it is.

    `follow`: whether the last step may be a symbolic link. One that the user names is meant; one
    that is found in a folder may lead out of it, or have been swapped in since it was seen there.

    Raises ProblemError: source_missing, source_unreadable, source_not_a_file, source_failed.
    """
    flags = os.O_RDONLY | _CLOSE_ON_EXEC | _BINARY | (0 if follow else _NO_FOLLOW)
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a writer for ever, and a tape may be rewound.
        descriptor = os.open(path, flags | _NO_BLOCK | getattr(os, "O_NOCTTY", 0))
    except OSError as error:
        raise source_problem(error) from error
    except ValueError as error:  # a NUL in the name
        raise ProblemError("source_missing") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ProblemError("source_not_a_file")
        if _NO_BLOCK:
            os.set_blocking(descriptor, True)
    except OSError as error:
        os.close(descriptor)
        raise source_problem(error) from error
    except ProblemError:
        os.close(descriptor)
        raise
    return descriptor, SourceIdentity.of(found)


def source_problem(error: OSError) -> ProblemError:
    """What an error while opening or reading a source means for its transfer."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ProblemError("source_missing")
    if error.errno in (errno.EACCES, errno.EPERM):
        return ProblemError("source_unreadable", f"({reason})")
    # ELOOP: a link where none is followed. ENXIO: a socket. EISDIR: Windows, macOS.
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV):
        return ProblemError("source_not_a_file", f"({reason})")
    return ProblemError("source_failed", f"({reason})")


def target_problem(error: OSError) -> ProblemError:
    """What an error while writing a local file means for its transfer."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ProblemError("local_full")
    return ProblemError("target_unwritable", f"({reason})")


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` in one step by a file that only its user may read, and make that durable.

    Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOSE_ON_EXEC | _BINARY
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes at `offset`. Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, offset)
    with _position:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


def write_at(descriptor: int, data: memoryview, offset: int) -> int:
    """Some of `data` at `offset`: how many bytes; fewer is no error (pwrite(2)). Raises OSError."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, offset)
    with _position:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


_position = threading.Lock()
"""Where there is no pread (Windows): seeking and reading belong together."""


def sync_file(descriptor: int) -> None:
    """Return once the file's bytes are on the disk itself. Raises OSError."""
    if sys.platform == "darwin":
        # fsync there leaves them in the drive's cache (fsync(2), F_FULLFSYNC).
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: str | Path | int) -> None:
    """Make a rename in `folder` durable. Raises OSError."""
    if sys.platform == "win32":
        return  # folders cannot be opened for this there; NTFS journals the rename
    if isinstance(folder, int):
        os.fsync(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _CLOSE_ON_EXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
