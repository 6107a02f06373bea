"""Journals: batches of small files as they came, one file each, until all of their files are synced.

Beside one stands, where folders were made for its files, a note of these: a JSON list of strings on each
line, the id of the space and the folders' paths. It is durable before they are made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import msgspec

from howdah_common.digests import Buffer
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk

_NOTE = ".folders"


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
        self._unlink(journal_id)

    def remove_note(self, journal_id: str) -> None:
        self._unlink(journal_id + _NOTE)

    def ids(self) -> set[str]:
        """Of those that are there, or were and have left a note."""
        return {name.removesuffix(_NOTE) for name in os.listdir(self._folder)}

    def note_folders(self, journal_id: str, space_id: str, paths: Sequence[str]) -> None:
        """They are about to be made for its files."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(journal_id + _NOTE, flags, 0o600, dir_fd=self._folder)
        with open(descriptor, "ab") as note:
            note.write(msgspec.json.encode([space_id, *paths]) + b"\n")
            note.flush()
            os.fdatasync(descriptor)
        os.fsync(self._folder)

    def noted_folders(self, journal_id: str) -> Iterator[tuple[str, list[str]]]:
        """Spaces by their ids, and paths in them. What is not whole is passed over."""
        try:
            descriptor = disk.open_regular(journal_id + _NOTE, os.O_RDONLY, dir_fd=self._folder)
        except FileNotFoundError:
            return
        with open(descriptor, "rb") as note:
            for line in note:
                try:
                    space_id, *paths = msgspec.json.decode(line, type=list[str])
                except (msgspec.DecodeError, ValueError):
                    continue
                yield space_id, paths

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            pass


def read_exactly(descriptor: int, offset: int, length: int) -> bytes:
    """Raises OSError (EIO) where the file ends before that."""
    return b"".join(bytes(block) for block in disk.read_blocks(descriptor, offset, length))
