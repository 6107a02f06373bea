"""What the tests of the whole share: a receiver and clients as processes, a link between them, files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from kit.client import PROGRAM, Client
from kit.link import FaultyLink
from kit.native import home
from kit.receiver import RunningReceiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from kit.processes import Process

MB = 1_000_000
MIB = 1024 * 1024
LOOK_SECONDS = 0.02


@dataclass
class Carriage:
    """A receiver, the way to it, and a client that is paired over that way."""

    folder: Path
    receiver: RunningReceiver
    link: FaultyLink
    client: Client
    _up: int = 0
    _down: int = 0
    _clients: list[Client] = field(default_factory=list)

    def stored(self, path: str) -> Path:
        """A file of the home space, where the receiver keeps it."""
        return home(self.receiver) / path

    def run(self, *words: str | Path, code: int = 0, timeout: float = 60.0) -> str:
        """What a command of the client prints; it must end with `code`."""
        return self.client.run(*words, code=code, timeout=timeout).stdout

    def fetched(self, remote: str, to: str = "back") -> Path:
        """Fetch a file into a folder of its own: where it is then."""
        self.run("get", remote, "--to", self.folder / to, timeout=120)
        return self.folder / to / remote.rpartition("/")[2]

    def mark(self) -> None:
        """Count the bytes on the link from here on."""
        self._up, self._down = self.link.up_bytes, self.link.down_bytes

    @property
    def up(self) -> int:
        """Bytes that went up since the mark."""
        return self.link.up_bytes - self._up

    @property
    def down(self) -> int:
        """Bytes that came down since the mark."""
        return self.link.down_bytes - self._down

    def another_client(self, name: str, env: Mapping[str, str] | None = None) -> Client:
        """A client with a home of its own, paired over the link."""
        client = Client(self.folder / name, dict(env or {}))
        client.run("pair", over(self.link, self.receiver, self.receiver.new_link()))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in [self.client, *self._clients]:
            client.close()


@contextmanager
def carriage(
    folder: Path,
    *,
    receiver_env: Mapping[str, str] | None = None,
    client_env: Mapping[str, str] | None = None,
    data: Path | None = None,
) -> Iterator[Carriage]:
    """All of it for as long as the block; the link is a good one."""
    with (
        running_receiver(data or folder / "data", env=receiver_env) as receiver,
        FaultyLink(receiver.port) as link,
    ):
        client = Client(folder / "howdah", dict(client_env or {}))
        client.run("pair", over(link, receiver, receiver.link))
        whole = Carriage(folder, receiver, link, client)
        try:
            yield whole
        finally:
            whole.close()


@contextmanager
def lasting(folder: Path) -> Iterator[Carriage]:
    """One for all tests of a module: it is older than the environment that each test gets of its own."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("HOWDAH_", "XDG_")):
                environment.delenv(name)
        environment.setenv("HOME", str(folder))
        environment.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        with carriage(folder) as whole:
            yield whole
    shutil.rmtree(folder, ignore_errors=True)


def over(link: FaultyLink, receiver: RunningReceiver, pairing: str) -> str:
    """A pairing link that leads over the link."""
    return pairing.replace(f":{receiver.port}/", f":{link.port}/")


def piped(
    client: Client, data: bytes, *words: str, code: int = 0
) -> subprocess.CompletedProcess[bytes]:
    """A command with `data` on its standard input; it must end with `code`."""
    done = subprocess.run(
        [*PROGRAM, *words],
        input=data,
        capture_output=True,
        timeout=60,
        env={**os.environ, "HOWDAH_HOME": str(client.home), **client.env},
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def rows(client: Client) -> list[dict[str, Any]]:
    """The transfers that are not at an end, or failed, as `howdah status` has them."""
    found: list[dict[str, Any]] = json.loads(client.run("status", "--json").stdout)["transfers"]
    return found


def listed(client: Client, path: str = "") -> dict[str, dict[str, Any]]:
    """What `howdah ls --json` says of a folder or file, by path."""
    lines = client.run("ls", *([path] if path else []), "--json").stdout.splitlines()
    return {item["path"]: item for item in map(json.loads, lines)}


def write_random(path: Path, size: int) -> Path:
    """A new file of bytes that nobody has sent before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for at in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - at)))
    return path


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            block = first.read(MIB)
            if block != second.read(MIB):
                return False
            if not block:
                return True


def finished(command: Process, code: int = 0) -> str:
    """Wait for a command's end, which must be `code`: what it printed."""
    ended = command.wait(100)
    assert ended == code, f"{ended}\n{command.stdout.text}\n{command.stderr.text}"
    command.stdout.join()
    return command.stdout.text


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """For what can only be looked at, as a person would look."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(LOOK_SECONDS)
