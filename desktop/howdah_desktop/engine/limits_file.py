"""Where the limits are kept: `limits.json` in HOWDAH_HOME, for its user alone."""

from __future__ import annotations

from pathlib import Path

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop import system
from howdah_desktop.engine.limit_rules import Limits

FILE_NAME = "limits.json"


def load(home: Path) -> Limits:
    """Without a file: none. Raises ProblemError("limits_damaged")."""
    path = home / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Limits)
    except FileNotFoundError:
        return Limits()
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        reason = getattr(error, "strerror", None) or str(error)
        raise ProblemError("limits_damaged", f"It is {path} ({reason}).") from error


def save(home: Path, limits: Limits) -> None:
    """Durable, in one step. Raises ProblemError("local_full", "target_unwritable")."""
    data = msgspec.json.format(msgspec.json.encode(limits), indent=2) + b"\n"
    try:
        system.write_private(home / FILE_NAME, data)
    except OSError as error:
        raise system.target_problem(error) from error
