"""The audit log, for administrators."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_watching import AuditEntry, AuditPage
from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import MOST_A_PAGE, PAGE, What
from howdah_receiver.api.answers import json_answer
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.examples_watching import AUDIT
from howdah_receiver.api.who import ADMINS, admin_of


async def look(request: Request) -> Response:
    """Look who did what.

    The newest first: signing in, devices, accounts, roles, links, removals for good, starts.
    """
    admin_of(request)
    context, query = context_of(request), request.query_params
    count = _number(query, "per_page") or PAGE
    if count > MOST_A_PAGE:
        raise ProblemError("bad_request", f"per_page from 1 to {MOST_A_PAGE}.")
    what = _what(query.get("what"))
    before, since, until = (_number(query, name) for name in ("before", "since_ns", "until_ns"))

    def work() -> AuditPage:
        with context.catalogue.read() as connection:
            found = audit.page(
                connection, count=count, before=before, what=what, since_ns=since, until_ns=until
            )
        entries = [AuditEntry(**audit.as_json(entry)) for entry in found]
        more = entries[-1].number if len(entries) == count else None
        return AuditPage(entries=entries, before=more)

    return json_answer(await context.offload(work))


def _number(query: QueryParams, name: str) -> int | None:
    """Raises ProblemError (bad_request)."""
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or not 0 < int(text) < 2**63:
        raise ProblemError("bad_request", f"{name} is a whole number from 1 on.")
    return int(text)


def _what(text: str | None) -> What | None:
    """Raises ProblemError (bad_request)."""
    try:
        return None if text is None else What(text)
    except ValueError as error:
        raise ProblemError("bad_request", "There is no such kind of entry.") from error


_Whole = Annotated[int, Meta(ge=1)]

routes = [
    Call(
        "GET",
        "/audit",
        look,
        Described(
            parameters=(
                Parameter("before", "query", "Older than the entry of that number.", _Whole),
                Parameter(
                    "per_page",
                    "query",
                    "Entries a page.",
                    Annotated[int, Meta(ge=1, le=MOST_A_PAGE)],
                    default=PAGE,
                ),
                Parameter("what", "query", "Entries of that kind alone."),
                Parameter("since_ns", "query", "Not before that time.", _Whole),
                Parameter("until_ns", "query", "Before that time.", _Whole),
            ),
            answers={200: Answer("A page.", AuditPage, example=AUDIT)},
            problems=("bad_request", *ADMINS),
        ),
    )
]
