"""The audit log: who did what that an owner may one day have to know.

`note` writes its line in the transaction of what it tells, so that neither is there without the other.
Whom a request is from need not be handed down to it: the gate says so with `asking`, and a thread that
works for a request knows it too (see `api.context`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Select, func, select

from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, audit, devices

PAGE = 50
MOST_A_PAGE = 1_000
_MOST_TEXT = 300
_SWEEP_ROWS = 10_000
MOST_ENTRIES = 1_000_000
"""Whoever tries to sign in, again and again, fills no disk with it."""


class What(Enum):
    """What is noted. The values stand on the wire."""

    STARTED = "started"
    STOPPED = "stopped"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    PAIRED = "paired"
    PAIRING_REFUSED = "pairing_refused"
    DEVICE_CHANGED = "device_changed"
    DEVICE_REVOKED = "device_revoked"
    TOKEN_STOLEN = "token_stolen"
    """A refresh token that was replaced is shown again: the device was revoked."""
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_CHANGED = "account_changed"
    PASSWORD_CHANGED = "password_changed"
    INVITED = "invited"
    INVITATION_REVOKED = "invitation_revoked"
    SPACE_ADDED = "space_added"
    SPACE_CHANGED = "space_changed"
    SPACE_REMOVED = "space_removed"
    ROLE_CHANGED = "role_changed"
    LINK_MADE = "link_made"
    LINK_REVOKED = "link_revoked"
    REMOVED_FOR_GOOD = "removed_for_good"
    DAMAGE_FOUND = "damage_found"


@dataclass(slots=True)
class Asking:
    """Whom the work at hand is for."""

    address: str | None = None
    caller: Caller | None = None


asking: ContextVar[Asking] = ContextVar("asking", default=Asking())  # noqa: B039 - never changed
"""Set by the gate for each request; empty for the receiver's own commands."""


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    time_ns: int
    what: str
    account_id: str | None
    account_name: str | None
    device_id: str | None
    device_name: str | None
    address: str | None
    detail: dict[str, Any]


def note(
    connection: Connection,
    what: What,
    *,
    account_id: str | None = None,
    device_id: str | None = None,
    **detail: str | int | bool | None,
) -> None:
    """Write down what this transaction does. Who asks is known; `account_id` and `device_id` are for
    where nobody is signed in yet. `detail`: names and ids, never a secret; None is left out."""
    who = asking.get()
    if account_id is None and who.caller is not None:
        account_id, device_id = who.caller.account_id, who.caller.device_id
    connection.execute(
        audit.insert().values(
            time_ns=time.time_ns(),
            what=what.value,
            account_id=account_id,
            device_id=device_id,
            address=who.address,
            detail=json.dumps({k: _short(v) for k, v in detail.items() if v is not None}),
        )
    )


def _short(value: str | int | bool | None) -> str | int | bool | None:
    return value[:_MOST_TEXT] if isinstance(value, str) else value


def page(
    connection: Connection,
    *,
    count: int = PAGE,
    before: int | None = None,
    what: What | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> list[Entry]:
    """The newest first; `before`: older than the entry of that number."""
    query: Select[Any] = (
        select(audit, accounts.c.name.label("account_name"), devices.c.name.label("device_name"))
        .outerjoin(accounts, accounts.c.id == audit.c.account_id)
        .outerjoin(devices, devices.c.id == audit.c.device_id)
        .order_by(audit.c.number.desc())
        .limit(count)
    )
    if before is not None:
        query = query.where(audit.c.number < before)
    if what is not None:
        query = query.where(audit.c.what == what.value)
    if since_ns is not None:
        query = query.where(audit.c.time_ns >= since_ns)
    if until_ns is not None:
        query = query.where(audit.c.time_ns < until_ns)
    return [
        Entry(**(dict(row._mapping) | {"detail": json.loads(row.detail)}))
        for row in connection.execute(query)
    ]


def sweep(catalogue: Catalogue, keep_seconds: float, stopping: threading.Event) -> None:
    """Let go of what is older than that, or more than `MOST_ENTRIES` ago, some at a time."""
    before = time.time_ns() - int(keep_seconds * 10**9)
    newest = select(func.max(audit.c.number)).scalar_subquery()
    over = (audit.c.time_ns < before) | (audit.c.number <= newest - MOST_ENTRIES)
    old = select(audit.c.number).where(over).limit(_SWEEP_ROWS)
    while not stopping.is_set():
        with catalogue.write() as connection:
            gone = connection.execute(audit.delete().where(audit.c.number.in_(old))).rowcount
        if gone < _SWEEP_ROWS:
            return


@contextmanager
def asked_by(who: Asking) -> Iterator[None]:
    """For the block, and the threads that work for it."""
    token = asking.set(who)
    try:
        yield
    finally:
        asking.reset(token)


def as_json(entry: Entry) -> Mapping[str, Any]:
    """For programs; what is not known is left out."""
    found = {name: getattr(entry, name) for name in Entry.__slots__}
    return {name: value for name, value in found.items() if value is not None}
