"""How a file goes, and the rule of a watched folder by which it does. Pure."""

from __future__ import annotations

from enum import Enum

import msgspec


class How(Enum):
    """The values stand in the ledger and in `--json`."""

    TRASH = "trash"
    DELETE = "delete"


class FreeRule(msgspec.Struct, frozen=True):
    """What has arrived so long ago, and has not changed since, is freed. In the ledger as JSON."""

    after_seconds: float
    how: How = How.TRASH
