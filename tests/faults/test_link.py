"""The link carries bytes as fast as it says, and loses them as it was told."""

from __future__ import annotations

import http.client
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.http_requests import RequestScanner
from kit.link import FaultyLink

Sockets = tuple[socket.socket, socket.socket]


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        listener.settimeout(20)
        yield listener


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


@contextmanager
def through(link: FaultyLink, listener: socket.socket) -> Iterator[Sockets]:
    """Both ends of one connection through the link."""
    with socket.create_connection(("127.0.0.1", link.port), timeout=20) as client:
        server, _ = listener.accept()
        with server:
            server.settimeout(20)
            yield client, server


def receive(end: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count and (part := end.recv(1 << 20)):
        parts += part
    return bytes(parts)


def carry(sender: socket.socket, taker: socket.socket, total: int) -> tuple[float, float]:
    """Seconds until the first byte came and until the last did, counted from the start of sending."""
    begun = time.monotonic()
    sending = threading.Thread(target=sender.sendall, args=(bytes(total),))
    sending.start()
    left, first = total, 0.0
    while left:
        part = len(taker.recv(1 << 20))
        assert part
        left -= part
        first = first or time.monotonic() - begun
    whole = time.monotonic() - begun
    sending.join()
    return first, whole


def ask(client: socket.socket, server: socket.socket) -> float:
    """Seconds for a question and its answer."""
    begun = time.monotonic()
    client.sendall(b"?")
    assert server.recv(1) == b"?"
    server.sendall(b"!")
    assert client.recv(1) == b"!"
    return time.monotonic() - begun


def fill(end: socket.socket) -> None:
    """Sends until every buffer on the way is full."""
    try:
        while end.send(bytes(1 << 16)):
            pass
    except BlockingIOError:
        pass


def is_reset(end: socket.socket) -> bool:
    try:
        while end.recv(1 << 20):
            pass
    except ConnectionResetError:
        return True
    return False


def test_bytes_pass_unchanged_and_are_counted() -> None:
    sent = bytes(range(256)) * 4000
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        with through(link, listener) as (client, server):
            threading.Thread(target=client.sendall, args=(sent,)).start()
            assert receive(server, len(sent)) == sent
            server.sendall(b"answer")
            server.shutdown(socket.SHUT_WR)
            assert receive(client, 100) == b"answer"
            client.shutdown(socket.SHUT_WR)
            assert server.recv(1) == b""
        link.wait_for(lambda: (link.up_bytes, link.down_bytes) == (len(sent), 6))
        assert (link.connections[0].up, link.connections[0].down) == (len(sent), 6)


def rate_of(link: FaultyLink, listener: socket.socket, total: int, upward: bool = True) -> float:
    """Bytes a second from the first byte's arrival on; the best of some tries, for a busy machine
    can only make it slower."""
    best = 0.0
    for _ in range(3):
        with through(link, listener) as (client, server):
            sender, taker = (client, server) if upward else (server, client)
            first, whole = carry(sender, taker, total)
        best = max(best, total / (whole - first))
        if best > 0.99 * (link.rate_bytes_per_second or 0):
            break
    return best


@pytest.mark.parametrize("upward", [True, False])
def test_a_long_fast_link_is_filled(upward: bool) -> None:
    rate = 12_500_000
    with listening() as listener:
        link = FaultyLink(port_of(listener), rate_bytes_per_second=rate, round_trip_seconds=0.1)
        with link:
            measured = rate_of(link, listener, 20_000_000, upward)
    assert 0.97 * rate < measured < 1.03 * rate


def test_a_slow_link_keeps_its_rate() -> None:
    rate = 500_000
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        link.rate_bytes_per_second = rate
        measured = rate_of(link, listener, 1_000_000)
    assert 0.97 * rate < measured < 1.03 * rate


def test_connections_share_the_rate() -> None:
    rate, total = 2_000_000, 1_000_000
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        link.rate_bytes_per_second = rate
        with through(link, listener) as one, through(link, listener) as two:
            times: list[float] = []

            def take_time(ends: Sockets) -> None:
                times.append(carry(*ends, total)[1])

            threads = [threading.Thread(target=take_time, args=(ends,)) for ends in (one, two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert 2 * total / max(times) < 1.03 * rate
    assert min(times) > 0.8 * max(times)


def test_a_question_and_its_answer_take_one_round_trip() -> None:
    with listening() as listener:
        link = FaultyLink(port_of(listener), round_trip_seconds=0.1)
        with link, through(link, listener) as (client, server):
            times = [ask(client, server) for _ in range(6)]
    assert times[0] > 0.2  # with the handshake's round trip
    assert min(times) > 0.1
    assert min(times) < 0.12


def test_a_cut_resets_both_ends_and_swallows_little() -> None:
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        link.rate_bytes_per_second = 2_000_000
        with through(link, listener) as (client, server):
            client.setblocking(False)
            fill(client)
            client.settimeout(20)
            link.wait_for(lambda: link.up_bytes > 300_000)
            link.cut()
            assert link.up_bytes < 600_000
            assert is_reset(client)
            assert is_reset(server)
        assert link.cuts == 1
        with through(link, listener) as (client, server):
            client.sendall(b"again")
            assert receive(server, 5) == b"again"


def test_a_cut_comes_after_exactly_so_many_bytes() -> None:
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        with through(link, listener) as (client, server):
            client.sendall(b"x" * 10)
            assert receive(server, 10) == b"x" * 10
            link.cut_after_bytes(100_001)
            client.sendall(bytes(200_000))
            assert is_reset(client)
            assert link.up_bytes == 100_011
        with through(link, listener) as (client, server):
            client.sendall(b"once")
            assert receive(server, 4) == b"once"


def test_cuts_come_again_and_again() -> None:
    with listening() as listener, FaultyLink(port_of(listener), cut_every_seconds=0.05) as link:
        for _ in range(3):
            with through(link, listener) as (client, _):
                assert is_reset(client)
        assert link.cuts >= 3


def test_a_byte_is_turned_over_on_the_way() -> None:
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        link.flip_byte(70_001)
        with through(link, listener) as (client, server):
            client.sendall(bytes(100_000))
            got = receive(server, 100_000)
    assert [(at, byte) for at, byte in enumerate(got) if byte] == [(70_001, 1)]


def test_new_connections_can_be_refused_and_taken_again() -> None:
    with listening() as listener, FaultyLink(port_of(listener)) as link:
        with through(link, listener) as (client, server):
            link.refuse()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", link.port), timeout=20)
            client.sendall(b"stays")
            assert receive(server, 5) == b"stays"
        link.accept()
        with through(link, listener) as (client, server):
            client.sendall(b"new")
            assert receive(server, 3) == b"new"


def test_a_black_hole_takes_everything_and_says_nothing() -> None:
    with (
        listening() as listener,
        FaultyLink(port_of(listener)) as link,
        through(link, listener) as (client, server),
    ):
        client.sendall(b"1")
        assert receive(server, 1) == b"1"
        link.blackhole()
        client.sendall(b"2")
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.recv(1)
        link.blackhole(on=False)
        server.settimeout(20)
        assert receive(server, 1) == b"2"


def test_a_target_that_moved_is_found_again() -> None:
    with listening() as old, listening() as new, FaultyLink(port_of(old)) as link:
        link.retarget(port_of(new))
        with through(link, new) as (client, server):
            client.sendall(b"here")
            assert receive(server, 4) == b"here"


def test_a_target_that_is_gone_resets_the_client() -> None:
    with listening() as listener:
        port = port_of(listener)
    with FaultyLink(port) as link, socket.create_connection(("127.0.0.1", link.port)) as client:
        client.settimeout(20)
        assert is_reset(client)


# --- HTTP ----------------------------------------------------------------------------------------


class Notebook(http.server.BaseHTTPRequestHandler):
    """Writes down what it was asked, and answers its length."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, int]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.command, self.path, len(body)))
        answer = str(len(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def notebook() -> Iterator[tuple[int, list[tuple[str, str, int]]]]:
    asked: list[tuple[str, str, int]] = []
    handler = type("Handler", (Notebook,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # cuts are expected
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def post(connection: http.client.HTTPConnection, path: str, size: int) -> bytes:
    connection.request("POST", path, bytes(size))
    return connection.getresponse().read()


def test_the_answer_is_lost_after_the_request_was_heard_whole(
    notebook: tuple[int, list[tuple[str, str, int]]],
) -> None:
    port, asked = notebook
    with FaultyLink(port, round_trip_seconds=0.02) as link:
        link.drop_answer(lambda method, path: method == "POST" and path.endswith("/complete"))
        connection = http.client.HTTPConnection("127.0.0.1", link.port, timeout=20)
        assert post(connection, "/chunks", 300_000) == b"300000"
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            post(connection, "/u/complete", 200_000)
        connection.close()
        assert asked[-1] == ("POST", "/u/complete", 200_000)
        assert post(connection, "/u/complete", 10) == b"10"
        connection.close()
        assert link.answers_dropped == 1
        assert [path for _, path in link.requests] == ["/chunks", "/u/complete", "/u/complete"]


def test_something_can_happen_before_any_request(
    notebook: tuple[int, list[tuple[str, str, int]]],
) -> None:
    port, asked = notebook
    with FaultyLink(port) as link:
        heard_before: list[int] = []
        link.before_request(lambda _method, _path: heard_before.append(len(asked)))
        connection = http.client.HTTPConnection("127.0.0.1", link.port, timeout=20)
        for number in range(3):
            post(connection, f"/{number}", 1000)
        connection.close()
    assert heard_before == [0, 1, 2]


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_requests_are_seen_however_the_bytes_are_cut(piece: int) -> None:
    stream = (
        b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        b"PUT /fake HTTP/1.1\r\ncontent-length: 24\r\n\r\nGET /no HTTP/1.1\r\nx: y\r\n"
        b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"
        b"DELETE /d HTTP/1.1\r\n\r\n"
    )
    scanner = RequestScanner()
    seen = [r for at in range(0, len(stream), piece) for r in scanner.feed(stream[at : at + piece])]
    assert seen == [("GET", "/a?b=1"), ("PUT", "/fake"), ("POST", "/c"), ("DELETE", "/d")]


def test_what_is_not_http_is_left_alone() -> None:
    scanner = RequestScanner()
    assert scanner.feed(b"\x16\x03\x01\x02\x00" * 100) == []
    assert scanner.feed(b"GET / HTTP/1.1\r\n\r\n") == []
