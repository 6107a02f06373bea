"""Versions of a file: what stood there before, and how to have it back."""

from __future__ import annotations

import os

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import FileInfo
from howdah_common.messages_trees import RestoreVersion, Stood, VersionInfo, VersionList
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.files import (
    CONTENT_ANSWERS,
    CONTENT_PARAMETERS,
    FILE,
    content_answer,
)
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.views import file_info
from howdah_receiver.files.history import Version


def version_info(version: Version) -> VersionInfo:
    row = version.row
    return VersionInfo(
        id=row.id,
        file=row.file_id,
        current=row.place == "current",
        size=row.size,
        modified_ns=row.modified_ns,
        added_ns=row.added_ns,
        chunk_bytes=row.chunk_bytes,
        digest_algorithm=row.algorithm,
        manifest_digest=row.manifest_digest.hex(),
        origin="upload" if row.origin == "upload" else "outside",
        stood=[Stood(path=one.path, from_ns=one.from_ns, to_ns=one.to_ns) for one in version.stood],
        damaged=row.damaged,
        sha256=row.sha256.hex() if row.sha256 else None,
        account=row.account,
        device=row.device,
    )


async def list_versions(request: Request) -> Response:
    """List the versions of a file, the newest first."""
    context, caller = context_of(request), caller_of(request)

    def work() -> VersionList:
        found = context.history.versions(caller, request.path_params["file"])
        return VersionList(versions=[version_info(version) for version in found])

    return json_answer(await context.offload(work))


async def look(request: Request) -> Response:
    """Look at a version."""
    context, caller = context_of(request), caller_of(request)
    names = request.path_params
    found = await context.offload(context.history.version, caller, names["file"], names["version"])
    return json_answer(version_info(found))


async def content(request: Request) -> Response:
    """Fetch the bytes of a version, whether it stands there or was replaced."""
    context, caller = context_of(request), caller_of(request)
    names = request.path_params
    opened = await context.offload(context.history.open, caller, names["file"], names["version"])
    try:
        return content_answer(request, context, opened)
    except BaseException:
        os.close(opened.descriptor)
        raise


async def restore(request: Request) -> Response:
    """Make a version the one that stands at the file's path.

    It keeps its id; what stood there until now is kept as a version.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, RestoreVersion)
    names = request.path_params

    def work() -> FileInfo:
        row = context.history.restore(
            caller, names["file"], names["version"], if_version=asked.if_version
        )
        return file_info(row)

    return json_answer(await context.offload(work))


async def remove(request: Request) -> Response:
    """Remove a version for good."""
    context, caller = context_of(request), caller_of(request)
    names = request.path_params
    await context.offload(context.history.remove, caller, names["file"], names["version"])
    return Response(status_code=204)


_VERSION = {**FILE, "version": "The version's id."}

routes = [
    Call(
        "GET",
        "/files/{file}/versions",
        list_versions,
        Described(
            path=FILE,
            answers={200: Answer("Its versions.", VersionList)},
            problems=("file_not_found",),
        ),
    ),
    Call(
        "GET",
        "/files/{file}/versions/{version}",
        look,
        Described(
            path=_VERSION,
            answers={200: Answer("The version.", VersionInfo)},
            problems=("file_not_found",),
        ),
    ),
    Call(
        "GET",
        "/files/{file}/versions/{version}/content",
        content,
        Described(
            path=_VERSION,
            parameters=CONTENT_PARAMETERS,
            answers=CONTENT_ANSWERS,
            problems=("file_not_found", "range_not_satisfiable", "file_damaged"),
        ),
    ),
    Call(
        "POST",
        "/files/{file}/versions/{version}/restore",
        restore,
        Described(
            takes=RestoreVersion,
            path=_VERSION,
            answers={200: Answer("The file as it stands now.", FileInfo)},
            problems=(
                "file_not_found",
                "not_allowed",
                "file_damaged",
                "path_conflict",
                "version_conflict",
            ),
        ),
    ),
    Call(
        "DELETE",
        "/files/{file}/versions/{version}",
        remove,
        Described(
            path=_VERSION,
            answers={204: Answer("It is gone for good.")},
            problems=("file_not_found", "not_allowed", "version_current"),
        ),
    ),
]
