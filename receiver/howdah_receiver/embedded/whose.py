"""Whose the uploads of an embedded receiver are, and where they go."""

from __future__ import annotations

from sqlalchemy import Connection, select

from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_folder
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import accounts, memberships
from howdah_receiver.catalogue.tables import spaces as space_table
from howdah_receiver.errors import StartRefused

DEVICE = "embedded"
"""What rows remember as the device that uploads of the face came from."""


def caller_named(connection: Connection, account: str) -> Caller:
    """The account of that name. Raises StartRefused."""
    row = connection.execute(
        select(accounts).where(accounts.c.name == account, accounts.c.disabled.is_(False))
    ).first()
    if row is None:
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
    """The caller's space of that id, or else of that name; its home for None. Raises StartRefused."""
    by_name = connection.execute(
        select(space_table.c.id)
        .join(memberships, memberships.c.space_id == space_table.c.id)
        .where(memberships.c.account_id == caller.account_id, space_table.c.name == wanted)
    ).scalar()
    try:
        return spaces.space_for(connection, caller, by_name or wanted, Right.SEND)
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
