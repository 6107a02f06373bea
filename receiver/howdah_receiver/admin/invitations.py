"""`howdah-receiver invite`: codes for new accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.accounts.invitations import Invitation
from howdah_receiver.admin import finding
from howdah_receiver.app import Receiver
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused

_Arguments = Mapping[str, Any]


def invite(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`email`, `role`, `space`, `space_role`, `days`: `email` and `space` may be null."""
    space = arguments.get("space")
    found = finding.space(receiver, space) if space else None
    if found is not None and found.kind == "home":
        raise StartRefused(
            "A home has one member; people share other spaces.",
            "Make one with `howdah-receiver space add`.",
        )
    new, code = receiver.accounts.invitations.create(
        by_account_id=None,
        email=arguments.get("email"),
        role=arguments["role"],
        space_id=found.id if found else None,
        space_role=arguments["space_role"],
        days=arguments["days"],
    )
    yield {**_line(new), "code": code}


def list_all(receiver: Receiver, _arguments: _Arguments) -> Iterator[Line]:
    for one in receiver.accounts.invitations.list():
        yield _line(one)


def revoke(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    receiver.accounts.invitations.remove(arguments["invitation"])
    yield {"id": arguments["invitation"]}


def _line(row: Invitation) -> Line:
    return {
        "id": row.id,
        "email": row.email,
        "role": row.role,
        "space": row.space_id,
        "space_role": row.space_role,
        "expires_ns": row.expires_ns,
    }


COMMANDS = {"invite": invite, "invite.list": list_all, "invite.revoke": revoke}
