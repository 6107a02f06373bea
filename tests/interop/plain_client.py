"""A client that knows nothing but docs/protocol.md: the standard library, sha-256, one connection a call.

It is what somebody would write who has the page and no code of Howdah's. `send` goes on after broken lines,
`fetch` fetches in ranges and checks every chunk.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

MOST_DIGESTS = 8192
MOST_BODY_BYTES = 64 * 1024 * 1024
MOST_TRIES = 200


class Problem(Exception):
    """An answer of the receiver that is an error."""

    def __init__(self, status: int, document: dict[str, Any], retry_seconds: float | None) -> None:
        super().__init__(f"{status} {document.get('code')}: {document.get('title')}")
        self.code = document.get("code")
        self.document = document
        self.retry_seconds = retry_seconds


class PlainClient:
    def __init__(self, host: str, port: int, token: str = "", pin: str | None = None) -> None:
        """`pin`: the SHA-256 of the receiver's certificate, hex; None for plain http on loopback."""
        self.host, self.port, self.token, self.pin = host, port, token, pin

    @classmethod
    def paired(cls, link: str, device_name: str) -> PlainClient:
        parts = urlsplit(link)
        values = {name: value[0] for name, value in parse_qs(parts.query).items()}
        pin = values["pin"].removeprefix("sha256:") if "pin" in values else None
        client = cls(parts.hostname or "", parts.port or 0, pin=pin)
        message = {"code": values["code"], "device_name": device_name}
        client.token = client.ask("POST", "/pair", message)["token"]
        return client

    # -- calls

    def ask(self, method: str, path: str, message: Any = None) -> Any:
        body = None if message is None else json.dumps(message).encode()
        _, _, answer = self.call(method, path, body, {"Content-Type": "application/json"})
        return json.loads(answer) if answer else None

    def call(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Raises Problem, and OSError or HTTPException where the line breaks."""
        connection = self._connection()
        try:
            sent = {**(headers or {})}
            if self.token:
                sent["Authorization"] = f"Bearer {self.token}"
            try:
                connection.request(method, f"/api/v1{path}", body, sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may have answered before the end of the body
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                retry = answer.headers.get("Retry-After")
                raise Problem(answer.status, json.loads(content), float(retry) if retry else None)
            return answer.status, answer.headers, content
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.pin is None:
            plain = http.client.HTTPConnection(self.host, self.port, timeout=30)
            plain.connect()
            return plain
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=30, context=context)
        connection.connect()
        certificate = connection.sock.getpeercert(binary_form=True) or b""
        if hashlib.sha256(certificate).hexdigest() != self.pin:
            connection.close()
            raise ConnectionError("the receiver shows another certificate")
        return connection

    # -- up

    def start(self, path: str, file: Path, client_id: str, **more: Any) -> dict[str, Any]:
        status = file.stat()
        message = {"client_id": client_id, "path": path, "size": status.st_size,
                   "modified_ns": status.st_mtime_ns, "digest_algorithm": "sha-256"}  # fmt: skip
        upload: dict[str, Any] = self.ask("POST", "/uploads", {**message, **more})
        return upload

    def send(self, path: str, file: Path, client_id: str, **more: Any) -> dict[str, Any]:
        """The published file. The same `client_id` again goes on where it was."""
        for _ in range(MOST_TRIES):
            try:
                return self._send(path, file, client_id, **more)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # the line broke: what was whole counts
            except Problem as problem:
                if problem.retry_seconds is None:
                    raise
                time.sleep(problem.retry_seconds)
        raise ConnectionError("the receiver does not answer")

    def _send(self, path: str, file: Path, client_id: str, **more: Any) -> dict[str, Any]:
        upload = self.start(path, file, client_id, **more)
        if upload["state"] == "published":
            return dict(upload["file"])
        way, digests = f"/uploads/{upload['id']}", digests_of(file, upload["chunk_bytes"])
        missing = numbers_without(upload["total_chunks"], upload["received"])
        if upload.get("known"):
            missing = self.have(way, digests)
        while missing:
            # As many as one body carries.
            count = max(1, MOST_BODY_BYTES // upload["chunk_bytes"])
            self.stream(way, file, upload["chunk_bytes"], missing[:count])
            missing = missing[count:]
        return self.complete(way, file, upload["chunk_bytes"], digests)

    def have(self, way: str, digests: list[bytes]) -> list[int]:
        missing: list[int] = []
        for first in range(0, len(digests), MOST_DIGESTS):
            run = base64.b64encode(b"".join(digests[first : first + MOST_DIGESTS])).decode()
            found = self.ask("POST", f"{way}/have", {"first": first, "digests": run})
            missing += [n for low, high in found["missing"] for n in range(low, high + 1)]
        return missing

    def stream(self, way: str, file: Path, chunk_bytes: int, numbers: list[int]) -> Any:
        kind = {"Content-Type": "application/vnd.howdah.chunks"}
        frames = frames_of(file, chunk_bytes, numbers)  # no length known: HTTP's chunked coding
        _, _, answer = self.call("POST", f"{way}/chunks", frames, kind)
        return json.loads(answer)["stored"]

    def put(self, way: str, number: int, chunk: bytes) -> int:
        digest = base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        status, _, _ = self.call(
            "PUT", f"{way}/chunks/{number}", chunk, {"Content-Digest": f"sha-256=:{digest}:"}
        )
        return status

    def complete(
        self, way: str, file: Path, chunk_bytes: int, digests: list[bytes]
    ) -> dict[str, Any]:
        size = file.stat().st_size
        message = {"size": size, "manifest_digest": manifest_digest(size, chunk_bytes, digests)}
        while True:
            body = json.dumps(message).encode()
            kind = {"Content-Type": "application/json"}
            status, headers, answer = self.call("POST", f"{way}/complete", body, kind)
            if status == 201:
                return dict(json.loads(answer)["file"])
            time.sleep(float(headers["Retry-After"]))

    # -- down

    def find(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/files?path={quote(path, safe='')}")
        return found["items"][0] if found["kind"] == "file" else found

    def fetch(self, file: dict[str, Any], target: Path) -> None:
        """In ranges, each chunk checked; a target that is there in part goes on where it ends."""
        manifest = self.ask("GET", f"/files/{file['id']}/manifest")
        digests = base64.b64decode(manifest["digests"])
        step, size = manifest["chunk_bytes"], manifest["size"]
        assert manifest_digest(
            size, step, [digests[n : n + 32] for n in range(0, len(digests), 32)]
        )
        with target.open("ab") as output:
            done = output.tell() // step
            output.truncate(done * step)
            for number in range(done, -(-size // step)):
                chunk = self.range(file["id"], manifest["version"], number * step, step)
                if hashlib.sha256(chunk).digest() != digests[number * 32 : number * 32 + 32]:
                    raise ValueError(f"chunk {number} is damaged")
                output.write(chunk)

    def range(self, file_id: str, version: str, first: int, count: int) -> bytes:
        headers = {"Range": f"bytes={first}-{first + count - 1}", "If-Range": f'"{version}"'}
        status, _, content = self.call("GET", f"/files/{file_id}/content", None, headers)
        if status != 206:
            raise ValueError("the file has changed")
        return content


def chunks_of(file: Path, chunk_bytes: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(chunk_bytes):
            yield chunk


def digests_of(file: Path, chunk_bytes: int) -> list[bytes]:
    return [hashlib.sha256(chunk).digest() for chunk in chunks_of(file, chunk_bytes)]


def manifest_digest(size: int, chunk_bytes: int, digests: list[bytes]) -> str:
    head = (
        b"howdah-manifest-1\0sha-256\0" + size.to_bytes(8, "big") + chunk_bytes.to_bytes(8, "big")
    )
    return hashlib.sha256(head + b"".join(digests)).hexdigest()


def frame_of(number: int, chunk: bytes) -> bytes:
    head = b"HCF1\0\0\0\0" + number.to_bytes(4, "big") + len(chunk).to_bytes(8, "big")
    return head + chunk + hashlib.sha256(chunk).digest()


def frames_of(file: Path, chunk_bytes: int, numbers: list[int]) -> Iterator[bytes]:
    with file.open("rb") as source:
        for number in numbers:
            source.seek(number * chunk_bytes)
            yield frame_of(number, source.read(chunk_bytes))


def numbers_without(total: int, received: list[list[int]]) -> list[int]:
    there = {n for first, last in received for n in range(first, last + 1)}
    return [number for number in range(total) if number not in there]


def new_client_id() -> str:
    return os.urandom(16).hex()
