"""Alive, and ready. They tell nothing else to a stranger."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import Message
from howdah_receiver.api.answers import json_answer
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described


class Health(Message, frozen=True):
    """That it answers is all there is to know."""

    status: Literal["ok"]


async def alive(request: Request) -> Response:
    """Ask whether the receiver runs."""
    return json_answer(Health(status="ok"))


async def ready(request: Request) -> Response:
    """Ask whether the receiver takes calls.

    It does not once it was told to stop, while its catalogue cannot be written, and while its disk has no
    room for uploads.
    """
    await context_of(request).readiness.check()
    return json_answer(Health(status="ok"))


_OK = Described(answers={200: Answer("It does.", Health, example=Health(status="ok"))})

routes = [Call("GET", "/healthz", alive, _OK), Call("GET", "/readyz", ready, _OK)]
