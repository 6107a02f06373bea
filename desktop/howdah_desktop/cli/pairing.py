"""`howdah pair`."""

from __future__ import annotations

import platform

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import running_engine
from howdah_desktop.remote import secrets
from howdah_desktop.remote.pairing import pair
from howdah_desktop.settings import Settings


def pair_with(link: str, name: str) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    device = name or settings.device_name or platform.node() or "this computer"
    paired = pair(link, device)
    place = secrets.save(paired)
    print(f"Paired with {paired.receiver_name} at {paired.address} as {paired.account}.")
    print(secrets.told(place))
    _tell_engine(settings)
    return Exit.DONE


def _tell_engine(settings: Settings) -> None:
    """What runs in the background waits for this."""
    engine = running_engine(settings.home)
    if engine is None:
        return
    try:
        engine.look()
    except ProblemError:
        pass  # it has just ended; the next one reads the new pairing
    finally:
        engine.close()
