"""Files: moved, renamed, deleted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import FileInfo
from howdah_common.messages_trees import MoveFile, TrashEntry
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.files import FILE
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.trash import trash_entry
from howdah_receiver.api.views import file_info


async def move(request: Request) -> Response:
    """Move or rename a file.

    It stays the same file, with its versions. Folders above the new path are made.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, MoveFile)

    def work() -> FileInfo:
        row = context.changing.move_file(
            caller,
            request.path_params["file"],
            asked.path,
            space=asked.space,
            if_exists=asked.if_exists,
            if_version=asked.if_version,
        )
        return file_info(row)

    return json_answer(await context.offload(work))


async def delete(request: Request) -> Response:
    """Put a file into the trash, with its versions."""
    context, caller = context_of(request), caller_of(request)

    def work() -> TrashEntry:
        row = context.changing.trash_file(
            caller,
            request.path_params["file"],
            if_version=request.query_params.get("if_version"),
        )
        return trash_entry(row)

    return json_answer(await context.offload(work))


routes = [
    Call(
        "PATCH",
        "/files/{file}",
        move,
        Described(
            takes=MoveFile,
            path=FILE,
            answers={200: Answer("The file, where it stands now.", FileInfo)},
            problems=(
                "bad_path", "file_not_found", "not_allowed", "path_conflict", "version_conflict",
                "other_space", "unavailable",
            ),
        ),
    ),
    Call(
        "DELETE",
        "/files/{file}",
        delete,
        Described(
            path=FILE,
            parameters=(
                Parameter("if_version", "query", "The version that must stand there."),
            ),
            answers={200: Answer("What is in the trash now.", TrashEntry)},
            problems=("file_not_found", "not_allowed", "version_conflict", "unavailable"),
        ),
    ),
]  # fmt: skip
