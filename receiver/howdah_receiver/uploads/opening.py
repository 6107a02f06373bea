"""Stored versions opened for reading while an upload is filled from them."""

from __future__ import annotations

import os

from howdah_receiver.storage import disk
from howdah_receiver.storage.folders import DataFolder


def place_of(version_id: str, *, kept: bool, space_folder: str, path: str) -> str:
    """Where a version lies below the data folder: at its path or, `kept`, among those that were replaced."""
    return f"versions/{version_id}" if kept else f"files/{space_folder}/{path}"


def open_stored(folder: DataFolder, place: str, size: int) -> int | None:
    """A descriptor of what lies at `place`, below the data folder; None where no such file of `size` is.
    Whether it still holds the version's bytes is for the caller to see."""
    above, _, name = place.rpartition("/")
    try:
        with disk.folder(folder.root, above) as parent:
            descriptor = disk.open_regular(name, os.O_RDONLY, dir_fd=parent)
    except OSError:
        return None
    if os.fstat(descriptor).st_size == size:
        return descriptor
    os.close(descriptor)
    return None
