"""Who has the address of a link, and its password where it has one.

The secret in the path is the credential. Whatever is wrong with a link (unknown, over, used up, revoked, of
another kind, its maker gone, its file in the trash), the answer is the same 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, wraps
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.problems import ProblemError
from howdah_receiver.api import link_pages
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Handler, Parameter
from howdah_receiver.api.links import address_of
from howdah_receiver.links.door import OpenLink

PASSWORD_HEADER = "Howdah-Link-Password"
PASS_COOKIE = "howdah-pass"

SECRET: Mapping[str, str] = {"secret": "The secret of the link."}
LINK = (
    "link_not_found",
    "link_password",
    "too_many_attempts",
    "storage_full",
    "storage_failed",
)
PASSWORD = Parameter(PASSWORD_HEADER, "header", "The link's password, where it has one (UTF-8).")


async def opened(
    request: Request, *kinds: str, used_up: bool = False, grace: bool = False
) -> OpenLink:
    """The link of the path, with its password where it has one; from here on it is the link that asks.

    Raises ProblemError: link_not_found, link_password, too_many_attempts, unavailable.
    """
    link = await found(request, *kinds, used_up=used_up, grace=grace)
    if not await is_let_in(request, link):
        raise ProblemError("link_password")
    request.scope["howdah.guest"] = link.guest
    return link


async def found(
    request: Request, *kinds: str, used_up: bool = False, grace: bool = False
) -> OpenLink:
    context, secret = context_of(request), request.path_params["secret"]
    work = partial(context.link_door.open, secret, *kinds, used_up=used_up, grace=grace)
    return await context.offload(work)


async def is_let_in(request: Request, link: OpenLink) -> bool:
    """By the cookie of an earlier time, or the password itself. Raises ProblemError: link_password (for a
    wrong one), too_many_attempts, unavailable."""
    context = context_of(request)
    if link.row.password_hash is None:
        return True
    if await context.offload(
        context.link_door.has_pass, link, request.cookies.get(PASS_COOKIE, "")
    ):
        return True
    password = request.headers.get(PASSWORD_HEADER)
    if password is None:
        return False
    # A header's bytes, as whoever wrote them meant them.
    words = password.encode("latin-1").decode(errors="replace")
    if not await context.offload(context.link_door.knows, link, words):
        await tried(request, link, words)
    return True


async def tried(request: Request, link: OpenLink, password: str) -> str:
    """The note for the right password. Raises ProblemError: link_password, too_many_attempts."""
    context, address = context_of(request), address_of(request)
    async with context.accounts.attempts.turn(address):
        return await context.offload(context.link_door.try_password, link, password, address)


def base_of(request: Request) -> str:
    """The link's path, below whatever this receiver is mounted at."""
    root, secret = request.scope["root_path"], request.path_params["secret"]
    return f"{quote(root)}/s/{quote(secret, safe='')}"


def cookie_for(request: Request, name: str, value: str, seconds: int) -> dict[str, str]:
    """For this link alone, for no script, and never along with a request from another page."""
    path = base_of(request)
    secure = "; Secure" if request.url.scheme == "https" else ""
    return {
        "Set-Cookie": f"{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    }


def for_people(handler: Handler) -> Handler:
    """Where a browser asks, what goes wrong is a page as well."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ProblemError as problem:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return link_pages.problem(base_of(request), problem)

    return answer
