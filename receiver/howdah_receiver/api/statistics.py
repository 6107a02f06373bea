"""Statistics: what came, what comes, what is kept."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_watching import Statistics
from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import json_answer
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.examples_watching import STATISTICS
from howdah_receiver.api.who import ADMINS, account_of, admin_of


async def statistics(request: Request) -> Response:
    """Ask for the figures of this account, or of all.

    Days are those of UTC, weeks begin on Monday. What is stored counts in the spaces that the account owns.
    A device that is limited to a space or to sending sees none of it.
    """
    context, caller = context_of(request), account_of(request)
    wanted = request.query_params.get("all", "false")
    if wanted not in ("true", "false"):
        raise ProblemError("bad_request", "all is true or false.")
    if wanted == "false":
        return json_answer(await context.offload(context.counts.own, caller))
    admin_of(request)
    return json_answer(await context.offload(context.counts.of_all))


routes = [
    Call(
        "GET",
        "/statistics",
        statistics,
        Described(
            parameters=(
                Parameter(
                    "all",
                    "query",
                    "Of all accounts, and of each: for administrators.",
                    Literal["true", "false"],
                    default="false",
                ),
            ),
            answers={200: Answer("The figures.", Statistics, example=STATISTICS)},
            problems=("bad_request", *ADMINS),
        ),
    )
]
