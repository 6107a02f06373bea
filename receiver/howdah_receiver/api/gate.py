"""Who may ask. Everything is denied unless it is opened here on purpose.

It stands before the routes and decides on the very path that the routes will see, wherever the receiver is
mounted, so that no handler can forget it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from howdah_common.messages import API, CATALOGUE_HEADER, CHANGE_HEADER
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.service import Accounts
from howdah_receiver.api.answers import path_to_log, problem_answer
from howdah_receiver.catalogue.database import Catalogue

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
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._catalogue = catalogue
        self._allowed_hosts = allowed_hosts
        self._offload = offload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._admit(scope)
        except ProblemError as problem:
            await problem_answer(problem)(scope, receive, send_on)
        else:
            try:
                await self._app(scope, receive, send_on)
            except asyncio.CancelledError:
                # The time for a stop is over. What was whole counts; the client asks for the rest later.
                if not status:
                    await problem_answer(ProblemError("unavailable"))(scope, receive, send_on)
        # The query may hold names of files: it stays out.
        _log.debug(
            "%s %s %s %d %.3fs",
            (scope.get("client") or ("-",))[0],
            scope["method"],
            path_to_log(scope["path"]),
            status,
            time.monotonic() - began,
        )

    async def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers.getlist("host"))
        if is_open(scope["method"], get_route_path(scope)):
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise ProblemError("not_signed_in")
        address = scope["client"][0] if scope.get("client") else None
        scope["howdah.caller"] = await self._offload(self._accounts.caller, token.strip(), address)

    def _check_host(self, hosts: list[str]) -> None:
        """Names must be known, or any page could reach us under a name of its own (DNS rebinding).

        An address names nobody, so addresses are fine.
        """
        if len(hosts) != 1:
            raise ProblemError("host_not_allowed")
        host = hosts[0].lower()
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
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
        if "howdah.caller" in scope:
            headers[CATALOGUE_HEADER] = self._catalogue.id
            headers[CHANGE_HEADER] = str(self._catalogue.changes)
