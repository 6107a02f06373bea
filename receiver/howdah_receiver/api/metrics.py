"""`/metrics`, for Prometheus. Not for strangers: how busy a receiver is, is its owner's business."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.who import ADMINS, admin_of
from howdah_receiver.watching.metrics import MEDIA_TYPE


async def metrics(request: Request) -> Response:
    """Ask for what Prometheus collects.

    With the token of an administrator's device, or with the setting `metrics_token`.
    """
    if not request.scope.get("howdah.scraper"):
        admin_of(request)
    context = context_of(request)
    return Response(await context.offload(context.metrics.text), media_type=MEDIA_TYPE)


routes = [
    Call(
        "GET",
        "/metrics",
        metrics,
        Described(
            answers={200: Answer("In Prometheus's text format.", MEDIA_TYPE.partition(";")[0])},
            problems=ADMINS,
        ),
    )
]
