"""A receiver's life: startup, listening, shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from howdah_receiver import notify
from howdah_receiver.address import Address
from howdah_receiver.admin.commands import answer
from howdah_receiver.app import Receiver
from howdah_receiver.control import ControlServer
from howdah_receiver.limits import protocol_with
from howdah_receiver.listening import listen, stop_listening
from howdah_receiver.proxies import BehindProxies, proxies_of
from howdah_receiver.settings import Settings
from howdah_receiver.sockets import MOST_MESSAGE_BYTES, LimitedSocket
from howdah_receiver.tls import Tls, is_given, is_spoken

_GRACE_SECONDS = 2
"""For what is under way in threads, once the requests have ended."""
_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises StartRefused."""
    listening = listen(settings)
    try:
        # The owner's certificate before the folder: whoever is refused for it has changed nothing yet.
        given = Tls(settings) if is_spoken(settings) and is_given(settings) else None
        receiver = Receiver(settings)
        tls = given or (Tls(settings) if is_spoken(settings) else None)
    except BaseException:
        stop_listening(settings, listening)
        raise
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(settings, receiver, listening, tls).run())


class Server:
    def __init__(
        self, settings: Settings, receiver: Receiver, listening: socket.socket, tls: Tls | None
    ) -> None:
        self._settings = settings
        self._receiver = receiver
        self._listening = listening
        self._tls = tls
        port = 0 if settings.unix else listening.getsockname()[1]
        self.address = Address(settings, port, tls)

    async def run(self) -> None:
        self._receiver.link = self.address.link
        control = ControlServer(self._receiver.folder.root, partial(answer, self._receiver))
        await control.start()
        self._receiver.start()
        beside = [asyncio.create_task(work) for work in self._beside()]
        server = _Uvicorn(
            self._config(),
            on_listening=self._announce,
            on_exit=self._turn_red,
            on_stopping=_say_stopping,
            delay_seconds=self._settings.stop_delay_seconds,
        )
        await server.serve(sockets=[self._listening])
        stop_listening(self._settings, self._listening)
        if server.server_state.tasks:  # cancelled, and letting go of what they had
            await asyncio.wait(set(server.server_state.tasks), timeout=_GRACE_SECONDS / 2)
        for task in beside:
            task.cancel()
        await control.stop()
        await self._stop_receiver()

    def _beside(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What goes on beside requests until the end."""
        yield self._receiver.metrics.watch_loop()
        if self._tls is not None:
            yield self._tls.watch()
        seconds = notify.watchdog_seconds()
        if seconds is not None:
            yield _say_alive(seconds)

    def _config(self) -> uvicorn.Config:
        settings, tls = self._settings, self._tls
        proxies = proxies_of(settings)
        app = self._receiver.app(self.address.allowed_hosts())
        config = uvicorn.Config(
            BehindProxies(app, proxies, settings),
            http=protocol_with(settings, proxies),
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
        )
        config.load()
        # Ours, as it takes up renewed certificates.
        config.ssl = None if tls is None else tls.context
        return config

    def _announce(self) -> None:
        """On a line of its own each, for people and programs: the address, and how to pair the first time."""
        if self._tls is not None and is_given(self._settings):
            _on_hangup(self._tls)
        print(self.address.url, flush=True)
        code = self._receiver.accounts.first_code()
        if code is not None:
            print(self.address.link(code), flush=True)
        notify.notify(notify.READY, notify.status(f"Listening as {self.address.url}"))

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


def _on_hangup(tls: Tls) -> None:
    """Take up a renewed certificate. Without one of the owner's, a closed terminal ends us as usual."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, tls.take_up_renewed))


async def _say_alive(seconds: float) -> None:
    """From the event loop: if that hangs, nobody is answered, and the manager should know."""
    while True:
        notify.notify(notify.ALIVE)
        await asyncio.sleep(seconds)


def _say_stopping() -> None:
    notify.notify(notify.STOPPING, notify.status("Stopping"))


class _Uvicorn(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_listening: Callable[[], None],
        on_exit: Callable[[], None],
        on_stopping: Callable[[], None],
        delay_seconds: float,
    ) -> None:
        """`on_exit` is called in a signal's handler; `on_stopping` soon after it."""
        super().__init__(config)
        self._on_listening = on_listening
        self._on_exit = on_exit
        self._on_stopping = on_stopping
        self._delay_seconds = delay_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_exit()
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        await super().main_loop()
        _log.info("told to stop")
        self._on_stopping()
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
