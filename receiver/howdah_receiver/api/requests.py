"""Uploads by a request link: the native calls, for people without an account. See `uploads` and `chunks`.

They tell of an upload what its sender knows, and nothing of where it goes: no space, no folder, and the
path as it was asked for.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import Complete, UploadInfo
from howdah_common.messages_links import StartShared
from howdah_common.problems import ProblemError
from howdah_receiver.api import chunks, examples, uploads
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import LOCATION, RETRY_AFTER, Answer, Call, Described
from howdah_receiver.api.link_entry import LINK, SECRET, opened
from howdah_receiver.api.views import upload_info
from howdah_receiver.links.door import OpenLink
from howdah_receiver.links.receiving import asked_path


async def start(request: Request) -> Response:
    """Start an upload by a request link.

    As a start that is signed in. The file comes into the link's folder, in a folder of the given name where
    the link asks for one, and under a number where its name is taken: nothing is ever replaced.
    """
    link = await opened(request, "request")
    context = context_of(request)
    asked = await read_message(request, StartShared)

    def work() -> tuple[UploadInfo, bool]:
        row, new = context.receiving.start(link, asked)
        return _info(context, link, row.id), new

    info, new = await context.offload(work)
    return json_answer(info, 201 if new else 200, {"Location": _location(request, info.id)})


async def look(request: Request) -> Response:
    """Look at an upload by a request link.

    Whoever has its id began it: there is no list of them.
    """
    link = await _finishing(request)
    context = context_of(request)
    info = await context.offload(_info, context, link, request.path_params["upload"])
    return json_answer(info)


async def put_chunk(request: Request) -> Response:
    """Send one raw chunk by a request link."""
    await _finishing(request)
    return await chunks.put_chunk(request)


async def complete(request: Request) -> Response:
    """Turn a whole upload into a file, by a request link.

    What it promises is what a completion that is signed in promises. It names no path and no version.
    """
    link = await _finishing(request)
    context = context_of(request)
    upload_id = request.path_params["upload"]
    asked = await read_message(request, Complete)
    if asked.size < 0:
        raise ProblemError("size_mismatch")
    work = partial(context.receiving.complete, link, upload_id, asked)
    if not await uploads.carried_out(context, link.guest, upload_id, work):
        return uploads.going_on(_location(request, upload_id))
    info = await context.offload(_info, context, link, upload_id)
    return json_answer(info, 201, {"Location": _location(request, upload_id)})


async def cancel(request: Request) -> Response:
    """Cancel an upload by a request link.

    It does not count for the link any more.
    """
    await _finishing(request)
    return await uploads.cancel(request)


async def _finishing(request: Request) -> OpenLink:
    """What was begun before the deadline may finish for a while."""
    return await opened(request, "request", grace=True)


def _location(request: Request, upload_id: str) -> str:
    return f"{quote(request.scope['root_path'])}/s/{quote(request.path_params['secret'])}/uploads/{upload_id}"


def _info(context: Context, link: OpenLink, upload_id: str) -> UploadInfo:
    row = context.uploads.find(link.guest, upload_id)
    path = asked_path(row)
    info = upload_info(context, link.guest, upload_id)
    file = info.file and msgspec.structs.replace(info.file, space="", path=path)
    return msgspec.structs.replace(info, space="", path=path, known=False, file=file)


_UPLOAD = {**SECRET, "upload": "The upload's id."}
_LOOKING = (*LINK, "upload_not_found", "upload_not_open")
_EXAMPLE = msgspec.structs.replace(
    examples.PUBLISHED,
    space="",
    path="abc.txt",
    file=examples.PUBLISHED.file
    and msgspec.structs.replace(examples.PUBLISHED.file, space="", path="abc.txt"),
)
_STARTED = msgspec.structs.replace(_EXAMPLE, state="open", received=[], received_bytes=0, file=None)

routes = [
    Call(
        "POST",
        "/s/{secret}/uploads",
        start,
        Described(
            path=SECRET,
            takes=StartShared,
            answers={
                201: Answer("It is new.", UploadInfo, (LOCATION,), _STARTED),
                200: Answer("It was started before.", UploadInfo, (LOCATION,), _STARTED),
            },
            problems=(
                *_LOOKING,
                "bad_path",
                "bad_chunk_size",
                "digest_unsupported",
                "client_id_conflict",
                "link_full",
            ),
        ),
    ),
    Call(
        "GET",
        "/s/{secret}/uploads/{upload}",
        look,
        Described(
            path=_UPLOAD,
            answers={200: Answer("The upload.", UploadInfo, (), _EXAMPLE)},
            problems=_LOOKING,
        ),
    ),
    Call(
        "DELETE",
        "/s/{secret}/uploads/{upload}",
        cancel,
        Described(
            path=_UPLOAD,
            answers={204: Answer("It is cancelled, now or before.")},
            problems=_LOOKING,
        ),
    ),
    Call(
        "PUT",
        "/s/{secret}/uploads/{upload}/chunks/{number:int}",
        put_chunk,
        dataclasses.replace(
            chunks.CHUNK,
            path={**SECRET, **chunks.CHUNK.path},
            problems=(*LINK, *chunks.CHUNK.problems),
        ),
    ),
    Call(
        "POST",
        "/s/{secret}/uploads/{upload}/complete",
        complete,
        Described(
            path=_UPLOAD,
            takes=Complete,
            answers={
                201: Answer(
                    "The upload with its file: durable.", UploadInfo, (LOCATION,), _EXAMPLE
                ),
                202: Answer(
                    "Publishing goes on: ask again, the same way.", headers=(LOCATION, RETRY_AFTER)
                ),
            },
            problems=(
                *_LOOKING,
                "completion_conflict",
                "upload_incomplete",
                "size_mismatch",
                "manifest_mismatch",
                "sha256_mismatch",
                "bad_path",
            ),
        ),
    ),
]
