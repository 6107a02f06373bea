"""What a killed `howdah free` left aside gets its place again when an engine starts, or the next `free`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from howdah_desktop.freeing.aside import place_of
from howdah_desktop.log_file import quoted
from howdah_desktop.system import Locked, exclusive_lock

LOCK_NAME = "freeing.lock"
"""Held by whoever frees: what lies aside then is in good hands."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an intent that was left came to its end."""

    id: int
    removed: bool
    """The file had gone already when the program was killed."""


def put_back_all(home: Path, unfinished: Iterable[tuple[int, bytes, bytes]]) -> list[Ending]:
    """For (number, path, aside folder): unless somebody frees just now. Looks at the user's disks."""
    try:
        with exclusive_lock(home / LOCK_NAME):
            return [found for intent in unfinished if (found := put_back(*intent)) is not None]
    except Locked:
        return []


def put_back(id_: int, local: bytes, aside: bytes) -> Ending | None:
    """None: its disk is not there now, or refuses; another start tries again."""
    try:
        with place_of(local, aside) as place:
            name = place.put_back()
            if name is not None:
                log.warning("put back after a kill: path=%s", quoted(os.fsdecode(local)))
            removed = name is None and place.look(place.name) is None
    except FileNotFoundError:
        # The folder is gone with everything in it; if its disk is only not mounted, it is only late.
        return None
    except OSError as error:
        log.warning("cannot put back (%s): path=%s", error.strerror, quoted(os.fsdecode(local)))
        return None
    return Ending(id_, removed)
