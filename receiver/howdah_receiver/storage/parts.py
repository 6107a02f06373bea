"""Part files: uploads on their way, one file each, named by the upload's id.

A chunk is written at its offset, so that assembling is a rename, whatever the size.
"""

from __future__ import annotations

import errno
import os

from howdah_receiver.storage.disk import look, open_regular, preallocate

FLOOR_BYTES = 8 * 1024 * 1024
"""What uploads leave free at least, so that the catalogue can still write down what makes room: a cancelled
upload. A setting may say more."""


class Parts:
    """The folder of part files. Raises OSError; callers translate it (see `disk.disk_errors`)."""

    def __init__(self, folder: int, floor_bytes: int = FLOOR_BYTES) -> None:
        self._folder = folder
        self._floor_bytes = floor_bytes

    def create(self, upload_id: str, size: int | None) -> None:
        """Make the part and reserve its space, so that a full disk is known before the bytes come.

        Nothing is left behind if that fails. The name becomes durable with `sync_names`.
        """
        self.check_room(size or 0)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(upload_id, flags, 0o600, dir_fd=self._folder)
        try:
            if size:
                preallocate(descriptor, size)
        except OSError:
            self.remove(upload_id)
            raise
        finally:
            os.close(descriptor)

    def check_room(self, more_bytes: int) -> None:
        """Raises OSError (ENOSPC) where so many more bytes would leave less than the floor."""
        status = os.fstatvfs(self._folder)
        # Some file systems do not know their size, and say 0.
        if status.f_blocks and status.f_bavail * status.f_frsize < more_bytes + self._floor_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        status = os.fstatvfs(self._folder)
        return status.f_bavail * status.f_frsize

    def open(self, upload_id: str) -> int:
        """A descriptor for reading and writing."""
        return open_regular(upload_id, os.O_RDWR, dir_fd=self._folder)

    def exists(self, upload_id: str) -> bool:
        return look(upload_id, dir_fd=self._folder) is not None

    def remove(self, upload_id: str) -> None:
        """Free the part's space; nothing happens if it is gone."""
        try:
            os.unlink(upload_id, dir_fd=self._folder)
        except FileNotFoundError:
            pass

    def sync_names(self) -> None:
        os.fsync(self._folder)

    def names(self) -> list[str]:
        return os.listdir(self._folder)
