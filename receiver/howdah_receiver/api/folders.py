"""Folders: made by themselves, looked at, moved, deleted. Those that a file needs are made with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import FolderInfo, NewFolder
from howdah_common.messages_trees import (
    FolderRestored,
    MoveFolder,
    NotRestored,
    RestoreFolder,
    TrashEntry,
)
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Right
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.trash import trash_entry
from howdah_receiver.api.views import folder_info


async def make_folder(request: Request) -> Response:
    """Make a folder.

    It is on stable storage when it is answered.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, NewFolder)

    def work() -> tuple[FolderInfo, bool]:
        space = context.files.space(caller, asked.space, Right.CHANGE)
        row, new = context.files.make_folder(space, asked.path, caller)
        return folder_info(row), new

    folder, new = await context.offload(work)
    return json_answer(folder, 201 if new else 200)


async def look(request: Request) -> Response:
    """Look at a folder."""
    context, caller = context_of(request), caller_of(request)
    row = await context.offload(context.changing.folder, caller, request.path_params["folder"])
    return json_answer(folder_info(row))


async def move(request: Request) -> Response:
    """Move or rename a folder with all that is in it.

    On the receiver's disk it is one rename, however much is in it. Folders above the new path are made.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, MoveFolder)

    def work() -> FolderInfo:
        row = context.changing.move_folder(
            caller,
            request.path_params["folder"],
            asked.path,
            space=asked.space,
            if_exists=asked.if_exists,
        )
        return folder_info(row)

    return json_answer(await context.offload(work))


async def delete(request: Request) -> Response:
    """Put a folder into the trash, with all that is in it."""
    context, caller = context_of(request), caller_of(request)
    row = await context.offload(
        context.changing.trash_folder, caller, request.path_params["folder"]
    )
    return json_answer(trash_entry(row))


async def restore(request: Request) -> Response:
    """Make a folder as it was at a time, in one act.

    Content that stood there comes back from kept versions and from the trash; a file that was moved
    within the folder goes back; of a file that was moved out of it a copy is made, and it stays where it
    is. What did not stand there then goes to the trash, as one entry. What cannot be had any more is
    named, and what stands there now is left alone.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, RestoreFolder)
    dry_run = _yes(request.query_params.get("dry_run", "false"))

    def work() -> FolderRestored:
        done = context.changing.rewind(
            caller, asked.space, asked.path, asked.at_ns, dry_run=dry_run
        )
        todo = done.plan
        missing = sorted(todo.missing.items())
        return FolderRestored(
            restored=todo.restored,
            trashed=todo.trashed,
            unchanged=len(todo.unchanged),
            missing_total=len(missing),
            missing=[NotRestored(path=path, why=why) for path, why in missing[:MOST_NAMED]],
            dry_run=dry_run,
            trash=done.trash_id,
        )

    return json_answer(await context.offload(work))


def _yes(text: str) -> bool:
    if text not in ("true", "false"):
        raise ProblemError("bad_request", "dry_run is true or false.")
    return text == "true"


MOST_NAMED = 1_000

_FOLDER = {"folder": "The folder's id."}

routes = [
    Call(
        "POST",
        "/folders",
        make_folder,
        Described(
            takes=NewFolder,
            answers={
                201: Answer("It is new.", FolderInfo),
                200: Answer("It was there.", FolderInfo),
            },
            problems=("bad_path", "path_conflict", "not_found", "not_allowed"),
        ),
    ),
    Call(
        "POST",
        "/folders/restore",
        restore,
        Described(
            takes=RestoreFolder,
            parameters=(
                Parameter(
                    "dry_run",
                    "query",
                    "`true`: only say what would be done.",
                    bool,
                    default="false",
                ),
            ),
            answers={200: Answer("What was done.", FolderRestored)},
            problems=(
                "bad_path",
                "not_found",
                "not_allowed",
                "file_not_found",
                "path_conflict",
                "unavailable",
            ),
        ),
    ),
    Call(
        "GET",
        "/folders/{folder}",
        look,
        Described(
            path=_FOLDER,
            answers={200: Answer("The folder.", FolderInfo)},
            problems=("file_not_found",),
        ),
    ),
    Call(
        "PATCH",
        "/folders/{folder}",
        move,
        Described(
            takes=MoveFolder,
            path=_FOLDER,
            answers={200: Answer("The folder, where it stands now.", FolderInfo)},
            problems=("bad_path", "file_not_found", "not_allowed", "path_conflict", "other_space"),
        ),
    ),
    Call(
        "DELETE",
        "/folders/{folder}",
        delete,
        Described(
            path=_FOLDER,
            answers={200: Answer("What is in the trash now.", TrashEntry)},
            problems=("file_not_found", "not_allowed", "path_conflict"),
        ),
    ),
]
