"""A thin client of the native protocol, for tests that count every call: no retries, no state."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from howdah_common.digests import digest, to_field
from howdah_common.frames import MEDIA_TYPE, frame_header
from howdah_common.messages import API

_SECONDS = 30
_JSON = {"Content-Type": "application/json"}


class NoAnswer(Exception):
    """The connection broke before the answer was there: nobody knows what was done."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The problem's code; empty where there is none."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    def expect(self, *statuses: int) -> Any:
        assert self.status in statuses, f"{self.status} {self.body}, not {statuses}"
        return self.body


class Wire:
    """One connection to a receiver. Not thread-safe."""

    def __init__(self, url: str, token: str = "") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
        self._token = token

    def close(self) -> None:
        self._connection.close()

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Raises NoAnswer."""
        try:
            self._connection.request(
                method,
                API + path,
                body,
                {"Authorization": f"Bearer {self._token}", **(headers or {})},
            )
            response = self._connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswer(repr(error)) from error
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status, json.loads(raw) if is_json else raw)

    def post(self, path: str, message: dict[str, Any]) -> Answer:
        return self.call("POST", path, json.dumps(message).encode(), _JSON)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def put_chunk(self, upload: str, number: int, data: bytes, algorithm: str) -> Answer:
        field_ = {"Content-Digest": to_field(algorithm, digest(algorithm, data))}
        return self.call("PUT", f"/uploads/{upload}/chunks/{number}", data, field_)

    def put_stream(self, upload: str, frames: bytes) -> Answer:
        return self.call("POST", f"/uploads/{upload}/chunks", frames, {"Content-Type": MEDIA_TYPE})

    def have(self, upload: str, digests: bytes, first: int = 0) -> Answer:
        message = {"first": first, "digests": base64.b64encode(digests).decode()}
        return self.post(f"/uploads/{upload}/have", message)


def frame(number: int, data: bytes, algorithm: str) -> bytes:
    return frame_header(number, len(data)) + data + digest(algorithm, data)


def pair(url: str, link: str) -> str:
    """The token that the link's code gives. Raises NoAnswer."""
    code = parse_qs(urlsplit(link).query)["code"][0]
    wire = Wire(url)
    try:
        answer = wire.post("/pair", {"code": code, "device_name": "test"})
    finally:
        wire.close()
    return str(answer.expect(201)["token"])
