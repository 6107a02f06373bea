"""What a watched folder is, and how it stands. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

import msgspec

from howdah_desktop.freeing.how import FreeRule

SETTLE_SECONDS = 5.0
"""A file is sent once its size and time have stood still for so long."""
CLOSED_SECONDS = 1.0
"""As long as that once whoever wrote it has closed it."""
COMPARE_SECONDS = 6 * 3600.0
PLACE = 1e6
"""Of watched files in the queue: after what somebody drops and waits for."""
MARKER = ".howdah-folder"
"""A file in each watched folder: where it is missing, the folder's disk is not there."""

MOST_GONE_FILES = 50
MOST_GONE_PART = 0.2
"""More deletions at once than either are not mirrored before somebody says yes."""


class Links(Enum):
    """What becomes of symbolic links."""

    SKIP = "skip"
    FOLLOW = "follow"
    """To files and folders inside the watched folder; others are skipped."""
    KEEP = "keep"
    """Each as a small file there that holds what the link holds, see `link_names`."""


class FolderState(Enum):
    """The values stand in the ledger: they never change."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By the user; `until` says when it goes on by itself, if it does."""
    UNAVAILABLE = "unavailable"
    """Its disk is not there, or it looks emptied: nothing is done before that is over."""
    ASKING = "asking"
    """So much was deleted that somebody has to say whether they meant it."""


class FolderSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be chosen for a folder. Stands in the ledger as JSON: fields are never renamed."""

    ignore: tuple[str, ...] = ()
    """Lines in the syntax of .gitignore, for the folder itself; `.howdahignore` files come on top."""
    only: tuple[str, ...] = ()
    """If there are any: files that match none of these are left out."""
    default_rules: bool = True
    links: Links = Links.SKIP
    settle_seconds: float = SETTLE_SECONDS
    compare_seconds: float = COMPARE_SECONDS
    follow: bool = False
    """What is complete of a file that grows is sent before it has settled."""
    free: FreeRule | None = None
    """Of a backup alone: what a mirror does not find here is deleted there."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A row of the ledger."""

    id: int
    local: bytes
    target: str
    """As given; may hold {date}, {host} and {name}."""
    mirror: bool
    settings: FolderSettings
    group: int
    root: int
    marker: str
    """What the marker file holds; empty: none could be written."""
    device: int | None
    state: FolderState
    detail: str = ""
    until: float | None = None
    compared: float | None = None
    rules: str = ""
    added: float = 0.0


class BadTarget(ValueError):
    """A target with words in braces that mean nothing; the message names them."""


_WORDS = ("date", "host", "name")


def check_target(target: str) -> None:
    """Raises BadTarget."""
    left = target
    for word in _WORDS:
        left = left.replace("{" + word + "}", "")
    if "{" in left or "}" in left:
        known = ", ".join("{" + word + "}" for word in _WORDS)
        raise BadTarget(f"A target may hold {known} and no other braces.")


def filled(target: str, when: dt.date, host: str, name: str) -> str:
    """The target as a path: `{date}` is the day on which a file is first seen, as 2026-11-29."""
    return (
        target.replace("{date}", when.isoformat())
        .replace("{host}", host.replace("/", "_"))
        .replace("{name}", name)
    )


def too_many_gone(gone_files: int, known_files: int) -> bool:
    """Whether so many deletions at once need a yes."""
    return gone_files > MOST_GONE_FILES or gone_files > max(1, known_files * MOST_GONE_PART)
