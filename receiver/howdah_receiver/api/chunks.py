"""Chunks on their way in: known already, many in one stream, or one by one. See docs/protocol.md."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response

from howdah_common import digests, frames
from howdah_common.chunks import MIB
from howdah_common.messages import MOST_HAVE_DIGESTS, ChunksAnswer, Have, HaveAnswer
from howdah_common.problems import ProblemError
from howdah_receiver.api import examples
from howdah_receiver.api.answers import check_not_encoded, json_answer, read_message
from howdah_receiver.api.bodies import pump
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.uploads.stream import ChunkStream
from howdah_receiver.uploads.writers import ChunkChecker

BODY_BYTES = 64 * MIB
"""What a chunk stream may carry in one request, beside its last frame."""


async def have(request: Request) -> Response:
    """Offer digests of a run of chunks, so that what is there is not sent.

    Chunks whose content the account can already read are filled in by the receiver, and then count
    as received.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, Have)
    if asked.first < 0 or len(asked.digests) > MOST_HAVE_DIGESTS * digests.DIGEST_BYTES:
        raise ProblemError("bad_request", f"At most {MOST_HAVE_DIGESTS} digests at a time.")
    missing = await context.offload(
        context.uploads.have, caller, request.path_params["upload"], asked.first, asked.digests
    )
    return json_answer(HaveAnswer(missing=missing.pairs()))


async def put_stream(request: Request) -> Response:
    """Send many chunks in one stream of frames: the fast way.

    Frames may come in any order. A chunk counts as soon as its digest was checked against what then stands
    on the receiver's disk; a stream that breaks keeps every chunk that was whole. What is answered survives
    the death of the receiver's process, not a power cut. A frame holds the chunk, or a recipe that makes it
    of ranges of versions that the account may read and of what is new.
    """
    if request.headers.get("content-type", "") != frames.MEDIA_TYPE:
        raise ProblemError("media_type_unsupported", f"{frames.MEDIA_TYPE} belongs here.")
    check_not_encoded(request)
    context, caller = context_of(request), caller_of(request)
    with ExitStack() as stack:
        session = await context.offload(
            stack.enter_context, context.uploads.session(caller, request.path_params["upload"])
        )
        sources = context.uploads.sources(caller, session.upload)
        stream = ChunkStream(session, sources, context.sessions.commit_soon)
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
    """Send one raw chunk: the plain way.

    Of a chunk whose digest is wrong nothing is kept. What is answered survives the death of the receiver's
    process, not a power cut.
    """
    check_not_encoded(request)
    context, caller = context_of(request), caller_of(request)
    length = _content_length(request)
    with ExitStack() as stack:
        session = await context.offload(
            stack.enter_context, context.uploads.session(caller, request.path_params["upload"])
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


_UPLOAD = {"upload": "The upload's id."}
_WRITING = ("upload_not_found", "upload_not_open", "chunk_out_of_range", "chunk_mismatch",
            "chunk_conflict", "chunk_superseded", "body_encoded", "type_refused", "upload_too_large",
            "quota_exceeded")  # fmt: skip

CHUNK = Described(
    path={**_UPLOAD, "number": "The chunk's number, from 0 on."},
    parameters=(
        Parameter(
            "Content-Digest",
            "header",
            "The chunk's digest in the upload's algorithm (RFC 9530).",
            required=True,
            example=examples.CONTENT_DIGEST,
        ),
    ),
    takes="application/octet-stream",
    example=examples.CONTENT,
    answers={
        201: Answer("It counts."),
        204: Answer("It was received before, with the same bytes."),
    },
    problems=(*_WRITING, "bad_request", "digest_missing"),
    more="The request says its `Content-Length`.",
)

routes = [
    Call(
        "POST",
        "/uploads/{upload}/have",
        have,
        Described(
            path=_UPLOAD,
            takes=Have,
            answers={200: Answer("What of the run is to be sent.", HaveAnswer)},
            problems=(
                "upload_not_found",
                "upload_not_open",
                "chunk_out_of_range",
                "chunk_superseded",
                "type_refused",
            ),
            more=f"At most {MOST_HAVE_DIGESTS} digests a request.",
        ),
    ),
    Call(
        "POST",
        "/uploads/{upload}/chunks",
        put_stream,
        Described(
            path=_UPLOAD,
            takes=frames.MEDIA_TYPE,
            example=examples.FRAME,
            answers={200: Answer("The chunks of this request that count.", ChunksAnswer)},
            problems=(
                *_WRITING,
                "bad_frame",
                "body_too_large",
                "media_type_unsupported",
                "recipe_source_missing",
            ),
            more=f"The body is at most {BODY_BYTES // MIB} MiB and one frame. A frame is a head of"
            f" {frames.HEADER_BYTES} bytes, the chunk or its recipe, and its digest of"
            f" {digests.DIGEST_BYTES}: docs/protocol.md has the tables.",
        ),
    ),
    Call("PUT", "/uploads/{upload}/chunks/{number:int}", put_chunk, CHUNK),
]
