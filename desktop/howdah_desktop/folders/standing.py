"""Whether a watched folder is there at all: its disk may be unplugged, its network drive away.

A marker file says that it is the folder that was chosen. Where none could be written (a folder that may
only be read), its device must be the same, and it must not have been emptied.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

from howdah_desktop.folders.directory import Ground
from howdah_desktop.folders.watched import MARKER, Watched

_EXPLANATION = (
    "Howdah watches this folder and knows it by this file. Do not delete it: without it the folder\n"
    "counts as one whose disk is not there.\n"
)


class Unavailable(Exception):
    """The folder is not there, or may not be what it was; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What makes the folder known again."""

    marker: str
    """Empty: none could be written."""
    device: int


def mark(root: bytes) -> Marked:
    """Write the marker, or take the one that is there. Raises OSError where the folder cannot be opened."""
    ground = Ground(root)
    try:
        found = _marker_in(ground)
        if not found:
            found = secrets.token_hex(16)
            path = os.path.join(root, MARKER.encode())  # bytes
            try:
                # A folder that is shared by several watchers keeps the first one's.
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                found = ""
            except OSError:
                return Marked("", ground.device)
            else:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(f"{found}\n{_EXPLANATION}")
        return Marked(found, ground.device)
    finally:
        ground.close()


def check(folder: Watched, ground: Ground, known_files: int) -> None:
    """Raises Unavailable."""
    if folder.marker:
        if _marker_in(ground) != folder.marker:
            raise Unavailable(
                f"The file {MARKER} is missing in it: its disk may not be there, or it was emptied."
            )
        return
    if folder.device is not None and ground.device != folder.device:
        raise Unavailable("It lies on another disk than before.")
    if known_files and not ground.entries(b""):
        raise Unavailable("It is empty now: its disk may not be there.")


def _marker_in(ground: Ground) -> str:
    text = ground.read_small(b"", MARKER.encode()) or ""
    return text.split("\n", 1)[0].strip()
