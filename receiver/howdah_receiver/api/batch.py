"""Many small files in one request. See docs/protocol.md."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from howdah_common import digests, file_frames
from howdah_common.chunks import MIB
from howdah_common.messages_batch import BatchAnswer, BatchItem, refused
from howdah_common.problems import ProblemError
from howdah_receiver.api import examples
from howdah_receiver.api.answers import check_not_encoded, json_answer
from howdah_receiver.api.bodies import pump
from howdah_receiver.api.chunks import BODY_BYTES
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.views import file_info
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.uploads.batch import Receiving


async def put_files(request: Request) -> Response:
    """Send many small files in one stream of frames.

    There is one durable step for all of them, and an answer for each, in order. A file that is answered
    with 201 is on stable storage, byte for byte what was hashed, and stays so through a kill, a power cut
    or a full disk. The same file again, under the same `client_id`, gets the same answer. What stood at a
    path becomes a version. A stream that breaks leaves nothing.
    """
    if request.headers.get("content-type", "") != file_frames.MEDIA_TYPE:
        raise ProblemError("media_type_unsupported", f"{file_frames.MEDIA_TYPE} belongs here.")
    check_not_encoded(request)
    context, caller = context_of(request), caller_of(request)
    announced = request.headers.get("content-length", "")
    receiving = await context.offload(
        context.small_files.begin,
        caller,
        request.query_params.get("space"),
        request.query_params.get("digest_algorithm", digests.SHA256),
        min(int(announced[:18]), BODY_BYTES) if announced.isdecimal() else 0,
    )
    try:
        await pump(request, context, receiving.feed, BODY_BYTES)
    except BaseException:
        # Shielded: a stop in mid-stream must not leave anything behind.
        await asyncio.shield(context.offload(receiving.end))
        raise
    # Goes on when the client goes away: what is under way by then is what its repetition finds.
    answer = await asyncio.shield(context.offload(_publish, receiving))
    return json_answer(answer)


def _publish(receiving: Receiving) -> BatchAnswer:
    try:
        outcomes = receiving.finish()
    finally:
        receiving.end()
    return BatchAnswer(
        items=[
            BatchItem(status=201, file=file_info(outcome))
            if isinstance(outcome, FileRow)
            else refused(outcome)
            for outcome in outcomes
        ]
    )


routes = [
    Call(
        "POST",
        "/batch",
        put_files,
        Described(
            parameters=(
                Parameter("space", "query", "The space; the account's home if left out."),
                Parameter(
                    "digest_algorithm",
                    "query",
                    f"Of all digests: {' or '.join(sorted(digests.ALGORITHMS))}.",
                    default=digests.SHA256,
                ),
            ),
            takes=file_frames.MEDIA_TYPE,
            example=examples.FILE_FRAME,
            answers={200: Answer("What became of each file.", BatchAnswer)},
            problems=(
                "bad_frame",
                "body_too_large",
                "media_type_unsupported",
                "body_encoded",
                "digest_unsupported",
                "not_found",
                "not_allowed",
            ),
            more=f"At most {file_frames.MOST_FILES} files of at most"
            f" {file_frames.MOST_FILE_BYTES // MIB} MiB each, {BODY_BYTES // MIB} MiB in all. A frame is a"
            f" head of {file_frames.HEAD_BYTES} bytes, the path, the bytes, and their digest of"
            f" {digests.DIGEST_BYTES}: docs/protocol.md has the table. Each file has the answer that"
            " starting, sending and completing it alone would have: 201, or a problem such as"
            " `version_conflict`, `path_conflict`, `bad_path`, `chunk_mismatch`, `client_id_conflict`,"
            " `type_refused`, `quota_exceeded`, `too_many_uploads` or `storage_failed`.",
        ),
    ),
]
