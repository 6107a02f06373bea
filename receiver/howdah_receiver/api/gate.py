"""Who may ask. Everything is denied unless it is opened here on purpose.

It stands before the routes and decides on the very path that the routes will see, wherever the receiver is
mounted, so that no handler can forget it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from howdah_common.messages import API, CATALOGUE_HEADER, CHANGE_HEADER
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.audit import Asking, asked_by
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.service import Accounts
from howdah_receiver.api.answers import problem_answer
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.log import OFTEN, shown
from howdah_receiver.watching.metrics import NOWHERE, Exchange, Metrics
from howdah_receiver.watching.tickets import Tickets

OPEN_ROUTES = frozenset(
    {("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/readyz"), ("HEAD", "/readyz"),
     ("GET", "/openapi.json"), ("HEAD", "/openapi.json"), ("GET", "/docs"), ("HEAD", "/docs"),
     ("POST", f"{API}/pair"), ("POST", f"{API}/auth/signup"), ("POST", f"{API}/auth/login"),
     ("POST", f"{API}/auth/refresh"),
     # Links: their secret is the credential, and their handlers look at it.
     ("GET", "/s/-/links.css"), ("HEAD", "/s/-/links.css"),
     ("GET", "/s/-/request.js"), ("HEAD", "/s/-/request.js"),
     ("GET", "/s/-/icon.svg"), ("HEAD", "/s/-/icon.svg"),
     ("GET", "/s/{secret}"), ("HEAD", "/s/{secret}"), ("POST", "/s/{secret}/password"),
     ("GET", "/s/{secret}/content"), ("HEAD", "/s/{secret}/content"),
     ("GET", "/s/{secret}/list"), ("HEAD", "/s/{secret}/list"),
     ("GET", "/s/{secret}/files/{below}"), ("HEAD", "/s/{secret}/files/{below}"),
     ("GET", "/s/{secret}/zip"), ("HEAD", "/s/{secret}/zip"),
     ("POST", "/s/{secret}/uploads"), ("GET", "/s/{secret}/uploads/{upload}"),
     ("HEAD", "/s/{secret}/uploads/{upload}"), ("DELETE", "/s/{secret}/uploads/{upload}"),
     ("PUT", "/s/{secret}/uploads/{upload}/chunks/{number}"),
     ("POST", "/s/{secret}/uploads/{upload}/complete")}
)  # fmt: skip
"""All that a stranger may ask: methods and paths, with a name in braces for any one step of a path;
`{below}` for any number of steps."""


def _pattern(path: str) -> str:
    return re.sub(r"\\\{(\w+)\\\}", lambda m: ".+" if m[1] == "below" else "[^/]+", re.escape(path))


_OPEN_PATTERNS = [
    (method, re.compile(_pattern(path), re.DOTALL)) for method, path in OPEN_ROUTES if "{" in path
]


def is_open(method: str, path: str) -> bool:
    """Whether a stranger may ask for that."""
    if (method, path) in OPEN_ROUTES:
        return True
    return path.startswith("/s/") and any(
        method == known and pattern.fullmatch(path) for known, pattern in _OPEN_PATTERNS
    )


SCRAPED = frozenset({("GET", "/metrics"), ("HEAD", "/metrics")})
_REFUSALS = frozenset({401, 403, 429})
_log = logging.getLogger(__name__)


def caller_of(request: Request) -> Caller:
    """Who asks; the gate has seen to it that somebody does, or a link's handler that the link holds."""
    caller = request.scope.get("howdah.guest") or request.scope["howdah.caller"]
    assert isinstance(caller, Caller)
    return caller


class Gate:
    def __init__(
        self,
        app: ASGIApp,
        *,
        accounts: Accounts,
        catalogue: Catalogue,
        allowed_hosts: frozenset[str],
        offload: Callable[..., Awaitable[Any]],
        tickets: Tickets,
        metrics: Metrics,
        metrics_token: str | None = None,
    ) -> None:
        """`metrics_token` opens `SCRAPED`, and nothing else."""
        self._app = app
        self._accounts = accounts
        self._catalogue = catalogue
        self._allowed_hosts = allowed_hosts
        self._offload = offload
        self._tickets = tickets
        self._metrics = metrics
        self._metrics_token = metrics_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send, self._add_headers)
        who = Asking((scope.get("client") or (None,))[0])
        with asked_by(who):
            try:
                await self._admit(scope, who)
            except ProblemError as problem:
                await self._refuse(problem, exchange)
            else:
                try:
                    await self._app(scope, exchange.receive, exchange.send)
                except asyncio.CancelledError:
                    # The time for a stop is over. What was whole counts; the client asks for the rest later.
                    if not exchange.status:
                        await self._refuse(ProblemError("unavailable"), exchange)
        self._note(exchange, who)

    async def _refuse(self, problem: ProblemError, exchange: _Exchange) -> None:
        exchange.scope["howdah.problem"] = problem.code
        answer = problem_answer(problem)
        await answer(exchange.scope, exchange.receive, exchange.send)

    def _note(self, exchange: _Exchange, who: Asking) -> None:
        """In metrics and log. The query may hold names of files, or a ticket: it stays out."""
        seen = exchange.seen()
        self._metrics.note(seen)
        if seen.status in _REFUSALS:
            _log.info(
                "%s refused: %s %s: %s", who.address, seen.method, shown(exchange.scope["path"]),
                seen.problem, extra=OFTEN,
            )  # fmt: skip
        _log.debug(
            "%s %s %s %d %.3fs", who.address, seen.method, shown(exchange.scope["path"]),
            seen.status, seen.seconds,
        )  # fmt: skip

    async def _admit(self, scope: Scope, who: Asking) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers.getlist("host"))
        socket, path = scope["type"] == "websocket", get_route_path(scope)
        if socket:
            self._check_origin(headers)
        elif is_open(scope["method"], path):
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        if socket and not kind:
            scope["howdah.caller"] = who.caller = self._tickets.redeem(_ticket(scope))
            return
        if kind.lower() != "bearer" or not token:
            raise ProblemError("not_signed_in")
        if not socket and (scope["method"], path) in SCRAPED and self._is_scraper(token.strip()):
            scope["howdah.scraper"] = True
            return
        caller = await self._offload(self._accounts.caller, token.strip(), who.address)
        scope["howdah.caller"] = who.caller = caller

    def _is_scraper(self, token: str) -> bool:
        known = self._metrics_token
        return bool(known) and hmac.compare_digest(token.encode(), str(known).encode())

    def _check_origin(self, headers: Headers) -> None:
        """A page of elsewhere must not open a WebSocket: a browser asks nobody before it does."""
        origin = headers.get("origin")
        if origin is None:
            return  # no browser
        page = _host_name(origin.partition("://")[2].lower())
        if page not in self._allowed_hosts and page != _host_name(headers["host"].lower()):
            raise ProblemError("host_not_allowed", "The page is of another host.")

    def _check_host(self, hosts: list[str]) -> None:
        """Names must be known, or any page could reach us under a name of its own (DNS rebinding).

        An address names nobody, so addresses are fine.
        """
        if len(hosts) != 1:
            raise ProblemError("host_not_allowed")
        name = _host_name(hosts[0].lower())
        if name in self._allowed_hosts:
            return
        try:
            ipaddress.ip_address(name)
        except ValueError:
            raise ProblemError("host_not_allowed") from None

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers.setdefault("Cache-Control", "no-store")
        if "howdah.caller" in scope or "howdah.scraper" in scope:
            headers[CATALOGUE_HEADER] = self._catalogue.id
            headers[CHANGE_HEADER] = str(self._catalogue.changes)


def _host_name(host: str) -> str:
    """Without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _ticket(scope: Scope) -> str:
    query = parse_qs(str(scope["query_string"], "latin-1"))
    return query.get("ticket", [""])[0]


class _Exchange:
    """A request and its answer on their way through the gate, and what is known of them at the end."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        add_headers: Callable[[Scope, MutableHeaders], None],
    ) -> None:
        self.scope = scope
        self.status = 0
        self._receive = receive
        self._send = send
        self._add_headers = add_headers
        self._began = time.perf_counter()
        self._bytes_in = self._bytes_out = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.body":
            self._bytes_out += len(message.get("body", b""))
        elif kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            self._add_headers(self.scope, MutableHeaders(scope=message))
        elif kind == "websocket.accept":
            self.status = 101
        await self._send(message)

    def seen(self) -> Exchange:
        scope = self.scope
        return Exchange(
            route=scope.get("howdah.route", NOWHERE),
            method=scope.get("method", "GET"),
            status=self.status,
            seconds=time.perf_counter() - self._began,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            problem=scope.get("howdah.problem"),
        )
