"""Links for who is signed in: make, list, look, revoke. What they open is in `shared` and `requests`."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Annotated, cast
from urllib.parse import quote

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import API, MOST_PER_PAGE
from howdah_common.messages_links import LinkInfo, LinkKind, LinkList, LinkState, MadeLink, NewLink
from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.lists import PER_PAGE
from howdah_receiver.catalogue.links import FoundLink
from howdah_receiver.links.service import state_of


async def make(request: Request) -> Response:
    """Make a link.

    The answer holds its secret in `url` and is the only one that does: the receiver keeps its SHA-256. A
    link ends by itself when its maker loses the right to what it leads to or is disabled, and when that
    goes to the trash.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, NewLink)
    async with AsyncExitStack() as stack:
        if asked.password is not None:
            turn = context.accounts.attempts.turn(address_of(request))
            await stack.enter_async_context(turn)
        secret, found = await context.offload(context.links.make, caller, asked)
    root = request.scope["root_path"]
    base = context.links.public_url or f"{request.url.scheme}://{request.headers['host']}"
    # Links stand beside the protocol, wherever that is mounted.
    url = f"{base}{quote(root.removesuffix(API))}/s/{secret}"
    location = f"{quote(root)}/links/{found.row.id}"
    return json_answer(MadeLink(url=url, link=link_info(found)), 201, {"Location": location})


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def list_links(request: Request) -> Response:
    """List links: those that the account made, and those of the spaces that it owns.

    The newest first. Those that were revoked or whose time is over are left out unless asked for.
    """
    context, caller = context_of(request), caller_of(request)
    everything = request.query_params.get("all") == "true"
    page, per_page = paging(request)

    def work() -> LinkList:
        found, total = context.links.list(
            caller, everything=everything, page=page, per_page=per_page
        )
        return LinkList(
            links=[link_info(one) for one in found], page=page, per_page=per_page, total=total
        )

    return json_answer(await context.offload(work))


def paging(request: Request) -> tuple[int, int]:
    """`page` and `per_page` of the query. Raises ProblemError (bad_request)."""
    texts = [request.query_params.get(name) for name in ("page", "per_page")]
    for text in texts:
        if text is not None and not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise ProblemError("bad_request", f"{text[:20]!r} is no page number.")
    return int(texts[0] or 1), int(texts[1] or PER_PAGE)


async def look(request: Request) -> Response:
    """Look at a link."""
    context, caller = context_of(request), caller_of(request)
    found = await context.offload(context.links.find, caller, request.path_params["link"])
    return json_answer(link_info(found))


async def revoke(request: Request) -> Response:
    """Revoke a link: from now on it opens nothing, for good."""
    context, caller = context_of(request), caller_of(request)
    await context.offload(context.links.revoke, caller, request.path_params["link"])
    return Response(status_code=204)


def link_info(found: FoundLink) -> LinkInfo:
    row = found.row
    return LinkInfo(
        id=row.id,
        kind=cast(LinkKind, row.kind),
        state=cast(LinkState, state_of(found, time.time_ns())),
        space=row.space_id,
        account=found.account_name,
        label=row.label,
        created_ns=row.created_ns,
        uses=row.uses,
        has_password=row.password_hash is not None,
        path=found.subject.path if found.subject else None,
        file=row.file_id,
        version=row.version_id,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
        most_uses=row.most_uses,
        used_bytes=row.used_bytes,
        most_bytes=row.most_bytes,
        asks_name=row.asks_name,
    )


_LINK = {"link": "The link's id."}

routes = [
    Call(
        "POST",
        "/links",
        make,
        Described(
            takes=NewLink,
            answers={
                201: Answer(
                    "The link, with its address shown this once.",
                    MadeLink,
                    (Header("Location", "Where the link is to be asked for."),),
                )
            },
            problems=(
                "bad_path",
                "not_found",
                "not_allowed",
                "file_not_found",
                "too_many_attempts",
            ),
            more="A link to a version, a file or a folder needs the right to read it; a request needs the"
            " right to change the folder. A device that may only send makes no links.",
        ),
    ),
    Call(
        "GET",
        "/links",
        list_links,
        Described(
            parameters=(
                Parameter("all", "query", "`true`: also those that are over.", default="false"),
                Parameter("page", "query", "From 1 on.", Annotated[int, Meta(ge=1)], default=1),
                Parameter(
                    "per_page",
                    "query",
                    "Links a page.",
                    Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)],
                    default=PER_PAGE,
                ),
            ),
            answers={200: Answer("A page of them.", LinkList)},
            problems=("bad_request", "not_allowed"),
        ),
    ),
    Call(
        "GET",
        "/links/{link}",
        look,
        Described(
            path=_LINK, answers={200: Answer("The link.", LinkInfo)}, problems=("link_not_found",)
        ),
    ),
    Call(
        "DELETE",
        "/links/{link}",
        revoke,
        Described(
            path=_LINK,
            answers={204: Answer("It opens nothing any more.")},
            problems=("link_not_found",),
        ),
    ),
]
