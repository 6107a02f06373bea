"""Events: a WebSocket that tells what happens. See docs/protocol.md."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from howdah_common.messages_watching import Event, EventsTicket
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api import examples_watching as examples
from howdah_receiver.api.answers import json_answer, problem_answer
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter, Socket
from howdah_receiver.api.gate import caller_of
from howdah_receiver.watching import hub, tickets, watcher
from howdah_receiver.watching.watcher import Watcher

NOT_TAKEN = 1003
"""The close code for who speaks: nothing is taken here (RFC 6455, section 7.4.1)."""
_GONE = 0


async def ticket(request: Request) -> Response:
    """Ask for a ticket to open `/events` with.

    For pages in a browser, which can set no header there. It is good once, and for a short time.
    """
    context, caller = context_of(request), caller_of(request)
    issued = context.tickets.issue(caller)
    return json_answer(EventsTicket(ticket=issued, expires_seconds=tickets.SECONDS), 201)


async def need_upgrade(request: Request) -> Response:
    """Watch what happens, over a WebSocket.

    The first message is `hello`. `change` tells what happened to the trees that this device may read, in
    order and once it is durable; `progress` of the account's own uploads; `room` how much there is. A
    device that may only send hears of its own uploads alone. Who reads too slowly for all changes gets
    `resync`, and goes on from there. Nothing is taken: who sends a message is closed with 1003.
    """
    request.scope["howdah.problem"] = "upgrade_required"
    answer = problem_answer(ProblemError("upgrade_required"))
    answer.headers["Upgrade"] = "websocket"
    answer.headers["Connection"] = "Upgrade"
    return answer


async def talk(websocket: WebSocket) -> None:
    context: Context = websocket.app.state.context
    caller: Caller = websocket.scope["howdah.caller"]
    try:
        since = _since(websocket)
        with context.hub.place(caller.account_id):
            joined = await context.hub.join(caller, since)
            try:
                await _tell(websocket, joined)
            finally:
                context.hub.leave(joined)
    except ProblemError as problem:
        websocket.scope["howdah.problem"] = problem.code
        await problem_answer(problem)(websocket.scope, websocket.receive, websocket.send)
    except WebSocketDisconnect:
        pass  # gone: there is nobody to tell


def _since(websocket: WebSocket) -> int | None:
    """Raises ProblemError (bad_request)."""
    (text,) = parse_qs(websocket.scope["query_string"].decode("latin-1")).get("since", [""])[:1]
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise ProblemError("bad_request", "since is the number of a change.")
    return int(text)


async def _tell(websocket: WebSocket, joined: Watcher) -> None:
    await websocket.accept()
    listening = asyncio.create_task(_listen(websocket, joined))
    try:
        while (messages := await joined.next()) is not None:
            for message in messages:
                await websocket.send_text(message)
        if joined.close_code:  # else it is closed already
            await websocket.close(joined.close_code)
    finally:
        listening.cancel()


async def _listen(websocket: WebSocket, joined: Watcher) -> None:
    """Whatever comes ends it: a word, or the end of the connection."""
    message = await websocket.receive()
    joined.close(NOT_TAKEN if message["type"] == "websocket.receive" else _GONE)


_CHANGES = (
    f"At most {hub.MOST_AN_ACCOUNT} programs of an account may watch, {hub.MOST_WATCHERS} in all."
    f" Progress comes at most every {int(hub.LOOK_SECONDS * 1000)} ms, room every {hub.ROOM_SECONDS} s."
    f" More than {watcher.MOST_MISSED:,} changes are not told one by one."
    f" Close codes: {hub.REVOKED}: the device is no longer signed in. 4408: too slow."
    " 1012: the receiver stops; connect again, with `since`."
)

routes = [
    Call(
        "POST",
        "/events/ticket",
        ticket,
        Described(answers={201: Answer("The ticket.", EventsTicket, example=examples.TICKET)}),
    ),
    Socket(
        "/events",
        need_upgrade,
        talk,
        Described(
            parameters=(
                Parameter(
                    "since",
                    "query",
                    "Tell what happened since that change; from now on, if left out.",
                    int,
                ),
                Parameter("ticket", "query", "In place of the token: see `POST /events/ticket`."),
            ),
            answers={
                101: Answer(
                    "The WebSocket is open. Each text message that comes is one of these.",
                    Event,
                    (Header("Upgrade", "`websocket`."),),
                    examples.CHANGED,
                )
            },
            problems=("upgrade_required", "bad_request", "too_many_watchers"),
            more=_CHANGES,
        ),
    ),
]
