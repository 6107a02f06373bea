"""What can be set, frozen, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah_desktop.system import home

MOST_CONNECTIONS = 4
SMALL_FILES_AT_ONCE = 6


class BadSetting(ValueError):
    """A variable that cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one run of the client."""

    home: Path
    """HOWDAH_HOME: pairing, ledger, lock and control socket."""
    connections: int | None = None
    """HOWDAH_CONNECTIONS: how many a large file uses; None: as the line needs."""
    small_files_at_once: int = SMALL_FILES_AT_ONCE
    """HOWDAH_SMALL_FILES: files under 8 MiB in flight together; each needs three requests."""
    device_name: str = ""
    """HOWDAH_DEVICE_NAME: what the receiver calls this device; else the computer's name."""


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises BadSetting."""
    found = os.environ if environment is None else environment
    return Settings(
        home=home(),
        connections=_number(found, "HOWDAH_CONNECTIONS", MOST_CONNECTIONS),
        small_files_at_once=_number(found, "HOWDAH_SMALL_FILES", 32) or SMALL_FILES_AT_ONCE,
        device_name=found.get("HOWDAH_DEVICE_NAME", ""),
    )


def _number(found: Mapping[str, str], name: str, most: int) -> int | None:
    text = found.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise BadSetting(f"{name} is {text!r}; it takes a number from 1 to {most}.")
    return int(text)
