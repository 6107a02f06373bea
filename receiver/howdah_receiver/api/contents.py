"""Many small files in one answer. See docs/protocol.md."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from howdah_common import content_frames
from howdah_common.chunks import KIB, MIB
from howdah_common.content_frames import ContentFrame, content_frame
from howdah_common.messages_batch import (
    MOST_WANTED_FILES,
    BatchItem,
    FetchFiles,
    WantedFile,
    refused,
)
from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import read_message
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.views import file_info
from howdah_receiver.files.together import Together

BLOCK_BYTES = 256 * KIB
"""Worth a turn of the event loop: many files of 4 KiB are one. A block is held with one file more."""

LOOK_AHEAD = 100
"""So many rows are read at once; who may not read the space any more gets no others."""


async def fetch_files(request: Request) -> Response:
    """Fetch many small files in one answer.

    A frame for each, in order: the file with its bytes, or why it is not given. Every file is held against
    its digests before it goes out: one that the disk has not kept is `file_damaged` here, and never wrong
    bytes. What does not fit is `fetch_alone`.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, FetchFiles)

    def begin() -> Together:
        space = context.files.space(caller, asked.space)
        return Together(context.catalogue, context.files, caller, space)

    together = await context.offload(begin)
    headers = {"Cache-Control": "private, no-store"}
    blocks = _blocks(context, _in_blocks(together, asked.files))
    return StreamingResponse(blocks, headers=headers, media_type=content_frames.MEDIA_TYPE)


async def _blocks(context: Context, found: Iterator[bytes]) -> AsyncIterator[bytes]:
    while block := await context.offload(next, found, b""):
        yield block


def _in_blocks(together: Together, wanted: list[WantedFile]) -> Iterator[bytes]:
    """Nothing is open between two blocks: whoever goes away leaves nothing to be closed."""
    block = bytearray()
    for at, one in enumerate(wanted):
        if at % LOOK_AHEAD == 0:
            try:
                together.look(wanted[at : at + LOOK_AHEAD])
            except ProblemError:
                break  # it has begun to be answered: what is missing at its end is asked for again
        block += content_frame(_frame(together, one))
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _frame(together: Together, wanted: WantedFile) -> ContentFrame:
    try:
        row, data = together.read(wanted)
    except ProblemError as problem:
        return ContentFrame(refused(problem))
    return ContentFrame(BatchItem(status=200, file=file_info(row)), data)


routes = [
    Call(
        "POST",
        "/files/contents",
        fetch_files,
        Described(
            takes=FetchFiles,
            answers={200: Answer("A frame for each file.", content_frames.MEDIA_TYPE)},
            problems=(
                "bad_request",
                "body_too_large",
                "media_type_unsupported",
                "body_encoded",
                "not_found",
                "not_allowed",
            ),
            more=f"At most {MOST_WANTED_FILES} files of at most"
            f" {content_frames.MOST_FILE_BYTES // KIB} KiB each, and"
            f" {content_frames.MOST_BYTES // MIB} MiB in all. A frame is a head of"
            f" {content_frames.HEAD_BYTES} bytes, an item as in the answer to a batch, with status 200, and"
            " the bytes: docs/protocol.md has the table. What is not given has the problem that fetching it"
            " alone would have: `bad_path`, `file_not_found`, `file_damaged`, `unavailable` or"
            " `storage_failed`; or `version_conflict` where it is not the version that was asked for.",
        ),
    ),
]
