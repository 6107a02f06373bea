"""Uploads: start, look, have, chunks, complete, verify, cancel. See docs/protocol.md."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from howdah_common import digests, frames
from howdah_common.messages import (
    API,
    MOST_HAVE_DIGESTS,
    ChunksAnswer,
    Complete,
    Have,
    HaveAnswer,
    StartUpload,
    UploadInfo,
    UploadList,
    UploadManifest,
    VerifyAnswer,
)
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.api.answers import check_not_encoded, json_answer, read_message
from howdah_receiver.api.bodies import pump
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.gate import device_of
from howdah_receiver.api.views import file_info
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.uploads.stream import ChunkStream
from howdah_receiver.uploads.writers import ChunkChecker

BODY_BYTES = 64 * 1024 * 1024
"""What a chunk stream may carry in one request, beside its last frame."""
ANSWER_SECONDS = 20
"""So long a completion may keep its request waiting before it is answered with 202."""


async def start(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    asked = await read_message(request, StartUpload)

    def work() -> tuple[UploadInfo, bool]:
        row, new = context.uploads.start(account, asked)
        known = row.state.value == "open" and context.uploads.is_known(row)
        return _info(context, account, row.id, known=known), new

    info, new = await context.offload(work)
    return json_answer(info, 201 if new else 200, {"Location": f"{API}/uploads/{info.id}"})


async def list_live(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id

    def work() -> UploadList:
        live = context.uploads.live(account)
        return UploadList(uploads=[_info(context, account, row.id) for row in live])

    return json_answer(await context.offload(work))


async def look(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    upload_id = request.path_params["upload"]
    return json_answer(await context.offload(_info, context, account, upload_id))


async def manifest(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id

    def work() -> UploadManifest:
        row, chunks = context.uploads.chunks(account, request.path_params["upload"])
        return UploadManifest(
            size=row.size,
            chunk_bytes=row.chunk_bytes,
            digest_algorithm=row.algorithm,
            received=RangeSet.of(chunk.number for chunk in chunks).pairs(),
            digests=b"".join(chunk.digest for chunk in chunks),
        )

    return json_answer(await context.offload(work))


async def have(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    asked = await read_message(request, Have)
    if asked.first < 0 or len(asked.digests) > MOST_HAVE_DIGESTS * digests.DIGEST_BYTES:
        raise ProblemError("bad_request", f"At most {MOST_HAVE_DIGESTS} digests at a time.")
    missing = await context.offload(
        context.uploads.have, account, request.path_params["upload"], asked.first, asked.digests
    )
    return json_answer(HaveAnswer(missing=missing.pairs()))


async def put_stream(request: Request) -> Response:
    if request.headers.get("content-type", "") != frames.MEDIA_TYPE:
        raise ProblemError("media_type_unsupported", f"{frames.MEDIA_TYPE} belongs here.")
    check_not_encoded(request)
    context, account = context_of(request), device_of(request).account_id
    with ExitStack() as stack:
        session = await context.offload(
            stack.enter_context, context.uploads.session(account, request.path_params["upload"])
        )
        stream = ChunkStream(session, context.sessions.commit_soon)
        most = BODY_BYTES + session.upload.chunk_bytes + frames.FRAME_OVERHEAD_BYTES
        try:
            await pump(request, context, stream.feed, most)
            await context.offload(stream.finish)
        finally:
            # Shielded: a stop in mid-stream must not leave a writer behind, nor lose what was whole.
            await asyncio.shield(context.offload(stream.end))
            if session.wants_sync:
                context.sessions.sync_soon()
    return json_answer(ChunksAnswer(stored=stream.stored.pairs()))


async def put_chunk(request: Request) -> Response:
    check_not_encoded(request)
    context, account = context_of(request), device_of(request).account_id
    length = _content_length(request)
    with ExitStack() as stack:
        session = await context.offload(
            stack.enter_context, context.uploads.session(account, request.path_params["upload"])
        )
        digest = _content_digest(request, session.upload.algorithm)
        writer = await context.offload(session.begin, request.path_params["number"], length)
        try:
            await pump(request, context, writer.write, length)
            await context.offload(writer.finish, digest)
        finally:
            await asyncio.shield(context.offload(writer.abandon))
        await context.offload(session.commit, [request.path_params["number"]])
        if session.wants_sync:
            context.sessions.sync_soon()
    return Response(status_code=204 if isinstance(writer, ChunkChecker) else 201)


def _content_length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not text.isdecimal() or len(text) > 18:
        raise ProblemError("bad_request", "A chunk needs a Content-Length.")
    return int(text)


def _content_digest(request: Request, algorithm: str) -> bytes:
    try:
        found = digests.from_field(request.headers.get("content-digest", ""))
    except digests.BadDigestField as error:
        raise ProblemError("digest_missing", f"{error}.") from error
    if algorithm not in found:
        raise ProblemError("digest_missing", f"One of {algorithm} belongs here.")
    return found[algorithm]


async def complete(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    upload_id = request.path_params["upload"]
    asked = await read_message(request, Complete)
    if asked.size < 0:
        raise ProblemError("size_mismatch")
    others = context.completions.get(upload_id)
    if others:
        await context.offload(
            context.uploads.find, account, upload_id
        )  # or it is nobody's business
    # Goes on when the client goes away: the next one who asks finds it under way.
    work = others or _begin_completion(context, account, upload_id, asked)
    done, _ = await asyncio.wait({work}, timeout=ANSWER_SECONDS)
    location = f"{API}/uploads/{upload_id}"
    if not done:
        return Response(status_code=202, headers={"Location": location, "Retry-After": "2"})
    if others:  # which may have been with other words: asked again, with these
        await context.offload(context.endings.complete, account, upload_id, asked)
    else:
        work.result()
    context.whole_digests.wake()
    info = await context.offload(_info, context, account, upload_id)
    if info.file is None:
        raise ProblemError("file_not_found")
    return json_answer(info, 201, {"Location": location})


def _begin_completion(
    context: Context, account: str, upload_id: str, asked: Complete
) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(
        context.executor, context.endings.complete, account, upload_id, asked
    )
    context.completions[upload_id] = work

    def forget(finished: asyncio.Future[Any]) -> None:
        context.completions.pop(upload_id, None)
        if not finished.cancelled():
            finished.exception()  # seen: whoever waits asks for the outcome itself

    work.add_done_callback(forget)
    return work


async def verify(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    upload_id = request.path_params["upload"]
    found = await context.offload(context.endings.verify, account, upload_id)
    return json_answer(
        VerifyAnswer(
            ok=not found.damaged,
            checked_bytes=found.checked_bytes,
            damaged=found.damaged.pairs(),
        )
    )


async def cancel(request: Request) -> Response:
    context, account = context_of(request), device_of(request).account_id
    await context.offload(context.endings.cancel, account, request.path_params["upload"])
    return Response(status_code=204)


def _info(context: Context, account: str, upload_id: str, *, known: bool = False) -> UploadInfo:
    view = context.uploads.view(account, upload_id)
    row: UploadRow = view.row
    file = context.files.of_version(row.version_id) if row.version_id else None
    return UploadInfo(
        id=row.id,
        client_id=row.client_id,
        space=row.space_id,
        path=row.path,
        state=row.state.value,
        size=row.size,
        chunk_bytes=row.chunk_bytes,
        total_chunks=row.plan.total_chunks if row.plan else None,
        digest_algorithm=row.algorithm,
        received=view.received.pairs(),
        received_bytes=view.received_bytes,
        started_ns=row.started_ns,
        known=known,
        problem=row.problem,
        file=file_info(file) if file else None,
    )


routes = [
    Route("/uploads", start, methods=["POST"]),
    Route("/uploads", list_live, methods=["GET"]),
    Route("/uploads/{upload}", look, methods=["GET"]),
    Route("/uploads/{upload}", cancel, methods=["DELETE"]),
    Route("/uploads/{upload}/manifest", manifest, methods=["GET"]),
    Route("/uploads/{upload}/have", have, methods=["POST"]),
    Route("/uploads/{upload}/chunks", put_stream, methods=["POST"]),
    Route("/uploads/{upload}/chunks/{number:int}", put_chunk, methods=["PUT"]),
    Route("/uploads/{upload}/complete", complete, methods=["POST"]),
    Route("/uploads/{upload}/verify", verify, methods=["POST"]),
]
