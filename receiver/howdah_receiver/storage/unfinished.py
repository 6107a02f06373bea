"""Intents that are not carried through yet, as this process knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.storage import intents
from howdah_receiver.storage.intents import Intent, PublishIntent, RewindIntent


@dataclass(frozen=True, slots=True)
class Pending:
    """An intent and the space whose tree it changes."""

    id: str
    space: Space
    intent: Intent


class Unfinished:
    """Thread-safe for readers; each intent is changed under the lock of its space."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._pending: dict[str, Pending] = {}

    def begin(self, space: Space, intent: Intent) -> Pending:
        """Commit an intent."""
        with self._catalogue.write() as connection:
            return self.begun(space, intent, intents.insert(connection, space.id, intent))

    def begun(self, space: Space, intent: Intent, intent_id: str) -> Pending:
        pending = Pending(intent_id, space, intent)
        self._pending[intent_id] = pending
        return pending

    def change(self, pending: Pending, **fields: Any) -> Pending:
        """Commit what it says now, before that is done."""
        intent = msgspec.structs.replace(pending.intent, **fields)
        with self._catalogue.write() as connection:
            intents.put(connection, pending.id, intent)
        return self.begun(pending.space, intent, pending.id)

    def end(self, pending: Pending) -> None:
        """Its row went with the commit of its result."""
        self._pending.pop(pending.id, None)

    def take_up(self, connection: Connection) -> None:
        """Those that the last run left."""
        for intent_id, space_id, intent in intents.all_of_them(connection):
            self.begun(spaces.by_id(connection, space_id), intent, intent_id)

    def all_of_them(self) -> list[Pending]:
        return list(self._pending.copy().values())

    def of(self, space: Space) -> list[Pending]:
        """In the order in which they were begun, those that hold up a path."""
        return [one for one in self.all_of_them() if one.space == space and one.intent.paths]

    def holds_up(self, space: Space, path: str, *, all_below: bool) -> bool:
        """Whether something is half-way at the path or above it; with `all_below`, below it too."""
        return any(
            _is_at(other, path, fold=space.case_fold)
            or (all_below and _is_at(path, other, fold=space.case_fold))
            for one in self.of(space)
            for other in one.intent.paths
        )

    def uploads(self) -> set[str]:
        """Uploads whose publication was stopped half-way."""
        return {
            one.intent.upload_id
            for one in self.all_of_them()
            if isinstance(one.intent, PublishIntent)
        }

    def parts(self) -> set[str]:
        """Names in parts/ that something half-way still needs."""
        found = self.uploads()
        for one in self.all_of_them():
            if isinstance(one.intent, RewindIntent):
                found |= one.intent.parts
        return found


def _is_at(above: str, path: str, *, fold: bool) -> bool:
    """Whether `path` is `above`, or lies below it."""
    if fold:
        above, path = above.casefold(), path.casefold()
    return not above or f"{path}/".startswith(f"{above}/")
