"""`howdah move-to`."""

from __future__ import annotations

import typer

from howdah_desktop.cli import context
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import running_engine
from howdah_desktop.remote import secrets
from howdah_desktop.remote.moving import moved, new_address


def move_to(address: str) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    paired = secrets.load()
    try:
        there = moved(paired, new_address(address, paired))
    except ValueError as error:
        raise typer.BadParameter("An address looks like https://nas:8484 or nas:8484.") from error
    secrets.save(there)
    engine = running_engine(settings.home)
    if engine is not None:  # a window, or a command that sends: they go on with the new address
        engine.look()
        engine.close()
    print(f"{there.receiver_name} is now asked at {there.address}.")
    return Exit.DONE
