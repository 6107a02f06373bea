"""A stop is over within 10 s, whoever is connected, and what was received is kept."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from howdah_common.frames import MEDIA_TYPE
from kit.native import SMALL_CHUNK, Content, Native, code_in, random_content
from kit.processes import PATIENCE_SECONDS
from kit.serving import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_ALL_SECONDS = 10
SOON_SECONDS = 3


def unchecked() -> ssl.SSLContext:
    """TLS with whoever is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Line:
    """A connection that says what it is told, and reads nothing else: no goodbye of TLS either."""

    def __init__(self, receiver: Served) -> None:
        plain = socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE_SECONDS)
        tls = receiver.url.startswith("https:")
        self._socket = unchecked().wrap_socket(plain) if tls else plain
        self.host = f"127.0.0.1:{receiver.port}"

    def close(self) -> None:
        self._socket.close()

    def head(self, method: str, path: str, **headers: str | int) -> None:
        given = {"Host": self.host} | {n.replace("_", "-"): v for n, v in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in given.items())]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Something of what is answered; empty at the end."""
        return self._socket.recv(65536)


@pytest.fixture(params=["plain", "tls"])
def receiver(short_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    # One as it is by default, and one with less time for those that do not end.
    arguments = ("--host", "0.0.0.0") if request.param == "tls" else ("--set", "stop_seconds=1")
    with served(short_path / "data", *arguments) as running:
        yield running


@contextmanager
def device_of(receiver: Served) -> Iterator[Native]:
    url = f"{receiver.url.partition('://')[0]}://127.0.0.1:{receiver.port}"
    tls = unchecked()
    with Native(url, verify=tls) as stranger:
        token = stranger.pair(code_in(receiver.link)).json["token"]
    with Native(url, token, verify=tls) as device:
        yield device


def stopped(receiver: Served, number: signal.Signals = signal.SIGTERM) -> float:
    """After how many seconds it had ended, in good order."""
    began = time.monotonic()
    receiver.process.send(number)
    assert receiver.process.wait() == 0
    seconds = time.monotonic() - began
    assert (receiver.data / "clean").exists()
    assert "Traceback" not in receiver.process.stderr.text
    return seconds


def test_connections_that_rest_hold_up_no_stop(receiver: Served) -> None:
    with ExitStack() as stack:
        lines = [Line(receiver) for _ in range(20)]
        for line in lines:
            stack.callback(line.close)
        for line in lines[:10]:
            line.head("GET", "/healthz")
            assert line.receive().startswith(b"HTTP/1.1 200 ")
        lines[-1].send(b"GET /heal")  # a head that has begun
        assert stopped(receiver) < SOON_SECONDS


def test_a_client_that_is_connected_holds_up_no_stop(receiver: Served) -> None:
    with device_of(receiver) as device:
        device.published("a", random_content(SMALL_CHUNK))
        assert stopped(receiver, signal.SIGINT) < SOON_SECONDS


def test_uploads_under_way_end_in_time_and_keep_what_was_whole(receiver: Served) -> None:
    content = random_content(4 * SMALL_CHUNK)
    with device_of(receiver) as device, ExitStack() as stack:
        uploads = [_half_sent(receiver, device, content, n, stack) for n in range(5)]
        seconds = stopped(receiver)
        assert seconds < IN_ALL_SECONDS
        receiver.process.close()
        receiver.start()
        for upload in uploads:
            assert device.received(upload) == {0}
            assert device.stream(upload, content.stream([1, 2, 3])).status == 200
            assert device.complete(upload, content).status == 201


def _half_sent(
    receiver: Served, device: Native, content: Content, number: int, stack: ExitStack
) -> str:
    """An upload with one chunk received, and a body under way that never goes on."""
    upload = device.started(f"dir/{number}", content)
    assert device.stream(upload, content.frame(0)).status == 200
    line = Line(receiver)
    stack.callback(line.close)
    more: dict[str, str | int] = {
        "Authorization": f"Bearer {device.token}",
        "Content_Type": MEDIA_TYPE,
        "Content_Length": 3 * SMALL_CHUNK,
    }
    line.head("POST", f"/api/v1/uploads/{upload}/chunks", **more)
    line.send(content.frame(1)[: SMALL_CHUNK // 2])
    return upload


def test_an_answer_that_is_read_slowly_is_sent_to_its_end(receiver: Served) -> None:
    content = random_content(12_000_000, 1024 * 1024)
    with device_of(receiver) as device:
        file = device.published("a", content)
        line = Line(receiver)
        try:
            path = f"/api/v1/files/{file['id']}/content"
            line.head("GET", path, Authorization=f"Bearer {device.token}")
            got = line.receive()
            receiver.process.send(signal.SIGTERM)
            while data := line.receive():
                got += data
        finally:
            line.close()
    assert got.endswith(content.data[-1000:])
    assert len(got) > content.size
    assert receiver.process.wait() == 0
    assert (receiver.data / "clean").exists()
