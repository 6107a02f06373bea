"""`howdah pair`."""

from __future__ import annotations

import platform

from howdah_desktop.cli import context
from howdah_desktop.cli.exits import Exit
from howdah_desktop.remote import secrets
from howdah_desktop.remote.pairing import pair


def pair_with(link: str, name: str) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    device = name or settings.device_name or platform.node() or "this computer"
    paired = pair(link, device)
    place = secrets.save(paired)
    print(f"Paired with {paired.receiver_name} at {paired.address} as {paired.account}.")
    print(secrets.told(place))
    return Exit.DONE
