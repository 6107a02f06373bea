"""A folder as a zip, made while it is sent: nothing is written on the way, a slow line holds no thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Right
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter
from howdah_receiver.api.files import attachment
from howdah_receiver.api.gate import caller_of
from howdah_receiver.files.archive import Archive, Torn
from howdah_receiver.links.slots import Slots

MOST_AT_ONCE = 4
"""Zips on their way, for each account and each link."""
MEDIA_TYPE = "application/zip"
RETRY_SECONDS = 10
_slots = Slots(MOST_AT_ONCE)
_log = logging.getLogger(__name__)


async def zip_folder(request: Request) -> Response:
    """Fetch a folder with all that is in it, as a zip.

    It is made while it is sent, so its length is not known before. A zip that cannot become whole (a file
    was taken away or changed meanwhile, or things were moved) breaks off: its connection ends before the
    body does.
    """
    context, caller = context_of(request), caller_of(request)
    query = request.query_params

    def work() -> Archive:
        space = context.files.space(caller, query.get("space"), Right.READ)
        return context.archives.of(space, query.get("path", ""))

    archive = await context.offload(work)
    return await zip_answer(request, context, archive, f"account {caller.account_id}")


async def zip_answer(
    request: Request,
    context: Context,
    archive: Archive,
    who: str,
    before: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
) -> Response:
    """`before` is called once it is sure that the zip will be sent; it gives more headers.

    Raises ProblemError (too_many_downloads), and what `before` raises.
    """
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Accept-Ranges": "none",
        **attachment(f"{archive.name}.zip"),
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    if not _slots.take(who):
        raise ProblemError("too_many_downloads", extra={"retry_after_seconds": RETRY_SECONDS})
    try:
        if before is not None:
            headers.update(await before())
        return _ZipAnswer(context, archive, who, headers)
    except BaseException:
        _slots.give_back(who)
        raise


class _ZipAnswer(StreamingResponse):
    def __init__(
        self, context: Context, archive: Archive, who: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(_blocks(context, archive), headers=headers)
        self._context = context
        self._archive = archive
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _slots.give_back(self._who)
            # Waits for a block that is being read in a thread still.
            await asyncio.shield(self._context.offload(self._archive.close))

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except Torn as torn:
            # Without the end of its body the connection is cut: nobody takes it for whole.
            _log.warning("a zip of %r breaks off: %s", self._archive.name, torn)


async def _blocks(context: Context, archive: Archive) -> AsyncIterator[bytes]:
    while block := await context.offload(archive.next_block):
        yield block


ZIP_HEADERS = (Header("Content-Disposition", "An attachment, with the folder's name."),)

routes = [
    Call(
        "GET",
        "/folders/zip",
        zip_folder,
        Described(
            parameters=(
                Parameter(
                    "path",
                    "query",
                    "The folder; the whole space if left out.",
                    default="",
                    example="notes",
                ),
                Parameter("space", "query", "A space's id; the account's home if left out."),
            ),
            answers={200: Answer("The zip.", MEDIA_TYPE, ZIP_HEADERS)},
            problems=(
                "bad_path",
                "not_found",
                "not_allowed",
                "file_not_found",
                "too_many_downloads",
            ),
            more=f"At most {MOST_AT_ONCE} at a time for each account.",
        ),
    )
]
