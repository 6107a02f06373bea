"""The `howdah` command as a user types it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kit.launching import run
from kit.processes import Process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "howdah_desktop")


def howdah(
    *arguments: str | Path,
    home: Path,
    env: Mapping[str, str] | None = None,
    input: str | None = None,  # the name that subprocess.run gives it
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end with `home` as HOWDAH_HOME; `timeout` is in seconds."""
    return run(
        [*PROGRAM, *(os.fspath(word) for word in arguments)],
        input=input or "",
        timeout=timeout,
        env={**os.environ, **_environment(home, env)},
    )


def start(*arguments: str | Path, home: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start the command and leave it running; the caller closes it."""
    folder = home.with_name(f"{home.name}.output")
    folder.mkdir(parents=True, exist_ok=True)
    return Process([*PROGRAM, *arguments], folder=folder, env=_environment(home, env))


def _environment(home: Path, env: Mapping[str, str] | None) -> dict[str, str]:
    return {"HOWDAH_HOME": str(home), **(env or {})}


@dataclass
class Client:
    """A user's client: a home of its own, whose commands must succeed unless a test says not."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)
    _started: list[Process] = field(default_factory=list)

    def run(
        self, *arguments: str | Path, code: int = 0, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; it must end with `code`."""
        done = howdah(*arguments, home=self.home, env=self.env, timeout=timeout)
        assert done.returncode == code, (
            f"howdah {' '.join(map(str, arguments))} ended with {done.returncode}\n"
            f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        )
        return done

    def start(self, *arguments: str | Path) -> Process:
        """Start a command and leave it running, at most until this client is closed."""
        process = start(*arguments, home=self.home, env=self.env)
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what is left of its commands."""
        while self._started:
            self._started.pop().close()
