"""What a call takes and answers, as data beside its handler; `openapi` makes the document of it.

A route of the protocol is a `Call`: one cannot be added without saying what it is. What it does stands in
its handler's docstring; what stands here is for the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from howdah_common.messages import Ranges

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Parameter:
    """`kind` is a type that msgspec knows; `default` what the receiver takes where it is left out;
    `example` what stands in the example of the call."""

    name: str
    where: Literal["query", "header"]
    says: str
    kind: Any = str
    required: bool = False
    default: str | int | None = None
    example: str = ""


@dataclass(frozen=True)
class Header:
    """One that an answer carries."""

    name: str
    says: str
    kind: Any = str


@dataclass(frozen=True)
class Answer:
    """`body`: a message's type, or the media type of what is no message. `example`: where the type's own
    would be the wrong one."""

    says: str
    body: type | UnionType | str | None = None
    headers: tuple[Header, ...] = ()
    example: object = None


@dataclass(frozen=True, kw_only=True)
class Described:
    """`takes`: a message's type, or the media type of a body of bytes. `path`: what each name in braces
    means. `problems`: the codes beside those that every call has (see `openapi`). `more`: what the
    docstring cannot say, as it has constants in it."""

    answers: Mapping[int, Answer]
    takes: type | str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    more: str = ""
    pages: bool = False
    """What goes wrong is a page where a browser asks."""
    example: bytes | None = None
    """A body, where `takes` is a media type."""


class _Steps(Convertor[str]):
    """Any number of steps of a path. Starlette's own `path` ends at a line break, which a name may hold."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("steps", _Steps())


class Call(Route):
    """A route that tells what it is."""

    def __init__(self, method: str, path: str, handler: Handler, described: Described) -> None:
        super().__init__(path, handler, methods=[method])
        self.described = described
        self.method = method

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leaves behind which route it was: its template, as metrics count by."""
        match, found = super().matches(scope)
        if match is not Match.NONE:
            found["howdah.route"] = scope.get("root_path", "") + self.path_format
        return match, found


class Socket(Call):
    """A `GET` that becomes a WebSocket where it asks for that; where it does not, `handler` answers."""

    def __init__(
        self,
        path: str,
        handler: Handler,
        talk: Callable[[WebSocket], Awaitable[None]],
        described: Described,
    ) -> None:
        super().__init__("GET", path, handler, described)
        self._talk = talk

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "websocket":
            return super().matches(scope)
        return super().matches({**scope, "type": "http", "method": "GET"})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await super().handle(scope, receive, send)
        else:
            await self._talk(WebSocket(scope, receive, send))


LOCATION = Header("Location", "Where the upload is to be asked for.")
RETRY_AFTER = Header("Retry-After", "Seconds to wait before asking again.", int)

PROBLEM_MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "chunk_conflict": {"chunks": list[int], "stored": Ranges},
    "chunk_mismatch": {"chunks": list[int], "stored": Ranges},
    "chunk_superseded": {"chunks": list[int]},
    "quota_exceeded": {"of": str, "what": str},
    "range_not_satisfiable": {"size": int},
    "too_many_attempts": {"retry_after_seconds": int},
    "too_many_uploads": {"retry_after_seconds": int},
    "upload_incomplete": {"missing": Ranges},
    "upload_not_open": {"state": str},
    "version_conflict": {"version": str},
}
"""What a problem may bring along, beside what every problem has."""
