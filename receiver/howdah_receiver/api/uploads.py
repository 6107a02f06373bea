"""Uploads: start, look, complete, verify, cancel; `chunks` has what is between. See docs/protocol.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from howdah_common import digests
from howdah_common.chunks import (
    DEFAULT_MOST_CHUNKS,
    MOST_CHUNKS,
    SMALLEST_CHUNK_BYTES,
    SMALLEST_DEFAULT_CHUNK_BYTES,
    UNKNOWN_SIZE_CHUNK_BYTES,
)
from howdah_common.messages import (
    Complete,
    StartUpload,
    UploadInfo,
    UploadList,
    UploadManifest,
    VerifyAnswer,
)
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api import examples
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import LOCATION, RETRY_AFTER, Answer, Call, Described, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.views import upload_info, upload_list

ANSWER_SECONDS = 20
"""So long a completion may keep its request waiting before it is answered with 202."""


async def start(request: Request) -> Response:
    """Start an upload.

    The same start again answers the same upload, whatever its state by now.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, StartUpload)

    def work() -> tuple[UploadInfo, bool]:
        row, new = context.uploads.start(caller, asked)
        known = row.state.value == "open" and context.uploads.is_known(row, caller)
        return upload_info(context, caller, row.id, known=known), new

    info, new = await context.offload(work)
    return json_answer(info, 201 if new else 200, {"Location": _location(request, info.id)})


async def list_live(request: Request) -> Response:
    """List the uploads that are on their way.

    They are this account's; an admin may see those of all.
    """
    context, caller = context_of(request), caller_of(request)
    everyones, resting = _flag(request, "all"), _flag(request, "expired")

    def work() -> UploadList:
        found = upload_list(context, caller, everyones=everyones, resting=resting)
        return UploadList(uploads=found)

    return json_answer(await context.offload(work))


def _flag(request: Request, name: str) -> bool:
    said = request.query_params.get(name, "false")
    if said not in ("true", "false"):
        raise ProblemError("bad_request", f"{name} is true or false.")
    return said == "true"


async def look(request: Request) -> Response:
    """Look at an upload.

    While chunks are being checked again after an unclean stop of the receiver, this waits.
    """
    context, caller = context_of(request), caller_of(request)
    upload_id = request.path_params["upload"]
    return json_answer(await context.offload(upload_info, context, caller, upload_id))


async def manifest(request: Request) -> Response:
    """Ask for the digests of what was received.

    After a crash a client compares them with its file: a difference means that the file changed.
    """
    context, caller = context_of(request), caller_of(request)

    def work() -> UploadManifest:
        row, chunks = context.uploads.chunks(caller, request.path_params["upload"])
        return UploadManifest(
            size=row.size,
            chunk_bytes=row.chunk_bytes,
            digest_algorithm=row.algorithm,
            received=RangeSet.of(chunk.number for chunk in chunks).pairs(),
            digests=b"".join(chunk.digest for chunk in chunks),
        )

    return json_answer(await context.offload(work))


async def complete(request: Request) -> Response:
    """Turn a whole upload into a file.

    With 201 the file is on stable storage, byte for byte what was hashed, and stays so through a kill, a
    power cut or a full disk. The same completion again, at any time, gets the same answer. What stood at
    the path becomes a version.
    """
    context, caller = context_of(request), caller_of(request)
    upload_id = request.path_params["upload"]
    asked = await read_message(request, Complete)
    if asked.size < 0:
        raise ProblemError("size_mismatch")
    work = partial(context.endings.complete, caller, upload_id, asked)
    if not await carried_out(context, caller, upload_id, work):
        return going_on(_location(request, upload_id))
    info = await context.offload(upload_info, context, caller, upload_id)
    if info.file is None:
        raise ProblemError("file_not_found")
    return json_answer(info, 201, {"Location": _location(request, upload_id)})


async def carried_out(
    context: Context, caller: Caller, upload_id: str, work: Callable[[], None]
) -> bool:
    """Whether the completion that `work` is was done in the time that a request may wait; else it goes on,
    and the next one who asks finds it under way. Raises what `work` raises."""
    others = context.completions.get(upload_id)
    if others:
        await context.offload(context.uploads.find, caller, upload_id)  # or it is nobody's business
    # Goes on when the client goes away.
    going = others or _begin_completion(context, upload_id, work)
    done, _ = await asyncio.wait({going}, timeout=ANSWER_SECONDS)
    if not done:
        return False
    if others:  # which may have been with other words: asked again, with these
        await context.offload(work)
    else:
        going.result()
    context.whole_digests.wake()
    return True


def going_on(location: str) -> Response:
    return Response(status_code=202, headers={"Location": location, "Retry-After": "2"})


def _location(request: Request, upload_id: str) -> str:
    """Below the path that the protocol is mounted at, here or in another program."""
    return f"{quote(request.scope['root_path'])}/uploads/{upload_id}"


def _begin_completion(
    context: Context, upload_id: str, work: Callable[[], None]
) -> asyncio.Future[Any]:
    going = asyncio.get_running_loop().run_in_executor(context.executor, work)
    context.completions[upload_id] = going

    def forget(finished: asyncio.Future[Any]) -> None:
        context.completions.pop(upload_id, None)
        if not finished.cancelled():
            finished.exception()  # seen: whoever waits asks for the outcome itself

    going.add_done_callback(forget)
    return going


async def verify(request: Request) -> Response:
    """Read what was received again.

    Chunks that no longer match their digest are dropped, to be sent again.
    """
    context, caller = context_of(request), caller_of(request)
    upload_id = request.path_params["upload"]
    found = await context.offload(context.endings.verify, caller, upload_id)
    return json_answer(
        VerifyAnswer(
            ok=not found.damaged,
            checked_bytes=found.checked_bytes,
            damaged=found.damaged.pairs(),
        )
    )


async def cancel(request: Request) -> Response:
    """Cancel an upload and free its space."""
    context, caller = context_of(request), caller_of(request)
    await context.offload(context.endings.cancel, caller, request.path_params["upload"])
    return Response(status_code=204)


_UPLOAD = {"upload": "The upload's id."}
_LOOKING = ("upload_not_found", "upload_not_open")

routes = [
    Call(
        "POST",
        "/uploads",
        start,
        Described(
            takes=StartUpload,
            answers={
                201: Answer("It is new.", UploadInfo, (LOCATION,)),
                200: Answer("It was started before.", UploadInfo, (LOCATION,)),
            },
            problems=(
                "bad_path",
                "bad_chunk_size",
                "digest_unsupported",
                "client_id_conflict",
                "not_found",
                "not_allowed",
                "upload_too_large",
                "type_refused",
                "too_many_uploads",
                "quota_exceeded",
                *_LOOKING,
            ),
            more=f"`digest_algorithm` is one of {', '.join(sorted(digests.ALGORITHMS))}. `chunk_bytes`"
            f" is a power of two from {SMALLEST_CHUNK_BYTES} up that gives at most {MOST_CHUNKS}"
            f" chunks; left out, the smallest from {SMALLEST_DEFAULT_CHUNK_BYTES} up that gives at"
            f" most {DEFAULT_MOST_CHUNKS}, or {UNKNOWN_SIZE_CHUNK_BYTES} for an unknown size.",
        ),
    ),
    Call(
        "GET",
        "/uploads",
        list_live,
        Described(
            parameters=(
                Parameter(
                    "all", "query", "Those of all accounts, for an admin.", bool, default=False
                ),
                Parameter("expired", "query", "Those in recovery as well.", bool, default=False),
            ),
            answers={200: Answer("The uploads.", UploadList)},
            problems=("bad_request", "not_allowed", "upload_not_open"),
        ),
    ),
    Call(
        "GET",
        "/uploads/{upload}",
        look,
        Described(
            path=_UPLOAD, answers={200: Answer("The upload.", UploadInfo)}, problems=_LOOKING
        ),
    ),
    Call(
        "DELETE",
        "/uploads/{upload}",
        cancel,
        Described(
            path=_UPLOAD,
            answers={204: Answer("It is cancelled, now or before.")},
            problems=_LOOKING,
        ),
    ),
    Call(
        "GET",
        "/uploads/{upload}/manifest",
        manifest,
        Described(
            path=_UPLOAD, answers={200: Answer("The digests.", UploadManifest)}, problems=_LOOKING
        ),
    ),
    Call(
        "POST",
        "/uploads/{upload}/complete",
        complete,
        Described(
            path=_UPLOAD,
            takes=Complete,
            answers={
                201: Answer(
                    "The upload with its file: durable.",
                    UploadInfo,
                    (LOCATION,),
                    examples.PUBLISHED,
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
                "type_refused",
                "quota_exceeded",
                "version_conflict",
                "path_conflict",
                "bad_path",
                "file_not_found",
            ),
            more=f"What takes longer than {ANSWER_SECONDS} seconds is answered with 202.",
        ),
    ),
    Call(
        "POST",
        "/uploads/{upload}/verify",
        verify,
        Described(
            path=_UPLOAD, answers={200: Answer("What was found.", VerifyAnswer)}, problems=_LOOKING
        ),
    ),
]
