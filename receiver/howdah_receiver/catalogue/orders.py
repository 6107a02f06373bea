"""How a list is sorted, and where in it a page begins. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta


class SortBy(Enum):
    """What files are sorted by. The values stand on the wire."""

    NAME = "name"
    SIZE = "size"
    CHANGED = "changed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Order:
    """Of files; ties go by name, then by id. Descending is the same list backwards.

    Folders come first either way; they go by name, backwards only where files go by name too.
    """

    by: SortBy = SortBy.NAME
    descending: bool = False


class BadCursor(ValueError):
    """It is none that a list like this was continued with."""


Key = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | str


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last entry of a page, as far as the order goes by it: what comes next comes after it, whatever
    was added or taken away meanwhile."""

    by: str
    """As in `SortBy`; `found`: in the order in which a search finds."""
    descending: bool
    searching: bool
    run: Annotated[int, Meta(ge=0, le=1)]
    """0: it is a folder; 1: a file."""
    key: list[Key]

    def text(self) -> str:
        """For the wire."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


MOST_CURSOR_LETTERS = 2_048


def cursor_of(text: str) -> Cursor:
    """What `Cursor.text` gave. Raises BadCursor."""
    try:
        if len(text) > MOST_CURSOR_LETTERS:
            raise BadCursor(text[:20])
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(packed, type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadCursor(text[:20]) from error


@dataclass(frozen=True, slots=True)
class Page:
    """`count` entries from number `first` on (0-based), or those after `after`."""

    first: int
    count: int
    after: Cursor | None = None
