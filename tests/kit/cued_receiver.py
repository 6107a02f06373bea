"""A receiver that answers, delays, fails and lies on cue: the client's tests stand in its way.

By itself it serves the files that it was given, as docs/protocol.md says. `on` puts a script
before that for one call or for all of a kind; a script that returns False leaves the request to
the next one.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import digest
from howdah_common.manifest import Manifest
from howdah_common.messages import API
from howdah_desktop.remote.paired import PairedReceiver

TOKEN = "T0ken-of-a-test-which-must-not-show-up-anywhere"
PROBLEM = "application/problem+json"


class Exchange(BaseHTTPRequestHandler):
    """One request, and what a script does about it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written one after the other
    receiver: ClassVar[CuedReceiver]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        self.route = parts.path.removeprefix(API)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._left = int(self.headers.get("Content-Length", 0))
        self.receiver.seen.append(Seen(self.command, self.route, self.query, self.headers))
        for script in list(self.receiver.scripts):
            if script.fits(self) and script.play(self) is not False:
                break
        else:
            self.receiver.answer(self)
        if self._left:  # what was not read cannot be told from the next request
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815

    def body(self, length: int | None = None) -> bytes:
        """What is left of the request's body, or `length` bytes of it."""
        data = self.rfile.read(self._left if length is None else min(length, self._left))
        self._left -= len(data)
        return data

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(
        self, status: int, body: bytes = b"", media_type: str = "application/json", **headers: str
    ) -> None:
        fields = {"Content-Type": media_type, "Content-Length": str(len(body))}
        self.head(status, fields | {name.replace("_", "-"): v for name, v in headers.items()})
        self.wfile.write(body)

    def json(self, status: int, body: Any, **headers: str) -> None:
        self.send(status, json.dumps(body).encode(), **headers)

    def problem(self, status: int, code: str, detail: str = "", **extra: Any) -> None:
        document = {"type": f"urn:howdah:problem:{code}", "title": "", "status": status}
        document |= {"code": code, "detail": detail} | extra
        self.send(status, json.dumps(document).encode(), PROBLEM)

    def endless(self, block: bytes = b"x" * 65_536) -> None:
        """Bytes for as long as the client takes them."""
        self.close_connection = True
        with suppress(OSError):
            while True:
                self.wfile.write(block)
                self.receiver.poured_bytes += len(block)

    def drop(self) -> None:
        """Break the connection."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Seen:
    method: str
    route: str
    query: dict[str, str]
    headers: Message


Play = Callable[[Exchange], Any]


@dataclass
class _Script:
    method: str
    route: re.Pattern[str]
    plays: Play
    times: int | None

    def fits(self, exchange: Exchange) -> bool:
        if self.method not in (exchange.command, "*") or self.times == 0:
            return False
        return self.route.fullmatch(exchange.route) is not None

    def play(self, exchange: Exchange) -> Any:
        if self.times is not None:
            self.times -= 1
        return self.plays(exchange)


@dataclass
class RemoteFile:
    """A file that the receiver has."""

    path: str
    data: bytes
    id: str
    version: str
    chunk_bytes: int = 65_536
    algorithm: str = "blake3"
    modified_ns: int = 1_600_000_000_123_456_789
    lies: dict[str, Any] = field(default_factory=dict)
    """Members of its description that are said otherwise."""

    @property
    def manifest(self) -> Manifest:
        plan = ChunkPlan(len(self.data), self.chunk_bytes)
        digests = b"".join(
            digest(self.algorithm, self.data[span.offset : span.end]) for span in plan.spans()
        )
        return Manifest(len(self.data), self.chunk_bytes, self.algorithm, digests)

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "file",
            "id": self.id,
            "space": "home",
            "path": self.path,
            "version": self.version,
            "size": len(self.data),
            "modified_ns": self.modified_ns,
            "added_ns": 1,
            "chunk_bytes": self.chunk_bytes,
            "digest_algorithm": self.algorithm,
            "manifest_digest": self.manifest.digest().hex(),
            **self.lies,
        }

    def describe_manifest(self) -> dict[str, Any]:
        names = ("version", "size", "chunk_bytes", "digest_algorithm", "manifest_digest")
        said = self.describe()
        digests = b64encode(self.manifest.digests).decode()
        return {name: said[name] for name in names} | {"digests": digests}


class CuedReceiver:
    """Listens on loopback until it is closed; `seen` is every request, in order."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.scripts: list[_Script] = []
        self.files: list[RemoteFile] = []
        self.folders: list[str] = []
        self.poured_bytes = 0
        handler = type("BoundExchange", (Exchange,), {"receiver": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port: int = self._server.server_address[1]
        self.scheme = "http"
        if tls is not None:
            self.scheme = "https"
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def paired(self, pin: str | None = None) -> PairedReceiver:
        return PairedReceiver(
            address=self.address,
            pin=pin,
            token=TOKEN,
            device="d1",
            account="owner",
            receiver_name="cued",
            catalogue="c1",
        )

    def on(self, method: str, route: str, plays: Play, times: int | None = None) -> None:
        """Let `plays` answer requests of `method` (`*`: any) whose route below the API fits."""
        self.scripts.append(_Script(method, re.compile(route), plays, times))

    def add(self, path: str, data: bytes, **more: Any) -> RemoteFile:
        number = len(self.files) + 1
        file = RemoteFile(path, data, id=f"f{number}", version=f"v{number}", **more)
        self.files.append(file)
        return file

    def asked(self, method: str, route: str) -> list[Seen]:
        return [s for s in self.seen if s.method == method and re.fullmatch(route, s.route)]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()

    # -- as the protocol says

    def answer(self, exchange: Exchange) -> None:
        exchange.body()
        step = exchange.route.strip("/").split("/")
        if exchange.command != "GET" or step[0] != "files":
            exchange.problem(404, "not_found")
        elif len(step) == 1:
            self._list(exchange)
        else:
            file = next((file for file in self.files if file.id == step[1]), None)
            if file is None:
                exchange.problem(404, "file_not_found")
            elif step[2:] == ["manifest"]:
                exchange.json(200, file.describe_manifest())
            elif step[2:] == ["content"]:
                serve_content(exchange, file)
            else:
                exchange.json(200, file.describe())

    def _list(self, exchange: Exchange) -> None:
        path = exchange.query.get("path", "")
        page, per_page = (int(exchange.query[name]) for name in ("page", "per_page"))
        single = [file for file in self.files if file.path == path]
        if single:
            items = [single[0].describe()]
            kind = "file"
        else:
            items = self._entries(path)
            kind = "folder"
            if not items and path and path not in self.folders:
                exchange.problem(404, "file_not_found")
                return
        some = items[(page - 1) * per_page : page * per_page]
        answer = {"kind": kind, "items": some, "page": page, "per_page": per_page}
        exchange.json(200, answer | {"total": len(items)})

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        above = f"{folder}/" if folder else ""
        below = {folder_path for folder_path in self.folders if folder_path.startswith(above)}
        below |= {
            file.path.rpartition("/")[0] for file in self.files if file.path.startswith(above)
        }
        folders = {above + path[len(above) :].split("/")[0] for path in below if path != folder}
        folders -= {folder, above}
        files = [
            file
            for file in self.files
            if file.path.startswith(above) and "/" not in file.path[len(above) :]
        ]
        return [
            *({"kind": "folder", "space": "home", "path": path} for path in sorted(folders)),
            *(file.describe() for file in sorted(files, key=lambda file: file.path.encode())),
        ]


def serve_content(exchange: Exchange, file: RemoteFile, data: bytes | None = None) -> None:
    """Answer a ranged request; with `data` in place of what was asked for."""
    tag = f'"{file.version}"'
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", exchange.headers.get("Range", ""))
    if match is None or exchange.headers.get("If-Range") != tag:
        exchange.send(200, file.data, "application/octet-stream", ETag=tag)
        return
    first, last = int(match[1]), int(match[2])
    said = f"bytes {first}-{last}/{len(file.data)}"
    body = file.data[first : last + 1] if data is None else data
    exchange.send(206, body, "application/octet-stream", ETag=tag, Content_Range=said)


class _Server(ThreadingHTTPServer):
    # Not daemons: a test that leaves one behind shall fail, not go on in the next one.
    daemon_threads = False
    block_on_close = True

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away

    def close_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self.server_close()


@contextmanager
def cued_receiver(tls: ssl.SSLContext | None = None) -> Iterator[CuedReceiver]:
    """One for as long as the block."""
    receiver = CuedReceiver(tls)
    try:
        yield receiver
    finally:
        receiver.close()
