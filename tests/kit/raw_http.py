"""HTTP by hand, for what no well-behaved client would send."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came; `status` 0: the connection ended without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """The problem's code; None where it is none."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        found: dict[str, Any] = json.loads(self.body)
        return str(found["code"])


class Raw:
    """One TCP connection, and what comes back on it."""

    def __init__(
        self, url: str, *, source: str | None = None, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """`source`: the address to come from. `seconds`: how long to wait for anything."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host = parts.netloc
        self._seconds = seconds
        came_from = None if source is None else (source, 0)
        self._socket = socket.create_connection(
            (parts.hostname, parts.port), timeout=seconds, source_address=came_from
        )
        self._received = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Raises OSError where the other side has closed."""
        self._socket.sendall(data)

    def head(self, method: str, target: str, **headers: str | int) -> None:
        """Send the head of a request; underscores in names of headers stand for hyphens."""
        self.send(self.head_bytes(method, target, **headers))

    def head_bytes(self, method: str, target: str, **headers: str | int) -> bytes:
        given = {"Host": self.host} | {n.replace("_", "-"): v for n, v in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in given.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def until(self, end: bytes) -> bytes:
        """What comes up to `end`, and it too; less where the connection ends first."""
        while end not in self._received and self._receive():
            pass
        found, mark, self._received = self._received.partition(end)
        return found + mark

    def answer(self, method: str = "GET") -> RawAnswer:
        """The next answer; `method` is that of its request."""
        head = self.until(b"\r\n\r\n").decode("latin-1")
        if not head.startswith("HTTP/1.1 "):
            return RawAnswer(0, {}, head.encode("latin-1"))
        first, *lines = head.strip().split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body = b""
        if method != "HEAD":
            if headers.get("transfer-encoding") == "chunked":
                body = self._chunked()
            else:
                body = self.take(int(headers.get("content-length", 0)))
        return RawAnswer(int(first.split()[1]), headers, body)

    def take(self, count: int) -> bytes:
        """The next `count` bytes; less where the connection ends first."""
        while len(self._received) < count and self._receive():
            pass
        found, self._received = self._received[:count], self._received[count:]
        return found

    def ended(self) -> bool:
        """Whether the other side closes, without another word, before our patience ends."""
        try:
            while self._receive():
                pass
        except TimeoutError:
            return False
        return True

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.until(b"\r\n") or b"0", 16):
            body += self.take(size)
            self.take(2)
        self.take(2)
        return body

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self._received += data
        return bool(data)


def is_alive(url: str, within_seconds: float = 1.0, *, source: str | None = None) -> bool:
    """Whether a stranger's question is answered, and soon."""
    began = time.monotonic()
    with Raw(url, source=source) as raw:
        raw.head("GET", "/healthz", Connection="close")
        answer = raw.answer()
    return answer.status == 200 and time.monotonic() - began < within_seconds
