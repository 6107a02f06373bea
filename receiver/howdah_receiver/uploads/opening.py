"""Stored versions opened for reading while an upload is filled from them."""

from __future__ import annotations

import os

from howdah_receiver.storage import disk
from howdah_receiver.storage.folders import DataFolder


def open_stored(
    folder: DataFolder, *, version_id: str, kept: bool, space_folder: str, path: str, size: int
) -> int | None:
    """A descriptor of a version that stands at its path or, `kept`, was replaced; None where no file of
    `size` bytes is there. Whether it still holds the version's bytes is for the caller to see."""
    try:
        if kept:
            descriptor = disk.open_regular(version_id, os.O_RDONLY, dir_fd=folder.versions)
        else:
            above, _, name = f"{space_folder}/{path}".rpartition("/")
            with disk.folder(folder.files, above) as parent:
                descriptor = disk.open_regular(name, os.O_RDONLY, dir_fd=parent)
    except OSError:
        return None
    if os.fstat(descriptor).st_size == size:
        return descriptor
    os.close(descriptor)
    return None
