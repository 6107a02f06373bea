"""The limits that uvicorn lacks: how long a request's head may take and how large it may be, that a body
goes on, and how many connections there may be.

Without them (measured, uvicorn 0.54) slow heads, slow bodies and idle sockets stay open for ever, and a
head of 300 KB is taken.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Any

import httptools
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from howdah_common.messages import API
from howdah_common.problems import MEDIA_TYPE, ProblemError
from howdah_receiver.api.answers import problem_answer
from howdah_receiver.proxies import Proxies
from howdah_receiver.settings import Settings
from howdah_receiver.settings.agreement import is_loopback
from howdah_receiver.sockets import LimitedSocket

# uvicorn stops reading at 64 KiB and starts again for each piece: a window of 1 MiB is 1.4 times as fast.
httptools_impl.HIGH_WATER_LIMIT = 1024 * 1024  # type: ignore[attr-defined]

MOST_IGNORED_BYTES = 128 * 1024 * 1024
"""What may still come of a request that was answered early: twice what one of ours may carry."""
MOST_IGNORED_OF_STRANGERS_BYTES = 1024 * 1024
SOCKET_PATH = f"{API}/events".encode()
GOODBYE_SECONDS = 0.2
"""So long may the other side of a TLS connection take to close it, once we are told to stop."""
_log = logging.getLogger(__name__)


class _KeepsWhatCame(RequestResponseCycle):
    """uvicorn throws away what it holds of a body when the line breaks; there may be whole chunks in it."""

    async def receive(self) -> Any:
        event = await super().receive()
        if event["type"] == "http.disconnect" and self.body and not self.response_complete:
            body, self.body = bytes(self.body), bytearray()
            return {"type": "http.request", "body": body, "more_body": self.more_body}
        return event


httptools_impl.RequestResponseCycle = _KeepsWhatCame  # type: ignore[misc]


def protocol_with(settings: Settings, proxies: Proxies) -> type[LimitedProtocol]:
    """A class, as that is what uvicorn wants."""
    shared = {"settings": settings, "proxies": proxies, "addresses": Counter(), "told": Rarely(60)}
    return type("Limited", (LimitedProtocol,), shared)


class Rarely:
    """Of many events, those to tell of."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = -seconds

    def now(self) -> bool:
        """Whether so long has passed since it last said so."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the limits of `settings`, shared by all its connections."""

    settings: Settings
    proxies: Proxies
    addresses: Counter[str]
    told: Rarely

    _timer: asyncio.TimerHandle | None = None
    _address: str | None = None
    _in_head = True
    _head_bytes = 0
    _body_bytes = 0
    _ignored_bytes = 0
    _stopping = False

    # -- connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self._is_welcome(address):
            transport.close()
            return
        self._address = address
        self.addresses[address] += 1
        self._expect_head()

    def _is_welcome(self, address: str) -> bool:
        if len(self.connections) > self.settings.connections:
            return False
        if self.proxies.trusts(address):
            return True  # those that it asks for are counted one by one (see `proxies`)
        if self.settings.tls == "off" and not is_loopback(address):
            if self.told.now():
                _log.warning("closed a connection without TLS from %s, no proxy of ours", address)
            return False
        return self.addresses[address] < self.settings.connections_per_address

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        """The connection is no longer one of its address."""
        if self._address is not None:
            self.addresses[self._address] -= 1
            if not self.addresses[self._address]:
                del self.addresses[self._address]

    # -- upgrades

    def _should_upgrade(self) -> bool:
        """Only where somebody speaks WebSocket, and nothing is still being answered on the connection.
        Everywhere else the request is answered as the plain one that it is also."""
        # uvicorn calls this an attribute that always is there; before a first request it is None.
        cycle: RequestResponseCycle | None = self.cycle
        return (
            super()._should_upgrade()
            and self.url.partition(b"?")[0] == SOCKET_PATH
            and self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and (cycle is None or cycle.response_complete)
        )

    def _unsupported_upgrade_warning(self) -> None:
        """Who asks for what we do not have is no news."""

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        if isinstance(socket, LimitedSocket):
            socket.on_lost = self._leave  # it is told of the end now, and not we

    # -- heads

    def _expect_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._start_timer(self.settings.header_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if not self._head_bytes:
            self.transport.close()  # nothing was asked, so nothing is answered
        else:
            self._refuse("request_timeout")

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            if not self._head_bytes:
                # A kept-alive connection may rest between requests; from its first byte on, a head
                # has the time that a head has.
                self._start_timer(self.settings.header_seconds, self._head_is_late)
            # Counted by arrival: where the body begins in the same piece the parser says so below.
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.settings.header_bytes:
            self._refuse("headers_too_large")

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._check_head_size(len(self.url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._check_head_size(
            len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        )

    def _check_head_size(self, size: int) -> None:
        if size > self.settings.header_bytes and not self.transport.is_closing():
            self._refuse("headers_too_large")

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            return
        self._in_head = False
        self._body_bytes = self._ignored_bytes = 0
        try:
            super().on_headers_complete()
        except httptools.HttpParserError:
            raise
        except (ValueError, UnicodeDecodeError, AttributeError):
            self._refuse("bad_request")  # a target that is no path
            return
        self._start_timer(self.settings.body_idle_seconds, self._check_body)

    # -- bodies

    def on_body(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._read_over(len(body))
        super().on_body(body)

    def _read_over(self, count: int) -> None:
        """What still comes of a request that was answered early. Read to its end where that is near, as
        a client that is cut off while it sends may never see the answer."""
        self._ignored_bytes += count
        known = not {"howdah.caller", "howdah.guest"}.isdisjoint(self.cycle.scope)
        if self._ignored_bytes > (MOST_IGNORED_BYTES if known else MOST_IGNORED_OF_STRANGERS_BYTES):
            self.transport.close()

    def _check_body(self) -> None:
        """Enough must come in each span of time, unless it is we who do not read."""
        enough = self.settings.body_bytes_per_second * self.settings.body_idle_seconds
        if not self.flow.read_paused and self._body_bytes < enough:
            self._refuse("request_timeout")
            return
        self._body_bytes = 0
        self._start_timer(self.settings.body_idle_seconds, self._check_body)

    def on_message_complete(self) -> None:
        if self.transport.is_closing():
            return
        self._stop_timer()
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    # -- the end

    def shutdown(self) -> None:
        super().shutdown()
        self._stopping = True
        self._let_go()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._stopping:
            self._let_go()

    def _let_go(self) -> None:
        """Of a connection that is being closed, once all of it is sent.

        Over TLS a close waits for the other side to say goodbye as well, for 30 s. A client that rests
        does not read, and so does not say it, and would hold up the stop.
        """
        if not self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            self.loop.call_later(GOODBYE_SECONDS, self._let_go)
        else:
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    # -- means

    def _start_timer(self, seconds: float, call: Any) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, call)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, code: str) -> None:
        """Answer where no answer has begun, and close."""
        self._stop_timer()
        # uvicorn calls this an attribute that always is there; before a first request it is None.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_raw_answer(code))
        self.transport.close()


def _raw_answer(code: str) -> bytes:
    error = ProblemError(code)
    body = bytes(problem_answer(error).body)
    head = (
        f"HTTP/1.1 {error.problem.status} -\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
