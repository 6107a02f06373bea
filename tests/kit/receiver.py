"""A receiver as a user runs it: a process of its own on a port of loopback."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kit.launching import run
from kit.ports import free_port
from kit.processes import PATIENCE_SECONDS, Process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "howdah_receiver")


class RunningReceiver:
    """`howdah-receiver serve` on a data folder; the port stays the same over restarts."""

    def __init__(self, data: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self._env = dict(env or {})
        # Beside the data, not in it: the receiver's folder is the receiver's alone.
        self._output = data.with_name(f"{data.name}.output")
        self._output.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.process = Process(
            [*PROGRAM, "serve", "--data", self.data, "--port", str(self.port)],
            folder=self._output,
            env=self._env,
        )
        try:
            self.url = self.process.wait_for(r"^https?://\S+$")[0]
        except BaseException:
            self.process.close()
            raise

    @property
    def link(self) -> str:
        """The pairing link that a receiver prints while no device was ever paired."""
        return self.process.wait_for(r"^howdah://\S+$")[0]

    def new_link(self) -> str:
        """Another pairing link, asked for with `howdah-receiver pair`."""
        return self.run("pair", "--data", str(self.data)).stdout.splitlines()[-1]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the program with the same environment; it must succeed."""
        done = run(
            [*PROGRAM, *arguments], timeout=PATIENCE_SECONDS, env={**os.environ, **self._env}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def kill(self) -> None:
        """End it as a power cut would end the process: nothing runs afterwards."""
        self.process.kill(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it in good order: the exit code."""
        return self.process.stop()

    def restart(self) -> None:
        """Start again on the same folder and port; if it still runs, stop it in good order."""
        if self.process.running:
            self.stop()
        self.process.close()
        self.start()

    def close(self) -> None:
        """End what is left of it."""
        self.process.close()


@contextmanager
def running_receiver(
    data: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[RunningReceiver]:
    """A receiver for as long as the block."""
    receiver = RunningReceiver(data, env=env)
    try:
        yield receiver
    finally:
        receiver.close()
