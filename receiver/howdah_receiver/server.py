"""A receiver's life: startup, listening, shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import uvicorn
import uvloop

from howdah_receiver.admin.commands import answer
from howdah_receiver.app import Receiver
from howdah_receiver.certificate import Certificate, certificate_in
from howdah_receiver.control import ControlServer
from howdah_receiver.errors import StartRefused
from howdah_receiver.limits import protocol_with
from howdah_receiver.settings import Settings
from howdah_receiver.settings.agreement import is_loopback
from howdah_receiver.sockets import MOST_MESSAGE_BYTES, LimitedSocket

_GRACE_SECONDS = 2
"""For what is under way in threads, once the requests have ended."""
_EVERYWHERE = ("0.0.0.0", "::")
_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises StartRefused."""
    listening = _listen(settings.host, settings.port)
    try:
        receiver = Receiver(settings)
    except BaseException:
        listening.close()
        raise
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(settings, receiver, listening).run())


class Server:
    def __init__(self, settings: Settings, receiver: Receiver, listening: socket.socket) -> None:
        self._settings = settings
        self._receiver = receiver
        self._listening = listening
        self._port: int = listening.getsockname()[1]
        self._certificate: Certificate | None = None
        if not is_loopback(settings.host):
            self._certificate = certificate_in(settings.data, settings.host)

    @property
    def address(self) -> str:
        scheme = "https" if self._certificate else "http"
        return f"{scheme}://{self._host_and_port}"

    @property
    def _host_and_port(self) -> str:
        host = self._settings.host
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()  # an address to listen on is no address to go to
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    def link(self, code: str) -> str:
        """The pairing link for a code."""
        trust = f"pin=sha256:{self._certificate.fingerprint}" if self._certificate else "tls=0"
        return f"howdah://{self._host_and_port}/pair?code={code}&{trust}"

    async def run(self) -> None:
        self._receiver.link = self.link
        control = ControlServer(self._receiver.folder.root, partial(answer, self._receiver))
        await control.start()
        self._receiver.start()
        lag = asyncio.create_task(self._receiver.metrics.watch_loop())
        server = _Uvicorn(
            self._config(),
            on_listening=self._announce,
            on_exit=self._turn_red,
            delay_seconds=self._settings.stop_delay_seconds,
        )
        await server.serve(sockets=[self._listening])
        lag.cancel()
        if server.server_state.tasks:  # cancelled, and letting go of what they had
            await asyncio.wait(set(server.server_state.tasks), timeout=_GRACE_SECONDS / 2)
        await control.stop()
        await self._stop_receiver()

    def _config(self) -> uvicorn.Config:
        settings, certificate = self._settings, self._certificate
        return uvicorn.Config(
            self._receiver.app(self._allowed_hosts()),
            http=protocol_with(settings),
            ws=LimitedSocket,
            ws_max_size=MOST_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=settings.ping_seconds,
            ws_ping_timeout=settings.ping_seconds,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.stop_seconds,
            ssl_certfile=certificate.certificate_file if certificate else None,
            ssl_keyfile=certificate.key_file if certificate else None,
        )

    def _allowed_hosts(self) -> frozenset[str]:
        own = {"localhost", socket.gethostname().lower(), self._settings.host.lower()}
        return frozenset(own | {host.lower() for host in self._settings.allowed_hosts})

    def _announce(self) -> None:
        """On a line of its own each, for people and programs: the address, and how to pair the first time."""
        print(self.address, flush=True)
        code = self._receiver.accounts.first_code()
        if code is not None:
            print(self.link(code), flush=True)

    def _turn_red(self) -> None:
        """A stop was asked for. Who balances load shall see it while we still answer."""
        self._receiver.readiness.stopping = True

    async def _stop_receiver(self) -> None:
        stopping = asyncio.get_running_loop().run_in_executor(None, self._receiver.stop)
        done, _ = await asyncio.wait({stopping}, timeout=_GRACE_SECONDS)
        if done:
            stopping.result()
            return
        # A disk that hangs must not keep us. Without the mark of a clean stop the next start looks.
        _log.warning("stopped while the disk was at work: the next start checks what arrived last")
        sys.stdout.flush()
        os._exit(0)


class _Uvicorn(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_listening: Callable[[], None],
        on_exit: Callable[[], None],
        delay_seconds: float,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._on_exit = on_exit
        self._delay_seconds = delay_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_exit()
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        await super().main_loop()
        _log.info("told to stop")
        until = time.monotonic() + self._delay_seconds
        while time.monotonic() < until and not self.force_exit:  # noqa: ASYNC110 - set by a signal
            await asyncio.sleep(0.1)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but without raising the signal again at the end: a stop that was asked for is
        a success."""
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _own_address(family: int) -> str:
    """The address that others reach this machine by, as far as it can tell; else its name."""
    elsewhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # RFC 3849, RFC 5737
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))  # only looks for the way: nothing is sent
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises StartRefused."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        raise StartRefused(
            f"Nothing can listen on {host}, port {port}: {error.strerror}.",
            "Choose another address with --host, or another port with --port (0 for a free one).",
        ) from error
    return listening
