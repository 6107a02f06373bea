"""Times as people type them: 30m, 12h, 7d, 4w."""

from __future__ import annotations

import re

import typer

_UNITS = {"m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def seconds_of(words: str) -> float:
    """Raises typer.BadParameter, which ends with exit code 2."""
    match = re.fullmatch(r"([0-9]{1,9})([mhdw])", words.strip())
    if match is None:
        raise typer.BadParameter(f"{words!r} is no time: write it like 30m, 12h, 7d or 4w.")
    return float(int(match[1]) * _UNITS[match[2]])


def time_of(seconds: float) -> str:
    """The other way round: 30d for 2592000.0. Whole minutes."""
    unit = next((one for one in "dh" if seconds % _UNITS[one] == 0), "m")
    return f"{int(seconds) // _UNITS[unit]}{unit}"
