"""The careful calls: relative to an opened folder, never through a symbolic link, never half a write.

A path below a root is walked step by step with O_NOFOLLOW, so that neither a name from the wire nor a
link that somebody planted leads out of it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from howdah_common.digests import Buffer
from howdah_common.problems import ProblemError

READ_BYTES = 256 * 1024
"""What is read at a time to be digested: small enough to stay in the processor's cache."""
_FIRST_MODE = 0o755
"""Of a folder that is made; who makes it says what it gets in the end."""

NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
"""What rmdir says of a folder that holds something."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_IOV_MAX = 1024
_RENAME_NOREPLACE = 1
_COPY_BYTES = 64 * 1024 * 1024
_NO_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_libc = ctypes.CDLL(None, use_errno=True)


def _no_renameat2(*_: object) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1


_renameat2: Any = getattr(_libc, "renameat2", _no_renameat2)
if _renameat2 is not _no_renameat2:
    _renameat2.argtypes = (
        ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a file is the one that we wrote. Times in nanoseconds."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns what the disk says into a problem: full, or failed. Nothing is kept that was not safe."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ProblemError("storage_full") from error
        raise ProblemError("storage_failed", os.strerror(error.errno or 0) + ".") from error


def open_folder(root: int, path: str) -> int:
    """A descriptor of the folder `path` below `root`. Raises OSError (ENOENT, ENOTDIR, ELOOP)."""
    here = os.dup(root)
    try:
        for name in path.split("/") if path else ():
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


@contextmanager
def folder(root: int, path: str) -> Iterator[int]:
    """As `open_folder`, closed at the end."""
    descriptor = open_folder(root, path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def made_folder(
    root: int,
    path: str,
    *,
    durable_steps: int = 0,
    dress: Callable[[int], None] | None = None,
) -> Iterator[int]:
    """As `folder`, making what is missing on the way; every name on it is durable on return.

    The first `durable_steps` are known to be: an fsync each is saved. A folder that is there but not known
    is fsynced too, as it may be the work of a run that died before its fsync. `dress` gets those that are
    new, opened, to give them mode and group.
    """
    here = os.dup(root)
    try:
        for depth, name in enumerate(path.split("/") if path else ()):
            if depth >= durable_steps or look(name, dir_fd=here) is None:
                _make_durable(name, here, dress)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _make_durable(name: str, parent: int, dress: Callable[[int], None] | None) -> None:
    try:
        os.mkdir(name, _FIRST_MODE, dir_fd=parent)
        if dress is not None:
            with folder(parent, name) as made:
                dress(made)
    except FileExistsError:
        pass  # also a file or a link of that name: opening it says so
    os.fsync(parent)


def look(name: str, *, dir_fd: int) -> os.stat_result | None:
    """What stands under `name`, links not followed; None for nothing."""
    try:
        return os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def open_regular(name: str, flags: int, *, dir_fd: int) -> int:
    """Open a regular file; anything else is refused without blocking on it. Raises OSError."""
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", name)


def rename_new(name: str, to: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """Rename, but never over anything: other hands' file is not ours to replace.

    Where the kernel or the file system cannot promise that (ENOSYS, EINVAL: NFS, old ones), it is looked
    first. Raises FileExistsError, and OSError as rename does.
    """
    names = os.fsencode(name), os.fsencode(to)
    while _renameat2(src_dir_fd, names[0], dst_dir_fd, names[1], _RENAME_NOREPLACE) != 0:
        code = ctypes.get_errno()
        if code == errno.EINTR:
            continue
        if code not in (errno.ENOSYS, errno.EINVAL):
            raise OSError(code, os.strerror(code), to)
        if look(to, dir_fd=dst_dir_fd) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)
        os.rename(name, to, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        return


def copy_all(source: int, target: int) -> int:
    """All bytes of an opened file into another, shared on disks that can; how many there were."""
    at, size = 0, os.fstat(source).st_size
    while at < size:
        try:
            count = os.copy_file_range(source, target, min(_COPY_BYTES, size - at), at, at)
        except OSError as error:
            if at or error.errno not in _NO_COPY:
                raise
            return _copy_by_hand(source, target)
        if count == 0:
            break  # it was cut short meanwhile
        at += count
    return at


def _copy_by_hand(source: int, target: int) -> int:
    at = 0
    while block := os.pread(source, READ_BYTES, at):
        write_all(target, [block], at)
        at += len(block)
    return at


def remove_tree(name: str, *, dir_fd: int, go_on: Callable[[], bool]) -> bool:
    """Remove a file, or a folder with all in it; nothing happens if it is gone. Links are not followed.

    Whether it came to its end: `go_on` is asked before each name. Can be done again after any part of it.
    """
    there = look(name, dir_fd=dir_fd)
    if there is None or not go_on():
        return there is None
    try:
        if not stat.S_ISDIR(there.st_mode):
            os.unlink(name, dir_fd=dir_fd)
            return True
        with folder(dir_fd, name) as inside:
            for below in os.listdir(inside):
                if not remove_tree(below, dir_fd=inside, go_on=go_on):
                    return False
        os.rmdir(name, dir_fd=dir_fd)
    except FileNotFoundError:
        pass  # somebody else did it in this moment
    return True


def remove_empty(name: str, *, dir_fd: int) -> None:
    """Remove a folder and those in it as far as nothing else is in them; nothing happens if it is gone."""
    try:
        with folder(dir_fd, name) as inside:
            for below in os.listdir(inside):
                there = look(below, dir_fd=inside)
                if there is not None and is_folder(there):
                    remove_empty(below, dir_fd=inside)
        os.rmdir(name, dir_fd=dir_fd)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in NOT_EMPTY:
            raise


def is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode)


def write_all(descriptor: int, blocks: Sequence[Buffer], offset: int) -> None:
    """Write all of `blocks` at `offset`. pwritev may write less than it was given, and CPython lets it."""
    views = [memoryview(block) for block in blocks if len(block)]
    while views:
        written = os.pwritev(descriptor, views[:_IOV_MAX], offset)
        if written == 0:
            raise OSError(errno.EIO, "the disk takes no bytes")
        offset += written
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]


_own = threading.local()


def read_blocks(
    descriptor: int, offset: int, length: int, buffer: bytearray | None = None
) -> Iterator[memoryview]:
    """What stands from `offset` on, `length` bytes, in views that are good until the next is asked for.

    They are views of `buffer`, or of one that the thread keeps: fresh memory for each chunk would cost
    more than reading it. Raises OSError (EIO) where the file ends before that.
    """
    if buffer is None:
        if not hasattr(_own, "buffer"):
            _own.buffer = bytearray(READ_BYTES)
        buffer = _own.buffer
    view = memoryview(buffer)
    end = offset + length
    while offset < end:
        count = os.preadv(descriptor, [view[: min(len(view), end - offset)]], offset)
        if count == 0:
            raise OSError(errno.EIO, "the file is shorter than it should be")
        yield view[:count]
        offset += count


_fallocate = getattr(_libc, "fallocate64", _libc.fallocate)
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def preallocate(descriptor: int, size: int) -> None:
    """Give an empty file `size` bytes, and the disk's word that there is room for them, where it has one.

    Not `posix_fallocate`: where a file system cannot do it (NFS, ZFS) glibc writes into every block, which
    takes hours for a large file. There the room is looked at, and the file is sparse.
    Raises OSError (ENOSPC).
    """
    while _fallocate(descriptor, 0, 0, size) != 0:
        code = ctypes.get_errno()
        if code == errno.EINTR:
            continue
        if code not in (errno.EOPNOTSUPP, errno.ENOSYS):
            raise OSError(code, os.strerror(code))
        room = os.fstatvfs(descriptor)
        if room.f_bavail * room.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(descriptor, size)
        return


def drop_cache(descriptor: int) -> None:
    """Make what is read next come from the disk. Dirty pages cannot be dropped: they are written first."""
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
