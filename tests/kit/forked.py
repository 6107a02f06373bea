"""Receivers by the hundred: real ones, forked from a process that has everything loaded.

A :class:`Forks` is that process; :meth:`Forks.start` gives a :class:`Forked`, a receiver on a data folder
with orders for the disk shim. Folders lie in memory where that is possible: what a disk does after a
power cut is for ``kit.power_cut`` to say, and fsync would only take time here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from kit import diskshim
from kit.processes import PATIENCE_SECONDS, spawn

KIT = Path(__file__).resolve().parent
MEMORY = Path("/dev/shm")


def memory() -> Path:
    """Where folders lie in memory; the temporary folder where there is no such place."""
    return MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())


class Died(Exception):
    """The receiver ended before it answered."""


class Forked:
    """One receiver. `url` and `link` are those that it printed."""

    def __init__(self, data: Path, connection: socket.socket, log: Path) -> None:
        self.data = data
        self.log = log
        self._connection = connection
        self._lines = connection.makefile("r")
        self.pid = 0
        self.url = ""

    def wait_until_it_listens(self) -> None:
        """Raises Died."""
        self.pid = int(self._line())
        self.url = self._line()

    @property
    def link(self) -> str:
        """The pairing link that it prints while nobody was ever paired. Raises Died."""
        return self._line()

    def _line(self) -> str:
        line = self._lines.readline()
        if not line.endswith("\n"):
            raise Died
        return line.strip()

    def wait(self) -> None:
        """Wait until it has ended."""
        while self._lines.readline():
            pass
        self.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """In good order."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        self.wait()

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def story(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Forks:
    """The process that forks, and the folder (`root`) that the shim watches."""

    def __init__(self, address: Path, root: Path) -> None:
        self.root = root
        self._address = address
        self._numbers = count()

    def folder(self) -> Path:
        """A name for a new data folder, in a folder of its own."""
        path = self.root / str(next(self._numbers))
        path.mkdir()
        return path / "data"

    def start(
        self,
        data: Path,
        *,
        kill: tuple[int, diskshim.When] | None = None,
        fault: str | None = None,
        count: Path | None = None,
        armed: Path | None = None,
    ) -> Forked:
        """A receiver on `data`. Raises Died where it ends before it listens."""
        log = self._address.with_name(f"{data.parent.name}.log")
        order = {
            "data": str(data),
            "log": str(log),
            "kill": None if kill is None else f"{kill[0]}:{kill[1]}",
            "fault": fault,
            "count": None if count is None else str(count),
            "armed": None if armed is None else str(armed),
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(str(self._address))
        connection.sendall(json.dumps(order).encode() + b"\n")
        receiver = Forked(data, connection, log)
        try:
            receiver.wait_until_it_listens()
        except BaseException:
            receiver.close()
            raise
        return receiver


@contextmanager
def forks(outside: Path) -> Iterator[Forks]:
    """`outside`: a folder with a short path for what must not lie below the one that is watched."""
    root = Path(tempfile.mkdtemp(prefix="howdah-forks-", dir=memory()))
    address = outside / "forks.sock"
    environment = diskshim.environment(root) | {
        "PYTHONPATH": os.pathsep.join([*_python_path(), str(KIT.parent)])
    }
    try:
        with spawn(
            [sys.executable, KIT / "fork_server.py", address], folder=outside, env=environment
        ) as process:
            process.wait_for("ready")
            yield Forks(address, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
