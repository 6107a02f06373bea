"""The trash: what was deleted, for as long as it is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import MOST_PER_PAGE
from howdah_common.messages_trees import Emptied, Restored, RestoreTrash, TrashEntry, TrashList
from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.views import item_info
from howdah_receiver.catalogue.trash import TrashRow

PER_PAGE = 50


def trash_entry(row: TrashRow) -> TrashEntry:
    return TrashEntry(
        id=row.id,
        space=row.space_id,
        path=row.path,
        kind="file" if row.kind == "file" else "folder",
        trashed_ns=row.trashed_ns,
        bytes=row.bytes,
        files=row.files,
        account=row.account_id,
    )


async def list_trash(request: Request) -> Response:
    """List what is in the trash of a space, the newest first."""
    context, caller = context_of(request), caller_of(request)
    query = request.query_params
    page, per_page = _number(query.get("page", "1")), _number(query.get("per_page", str(PER_PAGE)))

    def work() -> TrashList:
        rows, total = context.changing.trash(
            caller, query.get("space"), page=page, per_page=per_page
        )
        items = [trash_entry(row) for row in rows]
        return TrashList(items=items, page=page, per_page=per_page, total=total)

    return json_answer(await context.offload(work))


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise ProblemError("bad_request", f"{text[:20]!r} is no page number.")
    return int(text)


async def restore(request: Request) -> Response:
    """Bring something back from the trash.

    A file comes back with its versions, a folder with all that was in it.
    """
    context, caller = context_of(request), caller_of(request)
    asked = await read_message(request, RestoreTrash)

    def work() -> Restored:
        row = context.changing.restore(
            caller, request.path_params["entry"], asked.path, asked.if_exists
        )
        return Restored(item=item_info(row))

    return json_answer(await context.offload(work))


async def remove(request: Request) -> Response:
    """Remove something from the trash for good, with all versions of its files."""
    context, caller = context_of(request), caller_of(request)
    await context.offload(context.changing.remove, caller, request.path_params["entry"])
    return Response(status_code=204)


async def empty(request: Request) -> Response:
    """Remove all that is in the trash of a space for good."""
    context, caller = context_of(request), caller_of(request)
    gone = await context.offload(context.changing.empty, caller, request.query_params.get("space"))
    return json_answer(Emptied(entries=gone.entries, files=gone.files, bytes=gone.bytes))


_ENTRY = {"entry": "The id of what is in the trash."}
_SPACE = Parameter("space", "query", "A space's id; the account's home if left out.")

routes = [
    Call(
        "GET",
        "/trash",
        list_trash,
        Described(
            parameters=(
                _SPACE,
                Parameter("page", "query", "From 1 on.", Annotated[int, Meta(ge=1)], default=1),
                Parameter(
                    "per_page",
                    "query",
                    "Entries a page.",
                    Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)],
                    default=PER_PAGE,
                ),
            ),
            answers={200: Answer("A page of it.", TrashList)},
            problems=("bad_request", "not_found", "not_allowed"),
        ),
    ),
    Call(
        "POST",
        "/trash/{entry}/restore",
        restore,
        Described(
            takes=RestoreTrash,
            path=_ENTRY,
            answers={200: Answer("What came back, and where it stands.", Restored)},
            problems=("bad_path", "file_not_found", "not_allowed", "path_conflict"),
        ),
    ),
    Call(
        "DELETE",
        "/trash/{entry}",
        remove,
        Described(
            path=_ENTRY,
            answers={204: Answer("It is gone for good.")},
            problems=("file_not_found", "not_allowed"),
        ),
    ),
    Call(
        "DELETE",
        "/trash",
        empty,
        Described(
            parameters=(_SPACE,),
            answers={200: Answer("What is gone for good.", Emptied)},
            problems=("not_found", "not_allowed"),
        ),
    ),
]
