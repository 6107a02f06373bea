"""Who asks, where a proxy stands between: what a trusted one says counts, what anybody else says does not.

A header can be written by anybody, so it is read only where the connection itself comes from an address of
`trusted_proxies`, and from its end: each proxy adds whom it saw, and everything before the first that is
not one of ours was written by a stranger. Only one header counts (`forwarded_header`), as a proxy that
writes the one lets the other through as it came.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import problem_answer
from howdah_receiver.settings import Settings
from howdah_receiver.settings.values import Network

MOST_HOPS = 20
MOST_HEADER_BYTES = 4096
"""What is read of the header, from its end."""
_PAIR = re.compile(r'([A-Za-z-]+)=(?:"([^"\\]*)"|([^\s;,"]+))')
_LAST_HOP = re.compile(rf"(?:^|,)\s*({_PAIR.pattern}(?:\s*;\s*{_PAIR.pattern})*)\s*$")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Proxies:
    """Which of those that connect are proxies of the owner, and what they say."""

    def __init__(self, trusted: Iterable[Network], header: str, *, on_socket: bool) -> None:
        """`on_socket`: connections come over a unix socket, which only its user and group may write to."""
        self._trusted = tuple(trusted)
        self._header = header
        self._on_socket = on_socket

    def trusts(self, address: str) -> bool:
        """`address`: of a connection; empty: it came over a socket of this machine."""
        if not address:
            return self._on_socket
        found = _ip(address)
        return found is not None and any(found in network for network in self._trusted)

    def caller(self, headers: Headers) -> tuple[str, str]:
        """The address that a trusted proxy asks for, and http or https; each empty where it does not say."""
        if self._header == "forwarded":
            hops = _forwarded(", ".join(headers.getlist("forwarded")))
            return self._nearest([hop.get("for", "") for hop in hops]), _scheme(
                [hop.get("proto", "") for hop in hops]
            )
        return (
            self._nearest(", ".join(headers.getlist("x-forwarded-for")).split(",")),
            _scheme(", ".join(headers.getlist("x-forwarded-proto")).split(",")),
        )

    def _nearest(self, said: list[str]) -> str:
        """The last of them that is none of our proxies."""
        nearest = ""
        for word in reversed(said[-MOST_HOPS:]):
            address = _ip(_without_port(word.strip()))
            if address is None:
                break  # "unknown", or a name that somebody hides behind: nothing before it counts
            nearest = str(address)
            if not self.trusts(nearest):
                break
        return nearest


class BehindProxies:
    """Tells the app who asks, and that not too much of it comes from one address."""

    def __init__(self, app: ASGIApp, proxies: Proxies, settings: Settings) -> None:
        self._app = app
        self._proxies = proxies
        self._most = settings.connections_per_address
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if scope["type"] == "lifespan" or not self._proxies.trusts(peer[0] if peer else ""):
            await self._app(scope, receive, send)
            return
        address, scheme = self._proxies.caller(Headers(scope=scope))
        if scheme:
            websocket = scope["type"] == "websocket"
            scope["scheme"] = scheme.replace("http", "ws") if websocket else scheme
        if not address:
            await self._app(scope, receive, send)
            return
        scope["client"] = (address, 0)
        await self._counted(address, scope, receive, send)

    async def _counted(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Connections of a proxy say nothing of whom they are for: requests are counted in their place."""
        if scope["type"] == "http" and self._under_way[address] >= self._most:
            await problem_answer(ProblemError("unavailable"))(scope, receive, send)
            return
        self._under_way[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]


def proxies_of(settings: Settings) -> Proxies:
    return Proxies(
        settings.trusted_proxies, settings.forwarded_header, on_socket=settings.unix is not None
    )


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows an IPv4 address as ::ffff:192.0.2.1.
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(word: str) -> str:
    """Of `192.0.2.1:4711`, `[2001:db8::1]:4711` and both without a port."""
    if word.startswith("["):
        return word[1:].partition("]")[0]
    return word.partition(":")[0] if word.count(":") == 1 else word


def _scheme(said: list[str]) -> str:
    """What the nearest proxy says: those before it say what it was told."""
    return _SCHEMES.get(said[-1].strip().lower(), "") if said else ""


def _forwarded(header: str) -> list[dict[str, str]]:
    """The last hops of RFC 7239, section 4. Read from the end: the beginning may be anybody's nonsense, a
    quote that never ends say."""
    rest, hops = header[-MOST_HEADER_BYTES:], list[dict[str, str]]()
    while len(hops) < MOST_HOPS and (last := _LAST_HOP.search(rest)):
        hops.append({name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(last[1])})
        rest = rest[: last.start()]
    return hops[::-1]
