"""Alive, and ready. They tell nothing else to a stranger."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from howdah_receiver.api.answers import json_answer


async def alive(request: Request) -> Response:
    return json_answer({"status": "ok"})


# Listening is being ready: recovery is done before.
routes = [Route("/healthz", alive, methods=["GET"]), Route("/readyz", alive, methods=["GET"])]
