"""What a receiver answers, read with caps. Error sentences, too, are data from outside."""

from __future__ import annotations

import datetime as dt
import email.utils
import unicodedata
from collections.abc import Iterable
from typing import Any, TypeVar

import httpx
import msgspec

from howdah_common.chunks import MOST_CHUNKS
from howdah_common.messages import CATALOGUE_HEADER, MOST_JSON_BYTES, Ranges
from howdah_common.problems import MEDIA_TYPE, PROBLEMS, ProblemError

MOST_DETAIL_CHARACTERS = 500
MOST_RETRY_SECONDS = 300.0
MOST_PROBLEM_MEMBERS = 20
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_SIGN_IN = 511
"""Network Authentication Required (RFC 6585, section 6)."""

Answer = TypeVar("Answer")


def clean(text: str, most_characters: int = MOST_DETAIL_CHARACTERS) -> str:
    """`text` of a receiver, fit for a terminal or a label: no control, format or surrogate
    characters.

    Those could move the cursor, set the window's title or turn the reading direction. What else it
    holds, markup for example, stays as it is: whoever shows it shows plain text.
    """
    cut = text[: 4 * most_characters]
    kept = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in cut)
    kept = " ".join(kept.split())
    return kept if len(kept) <= most_characters else kept[: most_characters - 1] + "…"


def read_capped(response: httpx.Response, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    """The body of a streamed response. Raises ProblemError("answer_too_large"), and what httpx
    raises.

    Counts what comes over the line: nothing is decompressed (`refuse_encoded`).
    """
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most_bytes:
        raise ProblemError("answer_too_large", f"{most_bytes} bytes are the most.")
    body = bytearray()
    for block in response.iter_raw():
        body += block
        if len(body) > most_bytes:
            raise ProblemError("answer_too_large", f"{most_bytes} bytes are the most.")
    return bytes(body)


def refuse_encoded(response: httpx.Response) -> None:
    """Raises ProblemError("answer_invalid") for a compressed body: none was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ProblemError("answer_invalid", f"It is compressed ({clean(encoding, 40)}).")


def refuse_page(response: httpx.Response) -> None:
    """Raises ProblemError("captive_portal") for a page of somebody in between: a hotel's network, or a proxy,
    that wants to be signed in to. A receiver's own answers, and what it stores, bear its catalogue's id."""
    status, headers = response.status_code, response.headers
    page = headers.get("Content-Type", "").partition(";")[0].strip().lower() in _PAGES
    asks = status < 300 or status in (401, 403)
    if status == _SIGN_IN or (page and asks and CATALOGUE_HEADER not in headers):
        raise ProblemError("captive_portal", f"It answers {status}.")


def decode(body: bytes, content_type: str, answer: type[Answer]) -> Answer:
    """`body` as the message `answer`. Raises ProblemError("answer_invalid")."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(
            "answer_invalid", f"It is {clean(content_type, 80) or 'untyped'}, not JSON."
        )
    try:
        return msgspec.json.decode(body, type=answer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProblemError("answer_invalid", clean(str(error), 200)) from error


def problem_of(status: int, headers: httpx.Headers, body: bytes) -> ProblemError:
    """The problem that an answer with an error status stands for."""
    document = _document(headers, body)
    if document is None:
        return ProblemError(_code_of_stranger(status), f"It answers {status}.", _waiting(headers))
    code = document.get("code")
    # A code with status 0 is the client's own finding; a receiver has no say in those.
    if not isinstance(code, str) or code not in PROBLEMS or PROBLEMS[code].status == 0:
        code = _code_of_status(status)
    detail = document.get("detail")
    extra = _extra(document) | _waiting(headers)
    return ProblemError(code, clean(detail) if isinstance(detail, str) else "", extra)


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """`Retry-After` (RFC 9110, section 10.2.3), seconds or a date, between 0 and 300 s."""
    field = headers.get("Retry-After", "").strip()
    if field.isascii() and field.isdigit():
        return min(float(field[:9]), MOST_RETRY_SECONDS)
    try:
        date = email.utils.parsedate_to_datetime(field)
        if date.tzinfo is None:  # "-0000", which says nothing about the zone
            date = date.replace(tzinfo=dt.UTC)
        seconds = (date - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MOST_RETRY_SECONDS)


def clock_ahead_seconds(headers: httpx.Headers) -> float | None:
    """How much later it is there than here, by `Date` (RFC 9110, section 6.6.1)."""
    try:
        date = email.utils.parsedate_to_datetime(headers.get("Date", ""))
        if date.tzinfo is None:
            date = date.replace(tzinfo=dt.UTC)
        return (date - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _waiting(headers: httpx.Headers) -> dict[str, Any]:
    seconds = retry_after_seconds(headers)
    return {} if seconds is None else {"retry_after_seconds": seconds}


def _document(headers: httpx.Headers, body: bytes) -> dict[str, Any] | None:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        return None
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _code_of_status(status: int) -> str:
    """For a problem of a newer receiver, whose code this version does not know."""
    if status >= 500:
        return "unavailable"
    return {401: "not_signed_in", 404: "not_found", 429: "too_many_attempts"}.get(
        status, "bad_request"
    )


def _code_of_stranger(status: int) -> str:
    """For an error page that is no problem+json: of a proxy, a captive portal, another server.

    Nothing that it says is the receiver's word, so none of it ends a transfer: all of these are
    tried again.
    """
    if status >= 500:
        return "unavailable"
    return {408: "request_timeout", 429: "too_many_attempts"}.get(status, "answer_invalid")


def _extra(document: dict[str, Any]) -> dict[str, Any]:
    """What a problem brings along: chunk ranges, and short values; anything else is left out."""
    own = ("type", "title", "status", "detail", "remedy", "code", "instance")
    found: dict[str, Any] = {}
    for name, value in list(document.items())[:MOST_PROBLEM_MEMBERS]:
        if name in own:
            continue
        if name in ("missing", "chunks"):
            value = _as_ranges(value)
            if _are_ranges(value):
                found[name] = [(first, last) for first, last in value]
        elif isinstance(value, str):
            found[clean(name, 40)] = clean(value, 200)
        elif isinstance(value, bool | int | float):
            found[clean(name, 40)] = value
    return found


def _as_ranges(value: Any) -> Any:
    """Chunks may also be named one by one."""
    if isinstance(value, list) and all(type(number) is int for number in value):
        return [[number, number] for number in sorted(set(value))]
    return value


def _are_ranges(value: Any) -> bool:
    if not isinstance(value, list) or len(value) > MOST_CHUNKS:
        return False
    try:
        pairs = msgspec.convert(value, Ranges)
    except msgspec.ValidationError:
        return False
    return check_ranges(pairs)


def check_ranges(pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether these are ascending, disjoint ranges of possible chunk numbers."""
    beyond = -1
    for first, last in pairs:
        if not beyond < first <= last < MOST_CHUNKS:
            return False
        beyond = last
    return True
