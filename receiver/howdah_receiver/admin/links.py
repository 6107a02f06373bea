"""`howdah-receiver link`: what is open to people without an account, over all spaces, and its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import true

from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import links as rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.links import FoundLink
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused
from howdah_receiver.links.service import revoke as revoke_in
from howdah_receiver.links.service import state_of

_PAGE = 500


def list_links(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """A line for each link, the newest first; `all`: those that are over as well."""
    now, first = time.time_ns(), 0
    while True:
        with receiver.catalogue.read() as connection:
            found, total = rows.page(
                connection,
                true(),
                live_at_ns=None if arguments.get("all") else now,
                first=first,
                count=_PAGE,
            )
            names = {space.id: space.name for space in spaces.all_of_them(connection)}
        for one in found:
            yield _line(one, names[one.row.space_id], now)
        first += _PAGE
        if first >= total:
            return


def _line(found: FoundLink, space: str, now: int) -> Line:
    row = found.row
    return {
        "id": row.id,
        "kind": row.kind,
        "state": state_of(found, now),
        "account": found.account_name,
        "space": space,
        "path": found.subject.path if found.subject else None,
        "label": row.label,
        "uses": row.uses,
        "most_uses": row.most_uses,
        "has_password": row.password_hash is not None,
        "expires_ns": row.expires_ns,
    }


def revoke(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """End a link, by its id or the beginning of it. Raises StartRefused."""
    wanted = str(arguments.get("id", ""))
    with receiver.catalogue.write() as connection:
        ids = rows.ids_that_begin_with(connection, wanted, 2)
        if len(ids) != 1:
            raise StartRefused(
                f"There is no link {wanted!r}."
                if not ids
                else f"Several links begin with {wanted!r}.",
                "`howdah-receiver link list --all` shows them all.",
            )
        revoke_in(connection, ids[0])
    yield {"id": ids[0]}


COMMANDS = {"link.list": list_links, "link.revoke": revoke}
