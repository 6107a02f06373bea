"""A file on its way to its name, below a folder that others may change at the same time."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from howdah_common.problems import ProblemError
from howdah_desktop.local_names import check_local_name, part_name
from howdah_desktop.steps import FILE_FLAGS, Step, step_problem
from howdah_desktop.system import Locked, lock, read_at, sync_file, write_at


class PartFile:
    """A file on its way to its name: nothing stands under the name before `publish`.

    Holds a lock, so that two downloads never write one part. Any number of threads may read and
    write at different offsets. Raises ProblemError; the constructor OSError as well.
    """

    def __init__(self, step: Step, path: str) -> None:
        """Takes over `step`, the folder of `path`, if nothing is raised."""
        self._step = step
        self._path = path
        self._name = part_name(path.rpartition("/")[2])
        self._descriptor = self._open()

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def resize(self, size: int) -> None:
        """Make room for `size` bytes, so that a full disk is known before the bytes come."""
        try:
            before = os.fstat(self._descriptor).st_size
            os.ftruncate(self._descriptor, min(size, before))
            if size:
                self._allocate(size, min(size, before))
        except OSError as error:
            raise step_problem(error, self._path) from error

    def write_at(self, data: bytes | memoryview, offset: int) -> None:
        """All of `data`; what was written stays if the disk is full."""
        view = memoryview(data)
        try:
            while view:
                written = write_at(self._descriptor, view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            raise step_problem(error, self._path) from error

    def read_at(self, length: int, offset: int) -> bytes:
        try:
            return read_at(self._descriptor, length, offset)
        except OSError as error:
            raise step_problem(error, self._path) from error

    def maybe_written(self, offset: int) -> bool:
        """False where the disk knows that nothing was ever written at `offset`."""
        seek_data: int | None = getattr(os, "SEEK_DATA", None)
        if seek_data is None:
            return True
        try:
            return os.lseek(self._descriptor, offset, seek_data) == offset
        except OSError as error:
            return error.errno != errno.ENXIO  # nothing but a hole follows

    def publish(self, name: str, *, modified_ns: int, replace: bool) -> None:
        """Give it its name, durably: `name` in the same folder.

        Raises FileExistsError where something stands there and `replace` is False. A part that the
        disk failed to take for good is removed: what is on the disk is unknown then, and a second
        fsync would claim success (Linux marks the pages clean).
        """
        check_local_name(name)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(self._descriptor, 0o666 & ~_UMASK)
            self._set_times(modified_ns)
            try:
                sync_file(self._descriptor)
            except OSError:
                self.discard()
                raise
            self._check_still_ours()
            self._rename(name, replace=replace)
            self._step.sync()
        except FileExistsError:
            raise
        except OSError as error:
            raise step_problem(error, self._path) from error

    def discard(self) -> None:
        with suppress(OSError):
            os.unlink(self._step.name(self._name), dir_fd=self._step.descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
        self._step.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> int:
        """A part of our own: one that was left, or a new one in place of what is not ours."""
        name = self._step.name(self._name)
        for _ in range(10):  # others may be at it at the same time
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | FILE_FLAGS
                descriptor = os.open(name, flags, 0o600, dir_fd=self._step.descriptor)
            except FileExistsError:
                left = self._open_left(name)
                if left is None:
                    continue
                descriptor = left
            try:
                lock(descriptor)
            except Locked as error:
                os.close(descriptor)
                raise ProblemError("target_unwritable", "Another download writes it.") from error
            if self._is(descriptor):
                return descriptor
            os.close(descriptor)  # it was published or removed while we waited for it
        raise ProblemError("target_unwritable", "Its part file is changed all the time.")

    def _open_left(self, name: str) -> int | None:
        try:
            descriptor = os.open(name, os.O_RDWR | FILE_FLAGS, dir_fd=self._step.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EACCES, errno.ENXIO, errno.EMLINK):
                raise
        else:
            if _is_own(os.fstat(descriptor)):
                return descriptor
            os.close(descriptor)
        # A link, a FIFO, or a second name of some other file, which we would write into.
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._step.descriptor)
        return None

    def _is(self, descriptor: int) -> bool:
        """Whether the part's name still means what is open."""
        try:
            named = os.stat(
                self._step.name(self._name),
                dir_fd=self._step.descriptor,
                follow_symlinks=False,
            )
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))

    def _check_still_ours(self) -> None:
        if not self._is(self._descriptor):
            raise ProblemError("target_unwritable", "Its part file was taken away.")

    def _allocate(self, size: int, before: int) -> None:
        if hasattr(os, "posix_fallocate"):
            # Asked first: fallocate takes what there is before it says that there is too little.
            disk, mine = os.fstatvfs(self._descriptor), os.fstat(self._descriptor)
            if size - mine.st_blocks * 512 > disk.f_bavail * disk.f_frsize:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                os.posix_fallocate(self._descriptor, 0, size)
                return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    os.ftruncate(self._descriptor, before)  # gives back what it did get
                    raise
        os.ftruncate(self._descriptor, size)

    def _set_times(self, modified_ns: int) -> None:
        target = self._descriptor if os.utime in os.supports_fd else self._step.name(self._name)
        # A time that this disk or platform cannot say is no reason to refuse the bytes.
        with suppress(OSError, OverflowError):
            os.utime(target, ns=(os.fstat(self._descriptor).st_atime_ns, modified_ns))

    def _rename(self, name: str, *, replace: bool) -> None:
        old, new, folder = self._step.name(self._name), self._step.name(name), self._step.descriptor
        if replace:
            os.replace(old, new, src_dir_fd=folder, dst_dir_fd=folder)
            return
        if sys.platform == "win32":
            Path(old).rename(new)  # refuses there what stands in the way
            return
        try:
            # rename(2) would replace what came to stand there a moment ago; link(2) does not.
            os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            self._rename_without_links(old, new)
        else:
            os.unlink(old, dir_fd=folder)

    def _rename_without_links(self, old: str, new: str) -> None:
        """For disks that know no second names (FAT): looks, then renames."""
        folder = self._step.descriptor
        try:
            os.stat(new, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


def _is_own(found: os.stat_result) -> bool:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        return False
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()


def _umask() -> int:
    """The rights that new files do not get. Asking sets it, so it is asked once, early."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _umask()
