"""Whose the uploads of an embedded receiver are, and where they go."""

from __future__ import annotations

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_folder
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import accounts, members, spaces
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.errors import StartRefused

DEVICE = "embedded"
"""What rows remember as the device that uploads of the face came from."""


def caller_named(connection: Connection, account: str) -> Caller:
    """The account of that name, address or id. Raises StartRefused."""
    row = accounts.by_word(connection, account)
    if row is None or row.disabled:
        raise StartRefused(
            f"There is no account {account!r} at this receiver, or it is disabled.",
            "Name another one with account=, or leave it out for the owner's.",
        )
    return Caller(
        account_id=row.id,
        account_name=row.name,
        admin=row.role == "admin",
        device_id=DEVICE,
        device_name=DEVICE,
    )


def space_named(connection: Connection, caller: Caller, wanted: str | None) -> Space:
    """The caller's space of that id or name; its home for None. Raises StartRefused."""
    own = [row for row, _ in members.of_account(connection, caller.account_id)]
    named = [row.id for row in own if wanted in (row.id, row.name)]
    if len(named) > 1:
        raise StartRefused(
            f"There are {len(named)} spaces named {wanted!r}.",
            f"Give the id of one: {', '.join(named)}.",
        )
    try:
        return spaces.space_for(connection, caller, named[0] if named else wanted, Right.SEND)
    except ProblemError as problem:
        raise StartRefused(
            f"The account {caller.account_name!r} cannot put files into the space {wanted!r}.",
            "Name another one with space=, or leave it out for the account's home.",
        ) from problem


def checked_folder(folder: str) -> str:
    """Raises StartRefused."""
    try:
        return check_folder(folder)
    except BadPath as error:
        raise StartRefused(
            f"Files cannot go below {folder!r}: {error}", "Name another place with folder=."
        ) from error
