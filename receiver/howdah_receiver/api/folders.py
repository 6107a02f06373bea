"""Folders: made by themselves, looked at, moved, deleted. Those that a file needs are made with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import FolderInfo, NewFolder
from howdah_common.messages_trees import MoveFolder, TrashEntry
from howdah_receiver.accounts.caller import Right
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
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
