"""The native protocol as another program would speak it: thin, and no part of Howdah's own client.

Every call gives an `Answer` and judges nothing; tests say what they expect of it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx

from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.digests import BLAKE3, digest, to_field
from howdah_common.frames import MEDIA_TYPE, frame_header
from howdah_common.manifest import Manifest
from howdah_common.messages import API

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kit.receiver import RunningReceiver

MODIFIED_NS = 1_700_000_000_123_456_789
SMALL_CHUNK = 64 * 1024
"""The smallest that may be asked for: many chunks of few bytes."""
_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem's code; None where it is none, or where a HEAD has no body that says so."""
        is_problem = self.headers.get("content-type", "") == "application/problem+json"
        if not is_problem or not self.body:
            return None
        return str(self.json["code"])

    def __repr__(self) -> str:
        return f"<Answer {self.status} {self.body[:300]!r}>"


@dataclass(frozen=True)
class Content:
    """Some bytes, and how they are cut and hashed."""

    data: bytes
    chunk_bytes: int = SMALL_CHUNK
    algorithm: str = BLAKE3

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def total(self) -> int:
        return ChunkPlan(self.size, self.chunk_bytes).total_chunks

    def chunk(self, number: int) -> bytes:
        return self.data[number * self.chunk_bytes : (number + 1) * self.chunk_bytes]

    def digest(self, number: int) -> bytes:
        return digest(self.algorithm, self.chunk(number))

    def digests(self, first: int = 0, last: int | None = None) -> bytes:
        """Of the chunks `first` to `last`, both included; to the end where it is left out."""
        end = self.total if last is None else last + 1
        return b"".join(self.digest(number) for number in range(first, end))

    def frame(self, number: int) -> bytes:
        return frame(number, self.chunk(number), self.algorithm)

    def stream(self, numbers: Iterable[int] | None = None) -> bytes:
        """The frames of `numbers`, or of all chunks."""
        chosen = range(self.total) if numbers is None else numbers
        return b"".join(self.frame(number) for number in chosen)

    @property
    def manifest_digest(self) -> str:
        manifest = Manifest(self.size, self.chunk_bytes, self.algorithm, self.digests())
        return manifest.digest().hex()

    def completion(self, **more: Any) -> dict[str, Any]:
        """The body of `complete`."""
        return {"size": self.size, "manifest_digest": self.manifest_digest, **more}


def random_content(size: int, chunk_bytes: int = SMALL_CHUNK, algorithm: str = BLAKE3) -> Content:
    """Bytes that nobody has sent before."""
    return Content(secrets.token_bytes(size), chunk_bytes, algorithm)


def frame(number: int, payload: bytes, algorithm: str = BLAKE3, said: bytes | None = None) -> bytes:
    """One frame of a chunk stream; `said`: what it claims to be its digest."""
    return frame_header(number, len(payload)) + payload + (said or digest(algorithm, payload))


class Native:
    """One device. May be used by several threads at once."""

    on_answer: ClassVar[Callable[[str, str, Answer], None] | None] = None
    """Sees every answer, with its method and the path as it was sent."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        verify: bool | ssl.SSLContext = True,
        source: str | None = None,
    ) -> None:
        """`source`: the address to come from."""
        self.url = url
        self.token = token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=_SECONDS,
            trust_env=False,
            transport=httpx.HTTPTransport(
                verify=verify,
                limits=httpx.Limits(max_connections=100),
                local_address=source,
                trust_env=False,
            ),
        )

    @classmethod
    def paired_with(cls, receiver: RunningReceiver, link: str | None = None) -> Native:
        """A new device of the receiver's owner; it uses up the link (the first one by default)."""
        stranger = cls(receiver.url)
        try:
            answer = stranger.pair(code_in(link or receiver.link))
            assert answer.status == 201, answer
        finally:
            stranger.close()
        return cls(receiver.url, answer.json["token"])

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Native:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- anything

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterator[bytes] | None = None,
        message: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` as it is, from the root. `message`: a JSON body. A `body` that is an iterator goes in
        chunked encoding. Raises httpx.TransportError where no answer comes."""
        more: dict[str, Any] = {}
        if message is not None:
            more["json"] = message
        elif body is not None:
            more["content"] = body
        response = self._client.request(method, path, params=query, headers=headers, **more)
        answer = Answer(response.status_code, response.headers, response.content)
        if Native.on_answer is not None:
            Native.on_answer(method, response.request.url.path, answer)
        return answer

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        return self.ask("GET", f"{API}{path}", query=query)

    def post(self, path: str, message: Any = None) -> Answer:
        return self.ask("POST", f"{API}{path}", message=message)

    # -- pairing

    def pair(self, code: str, device_name: str = "test") -> Answer:
        return self.post("/pair", {"code": code, "device_name": device_name})

    # -- uploads

    def start(
        self, path: str, content: Content | None, /, *, client_id: str | None = None, **more: Any
    ) -> Answer:
        """Start an upload of `content` (None: of unknown size); `more` overrides and adds members.

        A member that is `...` is left out.
        """
        body: dict[str, Any] = {
            "client_id": client_id or secrets.token_hex(16),
            "path": path,
            "size": content.size if content else None,
            "modified_ns": MODIFIED_NS,
            "digest_algorithm": content.algorithm if content else BLAKE3,
            "chunk_bytes": content.chunk_bytes if content else SMALL_CHUNK,
            **more,
        }
        return self.post("/uploads", {k: v for k, v in body.items() if v is not ...})

    def have(self, upload: str, first: int, digests: bytes) -> Answer:
        message = {"first": first, "digests": base64.b64encode(digests).decode()}
        return self.post(f"/uploads/{upload}/have", message)

    def stream(self, upload: str, frames: bytes | Iterator[bytes], **headers: str) -> Answer:
        """Send frames; `headers` with underscores for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(
            "POST",
            f"{API}/uploads/{upload}/chunks",
            body=frames,
            headers={"Content-Type": MEDIA_TYPE, **given},
        )

    def put(
        self,
        upload: str,
        number: int,
        payload: bytes,
        *,
        algorithm: str = BLAKE3,
        said: bytes | None = None,
    ) -> Answer:
        """Send one raw chunk; `said`: what it claims to be its digest."""
        field = to_field(algorithm, said or digest(algorithm, payload))
        path = f"{API}/uploads/{upload}/chunks/{number}"
        return self.ask("PUT", path, body=payload, headers={"Content-Digest": field})

    def status(self, upload: str) -> Answer:
        return self.get(f"/uploads/{upload}")

    def uploads(self) -> Answer:
        return self.get("/uploads")

    def upload_manifest(self, upload: str) -> Answer:
        return self.get(f"/uploads/{upload}/manifest")

    def complete(self, upload: str, content: Content, **more: Any) -> Answer:
        return self.post(f"/uploads/{upload}/complete", content.completion(**more))

    def verify_upload(self, upload: str) -> Answer:
        return self.post(f"/uploads/{upload}/verify")

    def cancel(self, upload: str) -> Answer:
        return self.ask("DELETE", f"{API}/uploads/{upload}")

    # -- files

    def listing(self, path: str = "", **query: Any) -> Answer:
        return self.get("/files", {"path": path, **query})

    def file(self, file: str) -> Answer:
        return self.get(f"/files/{file}")

    def content(self, file: str, *, method: str = "GET", **headers: str) -> Answer:
        """The bytes; `headers` with underscores for hyphens (`If_Range`)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, f"{API}/files/{file}/content", headers=given)

    def file_manifest(self, file: str) -> Answer:
        return self.get(f"/files/{file}/manifest")

    def verify_file(self, file: str) -> Answer:
        return self.post(f"/files/{file}/verify")

    def make_folder(self, path: str, **more: Any) -> Answer:
        return self.post("/folders", {"path": path, **more})

    # -- what becomes of them

    def move(self, file: str, path: str, **more: Any) -> Answer:
        return self.ask("PATCH", f"{API}/files/{file}", message={"path": path, **more})

    def move_folder(self, folder: str, path: str, **more: Any) -> Answer:
        return self.ask("PATCH", f"{API}/folders/{folder}", message={"path": path, **more})

    def delete(self, file: str, **query: Any) -> Answer:
        return self.ask("DELETE", f"{API}/files/{file}", query=query)

    def delete_folder(self, folder: str) -> Answer:
        return self.ask("DELETE", f"{API}/folders/{folder}")

    def trash(self, **query: Any) -> Answer:
        return self.get("/trash", query)

    def bring_back(self, entry: str, **more: Any) -> Answer:
        return self.post(f"/trash/{entry}/restore", more)

    def remove(self, entry: str) -> Answer:
        return self.ask("DELETE", f"{API}/trash/{entry}")

    def empty_trash(self, **query: Any) -> Answer:
        return self.ask("DELETE", f"{API}/trash", query=query)

    def versions(self, file: str) -> Answer:
        return self.get(f"/files/{file}/versions")

    def version_content(self, file: str, version: str, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", f"{API}/files/{file}/versions/{version}/content", headers=given)

    def restore_version(self, file: str, version: str, **more: Any) -> Answer:
        return self.post(f"/files/{file}/versions/{version}/restore", more)

    def remove_version(self, file: str, version: str) -> Answer:
        return self.ask("DELETE", f"{API}/files/{file}/versions/{version}")

    # -- several calls, all of which must succeed

    def started(self, path: str, content: Content | None, /, **more: Any) -> str:
        """The id of a new upload."""
        answer = self.start(path, content, **more)
        assert answer.status == 201, answer
        return str(answer.json["id"])

    def received(self, upload: str) -> set[int]:
        """The numbers of the chunks that count."""
        answer = self.status(upload)
        assert answer.status == 200, answer
        return {n for first, last in answer.json["received"] for n in range(first, last + 1)}

    def sent(self, path: str, content: Content, /, **more: Any) -> str:
        """The id of a new upload, all of whose chunks are there."""
        upload = self.started(path, content, **more)
        if content.total:
            answer = self.stream(upload, content.stream())
            assert answer.status == 200, answer
        return upload

    def published(self, path: str, content: Content | bytes, /, **more: Any) -> dict[str, Any]:
        """The file that a whole upload came to."""
        if isinstance(content, bytes):
            content = Content(content, default_chunk_bytes(len(content)))
        answer = self.complete(self.sent(path, content, **more), content)
        assert answer.status == 201, answer
        file: dict[str, Any] = answer.json["file"]
        return file

    def digested(self, file: str) -> dict[str, Any]:
        """The file, once its whole-file SHA-256 is known."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            seen: dict[str, Any] = self.file(file).json
            if "sha256" in seen:
                return seen
        raise AssertionError(f"no whole-file digest after {_SECONDS:g} s")

    def items(self, path: str = "") -> list[dict[str, Any]]:
        """All that stands in a folder, over all pages."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.listing(path, page=page, per_page=1000)
            assert answer.status == 200, answer
            found += answer.json["items"]
            if len(found) >= answer.json["total"]:
                return found
            page += 1


def code_in(link: str) -> str:
    """The pairing code in a `howdah://` link."""
    return parse_qs(urlsplit(link).query)["code"][0]


def part_file(receiver: RunningReceiver, upload: str) -> Path:
    """Where the receiver keeps what is on its way."""
    return receiver.data / "parts" / upload


def home(receiver: RunningReceiver) -> Path:
    """The owner's home space on the receiver's disk."""
    return receiver.data / "files" / "owner"


def version_file(receiver: RunningReceiver, version: str) -> Path:
    """Where the receiver keeps a content that was replaced."""
    return receiver.data / "versions" / version


def rot(path: Path, at: int = 0) -> None:
    """Flip one bit and put the time back: as a disk that rots, not as a person who edits."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
