"""Resumable uploads in a Starlette app, in JSON and raw bodies, and a whole receiver below /receiver.

Start it; it prints its address and the token that its own routes ask for:

    python docs/examples/embedded_starlette.py --port 8000 --data uploads

Then, in a shell, with SITE and TOKEN set to these (and python3 to read the JSON):

    AUTH="Authorization: Bearer $TOKEN"
    SIZE=$(stat -c %s big.bin)
    curl -sSf -H "$AUTH" $SITE/uploads -d '{"filename": "big.bin", "total_size": '$SIZE'}' > started.json
    ID=$(python3 -c 'import json; print(json.load(open("started.json"))["upload_id"])')

    # chunk_size in started.json says how to cut it: 1 MiB up to a file of 8 GiB
    split -b 1M -d -a 5 big.bin chunk.
    for PART in chunk.*; do
        N=$(expr ${PART#chunk.} + 0) || true  # expr calls 0 a failure
        SUM=$(sha256sum < $PART | cut -c -64)
        curl -sSf -H "$AUTH" -T $PART "$SITE/uploads/$ID/chunks/$N?hash=$SUM"
    done

    # after a break: which chunks are missing
    curl -sSf -H "$AUTH" $SITE/uploads/$ID/resume
    curl -sSf -H "$AUTH" $SITE/uploads/$ID
    curl -sSf -H "$AUTH" $SITE/statistics

    # the whole receiver has a sign-in of its own: a code makes a token for one device
    curl -sSf -H "$AUTH" -X POST $SITE/pairing-code > code.json
    curl -sSf -H 'Content-Type: application/json' -d @code.json $SITE/receiver/api/v1/pair > paired.json
    DEVICE=$(python3 -c 'import json; print(json.load(open("paired.json"))["token"])')
    curl -sSf -H "Authorization: Bearer $DEVICE" "$SITE/receiver/api/v1/files?path=from%20the%20web"

A receiver works on its folder in one process: no --workers.
"""

from __future__ import annotations

import argparse
import hmac
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypedDict

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from howdah_receiver import EmbeddedReceiver
from howdah_receiver.embedded import UploadError

MOST_BODY_BYTES = 64 * 1024 * 1024


class State(TypedDict):
    """What the app has from its start to its end."""

    receiver: EmbeddedReceiver
    whole: ASGIApp


async def in_thread(call: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """The face waits for the disk: the event loop goes on meanwhile."""
    return await run_in_threadpool(call, *given, **more)


async def start(request: Request) -> Response:
    try:
        asked = dict(await request.json())
    except (ValueError, TypeError) as error:
        raise UploadError("bad_request", "The body is no JSON object.") from error
    started = await in_thread(
        request.state.receiver.start_upload,
        str(asked.get("filename", "")),
        asked.get("total_size"),
        asked.get("metadata"),
        client_id=asked.get("client_id"),
    )
    return JSONResponse(started.as_dict(), 201)


async def chunk(request: Request) -> Response:
    # Gathered here, so that a slow line holds no thread. A chunk of a file up to 8 GiB has 1 MiB.
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MOST_BODY_BYTES:
            raise UploadError("body_too_large")
    received = await in_thread(
        request.state.receiver.upload_chunk,
        request.path_params["upload_id"],
        request.path_params["number"],
        body,
        request.query_params.get("hash"),
    )
    return JSONResponse(received.as_dict())


async def resume(request: Request) -> Response:
    upload_id = request.path_params["upload_id"]
    resumed = await in_thread(request.state.receiver.resume_upload, upload_id)
    return JSONResponse(resumed.as_dict())


async def status(request: Request) -> Response:
    upload_id = request.path_params["upload_id"]
    found = await in_thread(request.state.receiver.get_status, upload_id)
    return JSONResponse(found.as_dict())


async def cancel(request: Request) -> Response:
    upload_id = request.path_params["upload_id"]
    cancelled = await in_thread(request.state.receiver.cancel_upload, upload_id)
    return JSONResponse(cancelled.as_dict())


async def active(request: Request) -> Response:
    found = await in_thread(request.state.receiver.active_uploads)
    return JSONResponse([upload.as_dict() for upload in found])


async def verify(request: Request) -> Response:
    found = await in_thread(
        request.state.receiver.verify_chunk,
        request.path_params["upload_id"],
        request.path_params["number"],
        request.query_params.get("hash"),
    )
    return JSONResponse(found.as_dict())


async def statistics(request: Request) -> Response:
    found = await in_thread(request.state.receiver.get_statistics)
    return JSONResponse(found.as_dict())


async def pairing_code(request: Request) -> Response:
    code = await in_thread(request.state.receiver.pairing_code)
    return JSONResponse({"code": code, "device_name": "curl"})


async def whole_receiver(scope: Scope, receive: Receive, send: Send) -> None:
    """All that a receiver can do, with its own accounts and tokens (docs/protocol.md)."""
    await scope["state"]["whole"](scope, receive, send)


async def tell(_request: Request, error: Exception) -> Response:
    assert isinstance(error, UploadError)
    told = {"code": error.code, "sentence": error.sentence, "remedy": error.remedy}
    return JSONResponse(told | error.extra, error.status)


class Guard:
    """Put your own sign-in here: the face does what it is told, whoever asked. What is below /receiver has
    one of its own."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/receiver/"):
            given = Request(scope).headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                told = {"code": "not_signed_in", "sentence": "This needs the token."}
                await JSONResponse(told, 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def create_app(data: str, token: str) -> ASGIApp:
    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[State]:
        receiver = await run_in_threadpool(EmbeddedReceiver, data, folder="from the web")
        try:
            yield {"receiver": receiver, "whole": receiver.app()}
        finally:
            await run_in_threadpool(receiver.close)

    app = Starlette(
        routes=[
            Route("/uploads", start, methods=["POST"]),
            Route("/uploads", active),
            Route("/uploads/{upload_id}", status),
            Route("/uploads/{upload_id}", cancel, methods=["DELETE"]),
            Route("/uploads/{upload_id}/resume", resume),
            Route("/uploads/{upload_id}/chunks/{number:int}", chunk, methods=["PUT"]),
            Route("/uploads/{upload_id}/chunks/{number:int}/verify", verify),
            Route("/statistics", statistics),
            Route("/pairing-code", pairing_code, methods=["POST"]),
            Mount("/receiver", whole_receiver),
        ],
        exception_handlers={UploadError: tell},
        lifespan=life,
    )
    return Guard(app, token)


def main() -> None:
    options = argparse.ArgumentParser(description="Resumable uploads in a Starlette app.")
    options.add_argument("--port", type=int, default=8000, help="0: a free one")
    options.add_argument("--data", default="uploads", help="the receiver's folder")
    options.add_argument("--token", default=secrets.token_urlsafe(16))
    chosen = options.parse_args()
    listening = socket.create_server(("127.0.0.1", chosen.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    print(f"token {chosen.token}", flush=True)
    config = uvicorn.Config(create_app(chosen.data, chosen.token), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
