"""`howdah-receiver pair`: another pairing link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.admin import finding
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import members
from howdah_receiver.catalogue.accounts import AccountRow
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused


def pair(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """A link with a new code; it names the address that the receiver listens on.

    `account` (null: the owner), `space` (null: all of its spaces), `send_only`.
    """
    if receiver.link is None:
        raise StartRefused(
            f"No receiver is running on {receiver.folder.path}.",
            "Start one with `howdah-receiver serve`, or name its folder with --data.",
        )
    word, space = arguments.get("account"), arguments.get("space")
    people = receiver.accounts.people
    account = finding.account(receiver, word) if word else people.owner()
    if account.disabled:
        raise StartRefused(
            f"The account {account.name} is disabled.", "Enable it with `howdah-receiver account`."
        )
    new = receiver.accounts.pairing.new_code(
        account.id,
        space_id=_space_of(receiver, account, space) if space else None,
        send_only=bool(arguments.get("send_only")),
    )
    yield {"link": receiver.link(new.code)}


def _space_of(receiver: Receiver, account: AccountRow, word: str) -> str:
    """The id of a space that the account is a member of. Raises StartRefused."""
    space = finding.space(receiver, word)
    with receiver.catalogue.read() as connection:
        role = members.role(connection, space.id, account.id)
    if role is None:
        raise StartRefused(
            f"The account {account.name} is no member of {space.name}.",
            "Make it one with `howdah-receiver space role`.",
        )
    return space.id


COMMANDS = {"pair": pair}
