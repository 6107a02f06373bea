"""What the receiver says about itself: the OpenAPI document, and a page of it for people.

Both are made once and tell the same of every receiver: a stranger learns nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from howdah_receiver.api import openapi, page
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter
from howdah_receiver.api.gate import OPEN_ROUTES
from howdah_receiver.api.openapi import Json


@dataclass(frozen=True)
class Shown:
    """A body and how it is served."""

    body: bytes
    media_type: str
    policy: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


class Docs:
    """Made when somebody asks, and then kept: a start is not to wait for what few ever read."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Of all routes of the running app. Raises TypeError for one that does not say what it is."""
        self._routes = routes
        for _ in openapi.calls(routes):
            pass

    @cached_property
    def openapi(self) -> Shown:
        return Shown(msgspec.json.encode(self._document), "application/json", _policy())

    @cached_property
    def page(self) -> Shown:
        style = page.style()
        style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        return Shown(
            page.render(self._document, style).encode(),
            "text/html; charset=utf-8",
            _policy(f"style-src 'sha256-{style_hash}'"),
        )

    @cached_property
    def _document(self) -> Json:
        return openapi.document(self._routes, OPEN_ROUTES)


def _policy(*more: str) -> str:
    """Nothing runs, nothing is fetched, nothing is sent, nobody frames it."""
    strict = (
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join((*strict, *more))


async def show_openapi(request: Request) -> Response:
    """Ask for this document."""
    return _answer(request, _docs(request).openapi)


async def show_page(request: Request) -> Response:
    """Read it as a page."""
    return _answer(request, _docs(request).page)


def _docs(request: Request) -> Docs:
    found = request.app.state.docs
    assert isinstance(found, Docs)
    return found


def _answer(request: Request, shown: Shown) -> Response:
    headers = {
        "ETag": shown.etag,
        "Cache-Control": "no-cache",  # asked again each time: another version may run by then
        "Content-Security-Policy": shown.policy,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get("if-none-match") == shown.etag:
        return Response(status_code=304, headers=headers)
    return Response(shown.body, headers=headers, media_type=shown.media_type)


_CACHED = (Header("ETag", "Of what is shown."),)
_IF_NONE_MATCH = Parameter("If-None-Match", "header", "The ETag of what the client has.")


def _shown(media_type: str) -> Described:
    return Described(
        parameters=(_IF_NONE_MATCH,),
        answers={
            200: Answer("The whole.", media_type, _CACHED),
            304: Answer("The client has it.", headers=_CACHED),
        },
    )


routes = [
    Call("GET", "/openapi.json", show_openapi, _shown("application/json")),
    Call("GET", "/docs", show_page, _shown("text/html")),
]
