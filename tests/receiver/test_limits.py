"""What no client of ours would send: each is refused as it should be, and others are answered meanwhile."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_common.frames import MEDIA_TYPE
from howdah_receiver.api.chunks import BODY_BYTES
from howdah_receiver.limits import MOST_IGNORED_BYTES
from kit.native import SMALL_CHUNK, Native, random_content
from kit.raw_http import Raw, RawAnswer, is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

KIB = 1024
MIB = 1024 * KIB
HEADER_BYTES = 8 * KIB
PER_ADDRESS = 20
IN_ALL = 30
BUFFERS_BYTES = 32 * MIB
"""What at most lies in the buffers of both ends of a connection."""
ELSEWHERE = "127.0.0.9"
"""Another address of this machine: what one address does must not keep out another."""


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "HOWDAH_RECEIVER_HEADER_SECONDS": "1",
        "HOWDAH_RECEIVER_HEADER_BYTES": str(HEADER_BYTES),
        "HOWDAH_RECEIVER_BODY_IDLE_SECONDS": "1",
        "HOWDAH_RECEIVER_KEEP_ALIVE_SECONDS": "1",
        "HOWDAH_RECEIVER_CONNECTIONS": str(IN_ALL),
        "HOWDAH_RECEIVER_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
    }


@pytest.fixture
def raw(shared: RunningReceiver) -> Iterator[Raw]:
    with Raw(shared.url) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _others_are_answered(shared: RunningReceiver) -> Iterator[None]:
    yield
    # A busy machine is no finding, three times in a row is.
    assert any(is_alive(shared.url) for _ in range(3))


@pytest.fixture
def signed(native: Native) -> dict[str, str]:
    return {"Authorization": f"Bearer {native.token}"}


# -- slow ones


@pytest.mark.parametrize("some", [b"G", b"GET /healthz HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x"])
def test_a_slow_head_is_cut(raw: Raw, shared: RunningReceiver, some: bytes) -> None:
    raw.send(some)
    answer = raw.answer()
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert raw.ended()


def test_a_head_that_drips_is_cut(raw: Raw) -> None:
    raw.send(b"GET /healthz HTTP/1.1\r\n")
    raw._socket.settimeout(0.05)
    answered = b""
    while not answered:  # the time limit of the test ends it
        raw.send(b"a")
        try:
            answered = raw._socket.recv(100)
        except TimeoutError:
            continue
    assert answered.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_without_a_word(raw: Raw) -> None:
    assert raw.ended()
    assert raw._received == b""


def test_a_connection_that_rests_between_requests_is_closed(raw: Raw) -> None:
    raw.head("GET", "/healthz")
    assert raw.answer().status == 200
    assert raw.ended()


def test_a_slow_body_is_cut_and_what_was_whole_is_kept(
    raw: Raw, native: Native, folder: str, signed: dict[str, str]
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    target = f"/api/v1/uploads/{upload}/chunks"
    raw.head("POST", target, Content_Type=MEDIA_TYPE, Content_Length=10**6, **signed)
    raw.send(content.frame(0) + content.frame(1)[:1000])
    answer = raw.answer()
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert raw.ended()
    while native.received(upload) != {0}:
        pass  # the time limit of the test ends it


def test_a_message_whose_body_never_comes_is_cut(raw: Raw) -> None:
    raw.head("POST", "/api/v1/pair", Content_Type="application/json", Content_Length=10)
    answer = raw.answer()
    assert (answer.status, answer.code) == (408, "request_timeout")


# -- large ones


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/healthz", {"X-Large": "x" * 2 * HEADER_BYTES}),
        ("/healthz", {f"X-{number}": "x" for number in range(2000)}),
        ("/" + "x" * 2 * HEADER_BYTES, {}),
        ("/healthz?" + "x" * 10 * HEADER_BYTES, {}),
        ("/healthz", {"X" * 2 * HEADER_BYTES: "x"}),
    ],
    ids=["header", "headers", "path", "query", "name"],
)
def test_a_head_that_is_too_large_is_refused(
    raw: Raw, target: str, headers: dict[str, str]
) -> None:
    raw.head("GET", target, **headers)
    answer = raw.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert raw.ended()


def test_a_head_without_an_end_is_refused(raw: Raw) -> None:
    raw.send(b"GET / HTTP/1.1\r\nX: ")
    sent = 0
    with suppress(OSError):  # any error of a closed connection
        while sent < 64 * MIB:
            raw.send(b"x" * 65536)
            sent += 65536
    assert sent < 64 * MIB
    assert raw.answer().status in (431, 0)


@pytest.mark.parametrize("length", [2 * MIB, 10**18, 10**25])
def test_a_message_that_announces_too_much_is_refused_at_once(raw: Raw, length: int) -> None:
    raw.head("POST", "/api/v1/pair", Content_Type="application/json", Content_Length=length)
    answer = raw.answer()
    assert answer.status in (413, 400)
    assert answer.code in ("body_too_large", None)


def test_a_stream_that_announces_too_much_is_refused_at_once(
    raw: Raw, native: Native, folder: str, signed: dict[str, str]
) -> None:
    upload = native.started(f"{folder}/a", random_content(10))
    target = f"/api/v1/uploads/{upload}/chunks"
    raw.head("POST", target, Content_Type=MEDIA_TYPE, Content_Length=10**15, **signed)
    answer = raw.answer()
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert raw.ended()


def _send_without_end(raw: Raw, piece: bytes) -> int:
    """Bytes until the other side has enough."""
    framed = b"%x\r\n%s\r\n" % (len(piece), piece)
    sent = 0
    try:
        while True:
            raw.send(framed)
            sent += len(piece)
            assert sent < 1024 * MIB
    except OSError:
        return sent


def _peak_bytes(process: int) -> int:
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * KIB


@pytest.mark.parametrize("path", ["/api/v1/pair", "/api/v1/uploads", "/healthz", "/nowhere"])
def test_a_stranger_who_sends_without_end_is_cut(
    raw: Raw, shared: RunningReceiver, path: str
) -> None:
    before = _peak_bytes(shared.process.pid)
    raw.head("POST", path, Content_Type="application/json", Transfer_Encoding="chunked")
    sent = _send_without_end(raw, b" " * 65536)
    assert sent < MOST_IGNORED_BYTES + BUFFERS_BYTES
    assert _peak_bytes(shared.process.pid) - before < 16 * MIB


def test_a_stream_without_end_is_cut_at_its_limit(
    raw: Raw, shared: RunningReceiver, native: Native, folder: str, signed: dict[str, str]
) -> None:
    content = random_content(SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    before = _peak_bytes(shared.process.pid)
    target = f"/api/v1/uploads/{upload}/chunks"
    raw.head("POST", target, Content_Type=MEDIA_TYPE, Transfer_Encoding="chunked", **signed)
    sent = _send_without_end(raw, content.frame(0))
    assert BODY_BYTES < sent < BODY_BYTES + MOST_IGNORED_BYTES + BUFFERS_BYTES
    assert _peak_bytes(shared.process.pid) - before < 32 * MIB
    assert raw.answer().status in (413, 0)


def test_a_long_body_that_is_refused_early_still_gets_its_answer(
    native: Native, folder: str
) -> None:
    upload = native.started(f"{folder}/a", random_content(10))
    for _ in range(3):
        answer = native.stream(upload, b"nonsense" * (4 * MIB))
        assert (answer.status, answer.code) == (400, "bad_frame")


def test_a_compressed_bomb_is_refused_before_it_comes(raw: Raw, signed: dict[str, str]) -> None:
    raw.head(
        "POST", "/api/v1/uploads", Content_Type="application/json", Content_Encoding="gzip",
        Content_Length=1000, **signed,
    )  # fmt: skip
    answer = raw.answer()
    assert (answer.status, answer.code) == (415, "body_encoded")


# -- crooked ones


def _crooked(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, "Host: 127.0.0.1", *lines, "", ""]).encode("latin-1")


POST = "POST /api/v1/pair HTTP/1.1"
GET = "GET /healthz HTTP/1.1"


@pytest.mark.parametrize(
    "request_bytes",
    [
        _crooked(POST, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        _crooked(POST, "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
        _crooked(POST, "Content-Length: 5", "Content-Length: 6") + b"hello",
        _crooked(POST, "Content-Length: 5, 5") + b"hello",
        _crooked(POST, "Content-Length: -1"),
        _crooked(POST, "Content-Length: 5x") + b"hello",
        _crooked(POST, "Content-Length: 0x5") + b"hello",
        _crooked(POST, "Transfer-Encoding: chunked") + b"zz\r\n",
        _crooked(POST, "Transfer-Encoding: chunked") + b"-1\r\n",
        _crooked(POST, "Transfer-Encoding: chunked") + b"f" * 20 + b"\r\n",
        _crooked(POST, "Transfer-Encoding: x, chunked, x") + b"0\r\n\r\n",
        _crooked(GET, "Name : value"),
        _crooked(GET, " folded"),
        _crooked(GET, "X: a\0b"),
        _crooked(GET).replace(b"\r\n", b"\n"),
        _crooked("GET /a\0b HTTP/1.1"),
        _crooked("GET /a b HTTP/1.1"),
        _crooked("JUNK /healthz HTTP/1.1"),
        _crooked("GET /healthz HTTP/9.9"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\0" * 100,
        b"\r\n" * 10 + b"\xff" * 10,
    ],
    ids=[
        "length-and-chunked", "chunked-and-length", "two-lengths", "length-list", "negative",
        "length-junk", "length-hex", "bad-chunk", "negative-chunk", "huge-chunk", "odd-coding",
        "space-colon", "fold", "nul-header", "bare-lf", "nul-path", "space-path", "junk-method",
        "junk-version", "http2", "tls", "zeros", "bytes",
    ],
)  # fmt: skip
def test_a_request_that_can_be_read_in_two_ways_is_refused_and_closed(
    raw: Raw, request_bytes: bytes
) -> None:
    raw.send(request_bytes)
    answer = raw.answer()
    assert answer.status in (400, 0)
    assert raw.ended()


@pytest.mark.parametrize(
    "target",
    [
        "*", "//", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
        "/%00", "/%ff", "/healthz/../api/v1/files", "/healthz%2f..", "/./healthz", "/healthz/",
        "//healthz", "/\\healthz", "/api/v1/pair/", "/api/v1//files", "/%0d%0aX-Injected:%20yes",
        "http://127.0.0.1/api/v1/files", "http://evil.example/healthz", "127.0.0.1:80", "?", "#",
        "/healthz;x=/api/v1/files", "/HEALTHZ", "/api/v1/files?path=%2e%2e",
    ],
)  # fmt: skip
def test_a_crooked_target_opens_nothing(raw: Raw, target: str) -> None:
    raw.head("GET", target)
    answer = raw.answer()
    assert answer.status in (400, 401, 404, 0) or target == "http://evil.example/healthz"
    assert "x-injected" not in answer.headers
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "method", ["CONNECT", "TRACE", "OPTIONS", "DELETE", "PATCH", "PUT", "PROPFIND", "PURGE"]
)
def test_other_methods_open_nothing(raw: Raw, method: str) -> None:
    raw.head(method, "/healthz" if method != "CONNECT" else "127.0.0.1:22")
    assert raw.answer().status in (400, 401, 405, 501, 0)


def test_an_upgrade_is_not_followed(raw: Raw) -> None:
    raw.head("GET", "/healthz", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Key="x")
    assert raw.answer().status in (200, 400)


def test_who_asks_before_sending_is_answered_before_sending(
    raw: Raw, native: Native, folder: str, signed: dict[str, str]
) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    target = f"/api/v1/uploads/{upload}/chunks"
    more: dict[str, str | int] = {"Content_Type": MEDIA_TYPE, "Expect": "100-continue"}
    body = content.stream()
    raw.head("POST", target, Content_Length=len(body), **more, **signed)
    assert raw.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    raw.send(body)
    assert raw.answer().status == 200
    raw.head("POST", target, Content_Length=10**12, **more, **signed)
    assert raw.answer().status == 413
    with Raw(native.url) as stranger:
        stranger.head("POST", target, Content_Length=len(body), **more)
        assert stranger.answer().status == 401


def test_requests_in_one_piece_are_answered_in_order(raw: Raw, signed: dict[str, str]) -> None:
    targets = ["/healthz", "/api/v1/files", "/readyz", "/nowhere"] * 5
    raw.send(b"".join(raw.head_bytes("GET", target, **signed) for target in targets))
    assert [raw.answer().status for _ in targets] == [200, 200, 200, 404] * 5


def test_a_body_is_not_taken_for_the_next_request(raw: Raw) -> None:
    smuggled = raw.head_bytes("GET", "/api/v1/files")
    raw.head("GET", "/healthz", Content_Length=len(smuggled))
    raw.send(smuggled + raw.head_bytes("GET", "/readyz", Connection="close"))
    assert [raw.answer().status, raw.answer().status] == [200, 200]
    assert raw.ended()


# -- many of them


def _held(stack: ExitStack, url: str, count: int, source: str) -> list[Raw]:
    return [stack.enter_context(Raw(url, source=source)) for _ in range(count)]


def _ask(raw: Raw) -> RawAnswer:
    try:
        raw.head("GET", "/healthz")
        return raw.answer()
    except OSError:
        return RawAnswer(0, {}, b"")


def test_one_address_cannot_take_all_connections(shared: RunningReceiver) -> None:
    with ExitStack() as stack:
        held = _held(stack, shared.url, PER_ADDRESS + 5, "127.0.0.2")
        refused = [raw for raw in held if _ask(raw).status == 0]
        assert len(refused) == 5
        assert is_alive(shared.url, source=ELSEWHERE)
    assert is_alive(shared.url, source="127.0.0.2")


def test_there_is_an_end_to_all_connections(shared: RunningReceiver) -> None:
    with ExitStack() as stack:
        held = [
            raw
            for number in range(3, 8)
            for raw in _held(stack, shared.url, 10, f"127.0.0.{number}")
        ]
        assert sum(_ask(raw).status == 200 for raw in held) <= IN_ALL
    assert is_alive(shared.url)


def test_those_that_are_gone_leave_nothing_open(shared: RunningReceiver) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{shared.process.pid}/fd"))

    assert is_alive(shared.url)
    before = descriptors()
    for number in range(60):
        with Raw(shared.url, source=ELSEWHERE) as raw:
            raw.send([b"", b"GET", b"\0", b"POST /api/v1/pair HTTP/1.1\r\n"][number % 4])
    while descriptors() > before + 2:
        pass  # the time limit of the test ends it
