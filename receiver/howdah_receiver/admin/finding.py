"""What the words of a command mean: an account, a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from howdah_common.problems import ProblemError
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import members
from howdah_receiver.catalogue.accounts import AccountRow
from howdah_receiver.catalogue.members import SpaceRow
from howdah_receiver.errors import StartRefused


def account(receiver: Receiver, word: str) -> AccountRow:
    """The account of that name, address or id. Raises StartRefused."""
    try:
        return receiver.accounts.people.by_word(word)
    except ProblemError as problem:
        raise StartRefused(
            f"There is no account {word!r}.", "`howdah-receiver account list` shows them."
        ) from problem


def space(receiver: Receiver, word: str) -> SpaceRow:
    """The space of that name or id. Raises StartRefused, also where several have the name."""
    with receiver.catalogue.read() as connection:
        found = members.by_word(connection, word)
    if len(found) == 1:
        return found[0]
    if not found:
        raise StartRefused(
            f"There is no space {word!r}.", "`howdah-receiver space list` shows them."
        )
    raise StartRefused(
        f"There are {len(found)} spaces named {word!r}.",
        f"Give the id of one: {', '.join(row.id for row in found)}.",
    )


def chosen(arguments: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the arguments that are there."""
    return {name: arguments[name] for name in names if name in arguments}
