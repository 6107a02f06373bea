"""`howdah-receiver serve` with arguments of its own, and what it says where it does not start."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.processes import PATIENCE_SECONDS, Process
from kit.receiver import PROGRAM, RunningReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Served(RunningReceiver):
    """A receiver with more arguments; the last of two that contradict counts."""

    def __init__(self, data: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self._arguments = arguments
        super().__init__(data, env=env)

    def start(self) -> None:
        self.process = Process(
            [*PROGRAM, "serve", "--data", self.data, "--port", str(self.port), *self._arguments],
            folder=self._output,
            env=self._env,
        )
        try:
            self.url = self.process.wait_for(r"^https?://\S+$")[0]
        except BaseException:
            self.process.close()
            raise


@contextmanager
def served(data: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A receiver for as long as the block."""
    receiver = Served(data, *arguments, env=env)
    try:
        yield receiver
    finally:
        receiver.close()


def command(
    *arguments: str | Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command of the receiver to its end; `before` stands before it (setpriv and its like)."""
    return subprocess.run(
        [*before, *PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **(env or {})},
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What it says where it refuses: exit code 1, a sentence, a remedy, and nothing for programmers."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    sentence, remedy = done.stderr.strip().splitlines()[-2:]
    assert sentence.startswith("howdah-receiver: "), done.stderr
    assert sentence.endswith("."), done.stderr
    assert remedy.endswith("."), done.stderr
    return sentence
