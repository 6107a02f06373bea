"""`POST /pair`: a one-time code for a device's token."""

from __future__ import annotations

import socket

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages import Pair, Paired
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.who import address_of


async def pair(request: Request) -> Response:
    """Trade a one-time code for a device's token.

    The code stands in the pairing link that the receiver prints.
    """
    context = context_of(request)
    asked = await read_message(request, Pair)
    new = await context.offload(
        context.accounts.pairing.pair, asked.code, asked.device_name, address_of(request)
    )
    return json_answer(
        Paired(
            token=new.token,
            device=new.id,
            account=new.account_name,
            receiver_name=socket.gethostname(),
            catalogue=context.catalogue.id,
        ),
        201,
    )


routes = [
    Call(
        "POST",
        "/pair",
        pair,
        Described(
            takes=Pair,
            answers={201: Answer("The token, shown this once.", Paired)},
            problems=("pairing_refused", "too_many_attempts", "storage_full", "storage_failed"),
        ),
    )
]
