"""What a list of files takes, and its answer."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.datastructures import QueryParams

from howdah_common.messages import MOST_PER_PAGE, FileList, FolderInfo, SortBy
from howdah_common.problems import ProblemError
from howdah_receiver.api.described import Parameter
from howdah_receiver.api.views import file_info, folder_info
from howdah_receiver.catalogue import orders
from howdah_receiver.catalogue.listing import FolderEntry, Listing
from howdah_receiver.catalogue.orders import Order
from howdah_receiver.catalogue.search import MOST_FOUND, MOST_LETTERS
from howdah_receiver.catalogue.totals import Totals
from howdah_receiver.files.wanted import Wanted

PER_PAGE = 50
_SORT_ORDERS = {"asc": False, "1": False, "desc": True, "-1": True}

PARAMETERS = (
    Parameter(
        "path", "query", "Where to look; the space itself if left out.", default="", example="notes"
    ),
    Parameter("space", "query", "A space's id; the account's home if left out."),
    Parameter("page", "query", "From 1 on.", Annotated[int, Meta(ge=1)], default=1),
    Parameter(
        "per_page",
        "query",
        "Entries a page.",
        Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)],
        default=PER_PAGE,
    ),
    Parameter("sort_by", "query", "What files go by.", SortBy, default="name"),
    Parameter(
        "sort_order",
        "query",
        "`1` and `-1` are `asc` and `desc`. Folders stay first.",
        Literal["asc", "desc", "1", "-1"],
        default="asc",
    ),
    Parameter(
        "search",
        "query",
        f"What names shall hold, at any depth. Of more than {MOST_FOUND} that are found, the newest come"
        " first.",
        Annotated[str, Meta(max_length=MOST_LETTERS)],
        default="",
    ),
    Parameter("after", "query", "The `next` of the page before, in place of `page`."),
)


def wanted_in(query: QueryParams) -> Wanted:
    """Raises ProblemError: bad_request."""
    return Wanted(
        page=_number(query.get("page", "1")),
        per_page=_number(query.get("per_page", str(PER_PAGE))),
        order=Order(_sort_by(query.get("sort_by", "name")), _descending(query)),
        search=query.get("search", ""),
        after=query.get("after"),
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise ProblemError("bad_request", f"{text[:20]!r} is no page number.")
    return int(text)


def _sort_by(text: str) -> orders.SortBy:
    try:
        return orders.SortBy(text)
    except ValueError as error:
        known = ", ".join(one.value for one in orders.SortBy)
        raise ProblemError("bad_request", f"sort_by is one of {known}.") from error


def _descending(query: QueryParams) -> bool:
    text = query.get("sort_order", "asc")
    if text not in _SORT_ORDERS:
        raise ProblemError("bad_request", "sort_order is asc or desc, or 1 or -1.")
    return _SORT_ORDERS[text]


def file_list(found: Listing, wanted: Wanted) -> FileList:
    """The answer."""
    order = wanted.order
    return FileList(
        kind="folder",
        items=[*map(_folder_info, found.folders), *map(file_info, found.files)],
        page=wanted.page,
        per_page=wanted.per_page,
        total=found.total,
        total_is_at_least=found.at_least,
        sort_by=order.by.value if found.is_sorted else None,
        sort_order=("desc" if order.descending else "asc") if found.is_sorted else None,
        next=found.next.text() if found.next else None,
        **_members(found.totals),
    )


def _folder_info(entry: FolderEntry) -> FolderInfo:
    info = folder_info(entry.row)
    totals = _members(entry.totals)
    return msgspec.structs.replace(info, **totals) if totals else info


def _members(totals: Totals | None) -> dict[str, int]:
    if totals is None:
        return {}
    return {"bytes": totals.bytes, "files": totals.files, "folders": totals.folders}
