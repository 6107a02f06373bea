"""Folders: made by themselves. Those that a file needs are made with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import FolderInfo, NewFolder
from howdah_receiver.accounts.caller import Right
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.gate import caller_of


async def make_folder(request: Request) -> Response:
    """Make a folder.

    It is on stable storage when it is answered.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, NewFolder)

    def work() -> tuple[FolderInfo, bool]:
        space = context.files.space(caller, asked.space, Right.CHANGE)
        new = context.files.make_folder(space, asked.path, caller)
        return FolderInfo(space=space.id, path=asked.path), new

    folder, new = await context.offload(work)
    return json_answer(folder, 201 if new else 200)


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
]
