"""What the operating system says of this computer: is its network metered, does it run on battery.

Only Linux says it here; elsewhere nobody knows. Both ask files and programs, which may hang: not for the
control thread.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

COMMAND_SECONDS = 3.0
POWER_SUPPLIES = Path("/sys/class/power_supply")

_NETWORK_MANAGER = "org.freedesktop.NetworkManager"
_BUSCTL = (
    "busctl",
    "--system",
    f"--timeout={COMMAND_SECONDS:.0f}",
    "get-property",
    _NETWORK_MANAGER,
    "/org/freedesktop/NetworkManager",
    _NETWORK_MANAGER,
    "Metered",
)
_NMCLI = ("nmcli", "-t", "-f", "GENERAL.STATE,GENERAL.METERED", "device", "show")
_IS_METERED = {1: True, 2: False, 3: True, 4: False}
"""NMMetered of NetworkManager's D-Bus API: yes, no, guessed yes, guessed no; 0: unknown."""

Run = Callable[[Sequence[str]], str | None]
"""What a program prints; None: it is not there, fails, or takes too long."""


class Surroundings(Protocol):
    """None: nobody knows."""

    def metered(self) -> bool | None: ...
    def on_battery(self) -> bool | None: ...


def run_command(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


@dataclass(frozen=True)
class LinuxSurroundings:
    """NetworkManager over D-Bus, and the kernel's power supplies."""

    run: Run = run_command
    power_supplies: Path = POWER_SUPPLIES

    def metered(self) -> bool | None:
        told = self.run(_BUSCTL)
        if told is not None and (match := re.fullmatch(r"u (\d+)", told.strip())):
            return _IS_METERED.get(int(match[1]))
        told = self.run(_NMCLI)
        return None if told is None else _by_device(told)

    def on_battery(self) -> bool | None:
        """A battery of this computer (not of a mouse) is used, and no other power is there."""
        discharging = None
        try:
            supplies = sorted(self.power_supplies.iterdir())
        except OSError:
            return None
        for supply in supplies:
            kind = _line(supply / "type")
            if kind in ("Mains", "USB") and _line(supply / "online") == "1":
                return False
            if kind == "Battery" and _line(supply / "scope") != "Device":
                discharging = discharging or _line(supply / "status") == "Discharging"
        return discharging


@dataclass(frozen=True)
class UnknownSurroundings:
    """Where nobody can be asked."""

    def metered(self) -> bool | None:
        return None

    def on_battery(self) -> bool | None:
        return None


def of_this_computer() -> Surroundings:
    return LinuxSurroundings() if sys.platform == "linux" else UnknownSurroundings()


def _by_device(told: str) -> bool | None:
    """Whether a connected device of nmcli's list is metered."""
    found: bool | None = None
    connected = False
    for line in told.splitlines():
        name, _, value = line.partition(":")
        if name == "GENERAL.STATE":
            connected = value.startswith("100")
        elif name == "GENERAL.METERED" and connected and value.startswith(("yes", "no")):
            found = found or value.startswith("yes")
    return found


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
