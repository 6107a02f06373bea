"""Files: list, look, fetch, verify. See docs/protocol.md."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from howdah_common import digests, remote_path
from howdah_common.messages import (
    FileInfo,
    FileList,
    FileManifest,
    VerifyAnswer,
)
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeNotSatisfiable, parse_byte_range
from howdah_receiver.api.answers import json_answer
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.lists import PARAMETERS, file_list, wanted_in
from howdah_receiver.api.views import file_info
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.files.service import OpenFile

READ_BYTES = 1024 * 1024
CONTENT_TYPE = "application/octet-stream"
"""Never shown by a browser on our origin, whatever is in it."""


async def list_files(request: Request) -> Response:
    """List a folder, or search in it, or find the file at a path.

    Folders come first, then files; folders go by name, bytewise, and so do files that are equal in what
    they are sorted by. `search` finds names in the folder and all below it: three letters and more anywhere
    in a name, one or two where it begins with them; case does not matter. A list that is read with `after`
    repeats nothing and leaves nothing out of what stays, whatever comes and goes meanwhile.
    """
    context, caller = context_of(request), caller_of(request)
    query = request.query_params
    path, wanted = query.get("path", ""), wanted_in(query)

    def work() -> FileList:
        space = context.files.space(caller, query.get("space"))
        found = context.files.list(space, path, wanted)
        if isinstance(found, FileRow):
            return FileList(kind="file", items=[file_info(found)], page=1, per_page=1, total=1)
        return file_list(found, wanted)

    return json_answer(await context.offload(work))


async def look(request: Request) -> Response:
    """Look at a file."""
    context, caller = context_of(request), caller_of(request)
    _, row = await context.offload(context.files.find, caller, request.path_params["file"])
    return json_answer(file_info(row))


async def manifest(request: Request) -> Response:
    """Ask for the digests of all chunks of a file."""
    context, caller = context_of(request), caller_of(request)
    row, chunk_digests = await context.offload(
        context.files.manifest, caller, request.path_params["file"]
    )
    return json_answer(
        FileManifest(
            version=row.version_id,
            size=row.size,
            chunk_bytes=row.chunk_bytes,
            digest_algorithm=row.algorithm,
            manifest_digest=row.manifest_digest.hex(),
            digests=chunk_digests,
        )
    )


async def content(request: Request) -> Response:
    """Fetch the bytes.

    A client that fetches in ranges sends `If-Range` with the ETag of the version whose manifest it has: 200
    in place of 206 then means that the file has changed.
    """
    context, caller = context_of(request), caller_of(request)
    opened = await context.offload(context.files.open, caller, request.path_params["file"])
    try:
        return content_answer(request, context, opened)
    except BaseException:
        os.close(opened.descriptor)
        raise


def content_answer(request: Request, context: Context, opened: OpenFile) -> Response:
    """The whole or the wanted range, with what makes it safe to show. Closes the descriptor, unless it
    raises ProblemError (range_not_satisfiable)."""
    row = opened.row
    etag = f'"{row.version_id}"'
    headers = _content_headers(row, etag)
    if _has_it(request.headers.get("if-none-match", ""), etag):
        os.close(opened.descriptor)
        return Response(status_code=304, headers=headers)
    try:
        part = _wanted_range(request.headers, etag, row.size)
    except RangeNotSatisfiable as error:
        raise ProblemError(
            "range_not_satisfiable", f"It has {row.size} bytes.", {"size": row.size}
        ) from error
    first, last = part or (0, row.size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{row.size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        os.close(opened.descriptor)
        return Response(status_code=status, headers=headers)
    body = _blocks(context, opened.descriptor, first, last + 1)
    return StreamingResponse(body, status, headers)


def _has_it(field: str, etag: str) -> bool:
    """Whether `If-None-Match` names this version; it compares weakly (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in field.split(",")]
    return etag in tags or "*" in tags


def _wanted_range(headers: Headers, etag: str, size: int) -> tuple[int, int] | None:
    """None for the whole: no range, or one that holds only for another version (RFC 9110, 13.1.5)."""
    field = headers.get("range")
    if field is None or headers.get("if-range", etag) != etag:
        return None
    return parse_byte_range(field, size)


def _content_headers(row: FileRow, etag: str) -> dict[str, str]:
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": CONTENT_TYPE,
        **attachment(remote_path.name(row.path)),
    }
    if row.sha256:
        headers["Repr-Digest"] = digests.to_field(digests.SHA256, row.sha256)
    return headers


def attachment(name: str) -> dict[str, str]:
    """Headers that keep what is sent from ever being shown on our origin."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


async def _blocks(context: Context, descriptor: int, first: int, end: int) -> AsyncIterator[bytes]:
    at = first
    try:
        while at < end:
            block = await context.offload(os.pread, descriptor, min(READ_BYTES, end - at), at)
            if not block:
                return  # cut short by other hands: the missing length tells the client
            at += len(block)
            yield block
    finally:
        os.close(descriptor)


async def verify(request: Request) -> Response:
    """Read a file again and compare it with its digests."""
    context, caller = context_of(request), caller_of(request)
    row, damaged = await context.offload(context.files.verify, caller, request.path_params["file"])
    return json_answer(
        VerifyAnswer(ok=not damaged, checked_bytes=row.size, damaged=damaged.pairs())
    )


FILE = {"file": "The file's id."}
_READING = ("file_not_found", "unavailable")
_CONTENT = (
    Header("ETag", "The version's id, in quotes."),
    Header("Repr-Digest", "SHA-256 of the whole file, `sha-256=:BASE64:`, once it is known."),
    Header("Accept-Ranges", "`bytes`."),
    Header("Content-Disposition", "An attachment, with the file's name."),
)

CONTENT_PARAMETERS = (
    Parameter(
        "Range",
        "header",
        "One range; several are answered with the whole.",
        example="bytes=0-1",
    ),
    Parameter("If-Range", "header", "An ETag: the range holds for that version alone."),
    Parameter("If-None-Match", "header", "ETags of versions that the client has."),
)
CONTENT_ANSWERS = {
    200: Answer("The whole.", CONTENT_TYPE, _CONTENT),
    206: Answer(
        "The range.",
        CONTENT_TYPE,
        (*_CONTENT, Header("Content-Range", "Which bytes, and of how many.")),
    ),
    304: Answer("The client has it.", headers=_CONTENT),
}

routes = [
    Call(
        "GET",
        "/files",
        list_files,
        Described(
            parameters=PARAMETERS,
            answers={200: Answer("A page of the folder, or the file.", FileList)},
            problems=("bad_request", "bad_path", "not_found", "not_allowed", "file_not_found"),
        ),
    ),
    Call(
        "GET",
        "/files/{file}",
        look,
        Described(
            path=FILE, answers={200: Answer("The file.", FileInfo)}, problems=("file_not_found",)
        ),
    ),
    Call(
        "GET",
        "/files/{file}/manifest",
        manifest,
        Described(
            path=FILE,
            answers={200: Answer("The digests.", FileManifest)},
            problems=("file_not_found",),
        ),
    ),
    Call(
        "GET",
        "/files/{file}/content",
        content,
        Described(
            path=FILE,
            parameters=CONTENT_PARAMETERS,
            answers=CONTENT_ANSWERS,
            problems=(*_READING, "range_not_satisfiable", "file_damaged"),
        ),
    ),
    Call(
        "POST",
        "/files/{file}/verify",
        verify,
        Described(
            path=FILE, answers={200: Answer("What was found.", VerifyAnswer)}, problems=_READING
        ),
    ),
]
