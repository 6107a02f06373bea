"""How tests start the two programs: forked from a process that has them loaded (``kit.zygote``), or, where
their own start is what matters, by Python itself."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ZYGOTE = Path(__file__).with_name("zygote.py")
_LATE = {
    "howdah_receiver": (
        "typer._adapters",
        "alembic.command",
        "sqlalchemy.dialects.sqlite.pysqlite",
        "uvicorn.lifespan.off",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.httptools_impl",
    ),
    "howdah_desktop": ("typer.rich_utils", "typer._adapters", "httpx", "rich.console"),
}
"""Programs, and what each takes from others only when it is needed."""
_OF_A_NEW_PROCESS = ("LD_", "PYTHON", "MALLOC_")
"""Variables that mean something to a process that starts, and to nobody afterwards."""
ANEW = {"PYTHONHASHSEED": "random"}
"""As `env` of a test in which a program is to be as it is when Python starts it."""
_HARMLESS = {"PYTHONUNBUFFERED", "PYTHON_KEYRING_BACKEND"}


@dataclass(frozen=True)
class Streams:
    """File descriptors for a child."""

    stdin: int
    stdout: int
    stderr: int


class Forked:
    """A child of the zygote, as `subprocess.Popen` would show it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._told = b""
        self.returncode: int | None = None
        while b"\n" not in self._told:
            self._read()
        self.pid = int(self._told.split(b"\n")[0])

    def poll(self) -> int | None:
        while self.returncode is None and select.select([self._pipe], [], [], 0)[0]:
            self._read()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._pipe], [], [], left)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _read(self) -> None:
        block = os.read(self._pipe, 64)
        assert block, "the zygote has died"
        self._told += block
        lines = self._told.split(b"\n")
        if len(lines) > 2:
            self.returncode = int(lines[1])
            os.close(self._pipe)


Child = Forked | subprocess.Popen[bytes]


def launch(
    command: Sequence[str],
    streams: Streams,
    env: Mapping[str, str],
    cwd: Path | None = None,
) -> Child:
    """Start `command` in a session of its own; `env` is all of its environment."""
    program = command[2] if tuple(command[:2]) == (sys.executable, "-m") else ""
    if program in _LATE and _for_a_start(env) == _AT_OUR_START:
        return _zygote(program).fork(command[3:], streams, env, cwd)
    return subprocess.Popen(
        command,
        stdin=streams.stdin,
        stdout=streams.stdout,
        stderr=streams.stderr,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def run(
    command: Sequence[str], *, env: Mapping[str, str], timeout: float, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """`command` run to its end, as `subprocess.run` does. Raises subprocess.TimeoutExpired."""
    files: list[IO[bytes]] = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115  # closed below
    stdin, stdout, stderr = files
    try:
        stdin.write(input.encode())
        stdin.seek(0)
        child = launch(command, Streams(*(file.fileno() for file in files)), env)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            told = [_text(stdout), _text(stderr)]
            raise subprocess.TimeoutExpired(command, timeout, *told) from None
        code = child.returncode
        assert code is not None
        return subprocess.CompletedProcess(command, code, _text(stdout), _text(stderr))
    finally:
        for file in files:
            file.close()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")


def _for_a_start(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in env.items()
        if name.startswith(_OF_A_NEW_PROCESS) and name not in _HARMLESS
    }


_AT_OUR_START = _for_a_start(os.environ)
"""The zygote has the same."""


class _Zygote:
    def __init__(self, program: str) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, _ZYGOTE, str(theirs.fileno()), program, *_LATE[program]],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()

    def fork(
        self,
        arguments: Sequence[str],
        streams: Streams,
        env: Mapping[str, str],
        cwd: Path | None,
    ) -> Forked:
        umask = os.umask(0)
        os.umask(umask)
        order = {
            "arguments": list(arguments),
            "env": dict(env),
            "cwd": os.fspath(cwd or Path.cwd()),
            "umask": umask,
        }
        ours, theirs = os.pipe()
        given = [streams.stdin, streams.stdout, streams.stderr, theirs]
        try:
            socket.send_fds(self._door, [json.dumps(order).encode()], given)
        finally:
            os.close(theirs)
        return Forked(ours)

    def close(self) -> None:
        self._door.close()
        self._process.wait()


_zygotes: dict[str, _Zygote] = {}


def _zygote(program: str) -> _Zygote:
    if program not in _zygotes:
        _zygotes[program] = _Zygote(program)
    return _zygotes[program]


@atexit.register
def _end() -> None:
    for zygote in _zygotes.values():
        zygote.close()
