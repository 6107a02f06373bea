"""The receiver of the pictures: a machine called nas.home, with TLS, behind a line that has its days.

The machine is this one. It is called otherwise in the receiver's own process alone, and the name leads to
the line in ours alone: as a name server at home would have it.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.link import FaultyLink
from kit.processes import Process
from kit.receiver import RunningReceiver

NAME = "nas.home"
PORT = 8484
CALLED_OTHERWISE = (
    f"import socket; socket.gethostname = lambda: {NAME!r};"
    "from howdah_receiver.cli import main; main()"
)
SMALL_DISK = "64m"


class NoSmallDisk(Exception):
    """Nobody lets us mount one here."""


class Nas(RunningReceiver):
    """A receiver that others reach over a network, so with a certificate of its own.

    `small`: its disk holds 64 MB and no more. It is mounted for its process alone, and is gone with it.
    """

    def __init__(self, data: Path, *, small: bool = False) -> None:
        self._before = _on_a_small_disk(data) if small else ()
        super().__init__(data)

    def start(self) -> None:
        program = [*self._before, sys.executable, "-c", CALLED_OTHERWISE]
        serve = ["serve", "--data", str(self.data), "--host", "0.0.0.0", "--port", str(self.port)]
        self.process = Process([*program, *serve], folder=self._output)
        try:
            self.url = self.process.wait_for(r"^https://\S+$")[0]
        except BaseException:
            self.process.close()
            raise

    @property
    def link(self) -> str:
        """As it is printed, but with the port that the line answers on."""
        return super().link.replace(f"{NAME}:{self.port}/", f"{NAME}:{PORT}/")

    def renew_certificate(self) -> None:
        """Start again with another certificate: renewed on purpose, or somebody else."""
        self.stop()
        shutil.rmtree(self.data / "tls")
        self.restart()


@contextmanager
def nas(data: Path, *, small: bool = False) -> Iterator[tuple[Nas, FaultyLink]]:
    """The receiver and the line to it, which its name leads to from here."""
    receiver = Nas(data, small=small)
    try:
        with FaultyLink(receiver.port) as link, _leads_to(link.port):
            yield receiver, link
    finally:
        receiver.close()


@contextmanager
def _leads_to(port: int) -> Iterator[None]:
    real = socket.getaddrinfo

    def resolve(host: Any, service: Any, *more: Any, **named: Any) -> Any:
        if (host, service) == (NAME, PORT):
            return real("127.0.0.1", port, *more, **named)
        return real(host, service, *more, **named)

    socket.getaddrinfo = resolve  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = real


def _on_a_small_disk(data: Path) -> Sequence[str]:
    """What stands before a command so that `data` is a small disk to it. Raises NoSmallDisk."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NoSmallDisk("a small disk needs unshare (util-linux), for Linux alone")
    data.mkdir()
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = f'mount -t tmpfs -o size={SMALL_DISK},mode=700 howdah "$0" && exec "$@"'
    return [unshare, "--mount", *rights, "sh", "-c", mount, str(data)]
