"""Journals: batches of small files as they came, one file each, until all of their files are synced."""

from __future__ import annotations

import os
from collections.abc import Sequence

from howdah_common.digests import Buffer
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk


class Journal:
    """One batch on its way to the disk. Not thread-safe. Raises OSError; callers translate it."""

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self.id = new_id()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._descriptor = os.open(self.id, flags, 0o600, dir_fd=folder)
        self.size = 0

    def append(self, blocks: Sequence[Buffer]) -> None:
        disk.write_all(self._descriptor, blocks, self.size)
        self.size += sum(len(block) for block in blocks)

    def read(self, offset: int, length: int) -> bytes:
        """What stands there now: read back, not remembered."""
        return read_exactly(self._descriptor, offset, length)

    def make_durable(self) -> None:
        os.fdatasync(self._descriptor)
        os.fsync(self._folder)

    def close(self) -> None:
        os.close(self._descriptor)


class Journals:
    """The folder of journals. Raises OSError; callers translate it."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def begin(self) -> Journal:
        return Journal(self._folder)

    def open(self, journal_id: str) -> int:
        """A descriptor for reading."""
        return disk.open_regular(journal_id, os.O_RDONLY, dir_fd=self._folder)

    def remove(self, journal_id: str) -> None:
        """Nothing happens if it is gone. One that comes back after a power cut goes at the next start."""
        try:
            os.unlink(journal_id, dir_fd=self._folder)
        except FileNotFoundError:
            pass

    def names(self) -> list[str]:
        return os.listdir(self._folder)


def read_exactly(descriptor: int, offset: int, length: int) -> bytes:
    """Raises OSError (EIO) where the file ends before that."""
    return b"".join(bytes(block) for block in disk.read_blocks(descriptor, offset, length))
