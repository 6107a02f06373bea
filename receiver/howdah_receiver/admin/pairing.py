"""`howdah-receiver pair`: another pairing link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.app import Receiver
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused


def pair(receiver: Receiver, _arguments: Mapping[str, Any]) -> Iterator[Line]:
    """A link with a new code; it names the address that the receiver listens on."""
    if receiver.link is None:
        raise StartRefused(
            f"No receiver is running on {receiver.folder.path}.",
            "Start one with `howdah-receiver serve`, or name its folder with --data.",
        )
    yield {"link": receiver.link(receiver.accounts.new_code())}


COMMANDS = {"pair": pair}
