"""Bodies in and out: JSON messages with a cap, and problems as problem+json (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from howdah_common.problems import MEDIA_TYPE, ProblemError
from howdah_receiver.ids import new_id
from howdah_receiver.log import shown

MOST_REQUEST_JSON_BYTES = 1024 * 1024
"""The longest, 8,192 digests of `have`, has some 350 KB."""
MOST_STRANGERS_JSON_BYTES = 16 * 1024
"""Many strangers may be there at once, and all that they have to say is an address and a password."""

RETRY_SECONDS = {"storage_full": 10, "storage_failed": 10, "unavailable": 2, "quota_exceeded": 10,
                 "too_many_uploads": 10, "too_many_watchers": 10}  # fmt: skip
"""What `Retry-After` says where the one who raised the problem did not say it."""
_log = logging.getLogger(__name__)
T = TypeVar("T")


def json_answer(
    message: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(message), status, headers=headers, media_type="application/json"
    )


async def read_message(request: Request, kind: type[T]) -> T:
    """The request's JSON body. Raises ProblemError: bad_request, body_too_large, media_type_unsupported,
    body_encoded."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError("media_type_unsupported", "application/json belongs here.")
    check_not_encoded(request)
    signed_in = "howdah.caller" in request.scope
    most_bytes = MOST_REQUEST_JSON_BYTES if signed_in else MOST_STRANGERS_JSON_BYTES
    check_announced(request, most_bytes)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise ProblemError("body_too_large", f"{most_bytes} bytes are the most.")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError("bad_request", f"{error}."[:300]) from error


def check_not_encoded(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("body_encoded")


def check_announced(request: Request, most_bytes: int) -> None:
    """Refuse by its Content-Length what would be refused anyway, before it comes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most_bytes:
        raise ProblemError("body_too_large", f"{most_bytes} bytes are the most.")


def problem_answer(error: ProblemError) -> Response:
    problem = error.problem
    document: dict[str, Any] = {
        "type": problem.type,
        "title": problem.sentence,
        "status": problem.status,
        "detail": error.detail,
        "remedy": problem.remedy,
        "code": problem.code,
        **error.extra,
    }
    headers = {}
    retry = error.extra.get("retry_after_seconds", RETRY_SECONDS.get(error.code))
    if retry is not None:
        headers["Retry-After"] = str(retry)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Link" if error.code == "link_password" else "Bearer"
    return Response(msgspec.json.encode(document), problem.status, headers, media_type=MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise TypeError("only for problems") from error
    request.scope["howdah.problem"] = error.code
    level = logging.WARNING if error.problem.status >= 500 else logging.DEBUG
    _log.log(level, "%s %s: %s", request.method, shown(request.scope["path"]), error.sentence)
    return problem_answer(error)


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Nobody is there to read an answer; what was whole was kept."""
    _log.debug("%s %s: the client went away", request.method, shown(request.scope["path"]))
    return Response(status_code=499)


async def on_mistake(request: Request, error: Exception) -> Response:
    """Whatever nobody expected: an id for the log, and nothing else that could tell a stranger anything."""
    number, path = new_id()[:12], shown(request.scope["path"])
    request.scope["howdah.problem"] = "internal"
    _log.error("%s %s: mistake %s", request.method, path, number, exc_info=error)
    return problem_answer(ProblemError("internal", f"Its id is {number}."))


async def on_no_route(request: Request, error: Exception) -> Response:
    request.scope["howdah.problem"] = "not_found"
    return problem_answer(ProblemError("not_found"))


async def on_wrong_method(request: Request, error: Exception) -> Response:
    request.scope["howdah.problem"] = "method_not_allowed"
    return problem_answer(ProblemError("method_not_allowed"))


HANDLERS: dict[Any, Any] = {
    ProblemError: on_problem,
    ClientDisconnect: on_disconnect,
    404: on_no_route,
    405: on_wrong_method,
    Exception: on_mistake,
}
