"""What the client makes of a receiver's answers: honest ones, broken ones and lies."""

from __future__ import annotations

import gzip
import inspect
import json
import logging
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from typing import Any

import httpx
import pytest

from howdah_common.messages import API, Complete, Have, StartUpload
from howdah_common.problems import PROBLEMS, ProblemError
from howdah_desktop.remote import door
from howdah_desktop.remote.receiver import Receiver
from kit.cued_receiver import PROBLEM, TOKEN, CuedReceiver, Exchange, cued_receiver

UPLOAD: dict[str, Any] = {
    "id": "u1",
    "client_id": "0" * 32,
    "space": "home",
    "path": "a.txt",
    "state": "open",
    "size": 3,
    "chunk_bytes": 65_536,
    "total_chunks": 1,
    "digest_algorithm": "blake3",
    "received": [],
    "received_bytes": 0,
    "started_ns": 1,
    "expires_ns": 2,
}
START = StartUpload(
    client_id="0" * 32, path="a.txt", size=3, modified_ns=1, digest_algorithm="blake3"
)
COMPLETE = Complete(size=3, manifest_digest="0" * 64)


@pytest.fixture
def scripted() -> Iterator[CuedReceiver]:
    with cued_receiver() as running:
        yield running


@pytest.fixture
def receiver(scripted: CuedReceiver) -> Iterator[Receiver]:
    receiver = Receiver(scripted.paired())
    yield receiver
    receiver.close()


def content_of(receiver: Receiver) -> bytes:
    with receiver.content("f1", "v1", 0, 5) as blocks:
        return b"".join(blocks)


def problem_of(call: Callable[[], object]) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        call()
    return caught.value


# -- honest answers


def test_each_call_goes_where_the_protocol_says(scripted: CuedReceiver, receiver: Receiver) -> None:
    file = scripted.add("a.txt", b"abc")
    published = UPLOAD | {"state": "published", "file": file.describe()}
    manifest = {"size": 3, "chunk_bytes": 65_536, "digest_algorithm": "blake3"}
    verify = {"ok": True, "checked_bytes": 3, "damaged": []}
    for method, route, status, body in (
        ("POST", "/uploads", 201, UPLOAD),
        ("GET", "/uploads/u1", 200, UPLOAD),
        ("GET", "/uploads", 200, {"uploads": [UPLOAD]}),
        ("GET", "/uploads/u1/manifest", 200, manifest | {"received": [], "digests": ""}),
        ("POST", "/uploads/u1/have", 200, {"missing": [[0, 0]]}),
        ("POST", "/uploads/u1/chunks", 200, {"stored": [[0, 0]]}),
        ("POST", "/uploads/u1/complete", 201, published),
        ("POST", "/uploads/u1/verify", 200, verify),
        ("POST", "/files/f1/verify", 200, verify),
        ("POST", "/folders", 201, {"kind": "folder", "space": "home", "path": "x"}),
    ):

        def play(exchange: Exchange, status: int = status, body: Any = body) -> None:
            exchange.body()
            exchange.json(status, body)

        scripted.on(method, route, play)
    scripted.on("DELETE", "/uploads/u1", lambda exchange: exchange.head(204, {}))

    assert receiver.start(START).id == "u1"
    assert receiver.upload("u1").state == "open"
    assert [upload.id for upload in receiver.uploads().uploads] == ["u1"]
    assert receiver.upload_manifest("u1").digests == b""
    assert receiver.have("u1", Have(first=0, digests=b"d" * 32)).missing == [(0, 0)]
    stream: list[bytes | memoryview] = [b"abc", memoryview(b"def")]
    assert receiver.send_chunks("u1", iter(stream), 6).stored == [(0, 0)]
    done = receiver.complete("u1", COMPLETE)
    assert done is not None
    assert done.file is not None
    assert done.file.path == "a.txt"
    receiver.cancel("u1")
    assert receiver.verify_upload("u1").ok
    assert receiver.list("").items == [receiver.file("f1")]
    assert receiver.file_manifest("f1").version == "v1"
    assert receiver.verify_file("f1").checked_bytes == 3
    with receiver.content("f1", "v1", 1, 2) as blocks:
        assert b"".join(blocks) == b"bc"
    assert receiver.make_folder("x").path == "x"


def test_the_token_goes_in_one_header_and_shows_nowhere(
    scripted: CuedReceiver, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.on("GET", "/uploads/u1", lambda exchange: exchange.json(200, UPLOAD))
    receiver.upload("u1")
    error = problem_of(lambda: receiver.upload("u2"))
    assert scripted.seen[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert scripted.seen[0].headers["User-Agent"].startswith("howdah")
    assert scripted.seen[0].headers["Accept-Encoding"] == "identity"
    shown = [repr(scripted.paired()), repr(receiver), repr(vars(receiver)), repr(error), str(error)]
    assert TOKEN not in "".join(shown) + caplog.text


def test_no_proxy_of_the_environment_is_handed_the_token(
    scripted: CuedReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.on("GET", "/uploads/u1", lambda exchange: exchange.json(200, UPLOAD))
    with cued_receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        receiver = Receiver(scripted.paired())
        receiver.upload("u1")
        receiver.close()
        assert proxy.seen == []


def test_the_catalogue_and_its_changes_are_remembered(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    assert (receiver.catalogue, receiver.change) == (None, None)
    scripted.on(
        "GET",
        "/uploads/u1",
        lambda exchange: exchange.json(200, UPLOAD, Howdah_Catalogue="c7", Howdah_Change="42"),
    )
    receiver.upload("u1")
    assert (receiver.catalogue, receiver.change) == ("c7", 42)


def test_completion_that_takes_long_asks_to_be_asked_again(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    scripted.on("POST", "/uploads/u1/complete", lambda e: e.json(202, UPLOAD, Retry_After="7"))
    assert receiver.complete("u1", COMPLETE) is None
    assert receiver.retry_after_seconds == 7


@pytest.mark.parametrize("status", [200, 206])
def test_only_201_is_taken_as_published(
    scripted: CuedReceiver, receiver: Receiver, status: int
) -> None:
    scripted.on("POST", "/uploads/u1/complete", lambda exchange: exchange.json(status, UPLOAD))
    assert problem_of(lambda: receiver.complete("u1", COMPLETE)).code == "answer_invalid"


# -- problems


def test_a_problem_comes_with_its_code_detail_and_extras(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    scripted.on(
        "POST",
        "/uploads/u1/complete",
        lambda exchange: exchange.problem(409, "upload_incomplete", "Two.", missing=[[1, 2]]),
    )
    error = problem_of(lambda: receiver.complete("u1", COMPLETE))
    assert (error.code, error.detail, error.extra) == (
        "upload_incomplete",
        "Two.",
        {"missing": [(1, 2)]},
    )


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (500, "new_trouble", "unavailable"),
        (401, "new_trouble", "not_signed_in"),
        (404, "new_trouble", "not_found"),
        (418, "new_trouble", "bad_request"),
        # What only the client can find out is not the receiver's to say.
        (400, "certificate_changed", "bad_request"),
        (503, "local_full", "unavailable"),
    ],
)
def test_an_unknown_code_is_taken_by_its_status(
    scripted: CuedReceiver, receiver: Receiver, status: int, code: str, expected: str
) -> None:
    scripted.on("GET", "/uploads", lambda exchange: exchange.problem(status, code))
    assert problem_of(receiver.uploads).code == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (502, "unavailable"),
        (408, "request_timeout"),
        (429, "too_many_attempts"),
        (404, "answer_invalid"),
        (403, "captive_portal"),
        (511, "captive_portal"),
        (200, "captive_portal"),
    ],
)
def test_a_page_of_somebody_else_ends_no_transfer(
    scripted: CuedReceiver, receiver: Receiver, status: int, expected: str
) -> None:
    page = b"<html><script>alert(1)</script>Please sign in</html>"
    scripted.on("GET", "/uploads", lambda exchange: exchange.send(status, page, "text/html"))
    error = problem_of(receiver.uploads)
    assert error.code == expected
    assert error.problem.next.value == "retry"
    assert "script" not in error.detail


def test_a_captive_portal_is_no_receiver(scripted: CuedReceiver, receiver: Receiver) -> None:
    scripted.on("*", ".*", lambda exchange: exchange.send(200, b"<html>", "text/html"))
    calls = (
        receiver.uploads,
        lambda: receiver.cancel("u1"),
        lambda: content_of(receiver),
    )
    for call in calls:
        assert problem_of(call).code == "captive_portal"


def test_a_page_that_is_packed_is_a_page(scripted: CuedReceiver, receiver: Receiver) -> None:
    def packed(exchange: Exchange) -> None:
        exchange.send(200, b"\x1f\x8b", "text/html; charset=utf-8", Content_Encoding="gzip")

    scripted.on("GET", "/uploads", packed)
    assert problem_of(receiver.uploads).code == "captive_portal"


def test_a_stored_page_that_the_receiver_itself_gives_is_no_portal(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    page = b"<html>"
    headers = {"Howdah_Catalogue": "c1", "Content_Range": "bytes 0-5/6", "ETag": '"v1"'}
    scripted.on(
        "GET", "/files/.*", lambda exchange: exchange.send(206, page, "text/html", **headers)
    )
    assert content_of(receiver) == page


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("12", 12, 12),
        ("99999999999999999999", 300, 300),
        ("in 100 s", 90, 101),
        ("100 s ago", 0, 0),
    ],
)
def test_retry_after_may_be_seconds_or_a_date_and_is_capped(
    scripted: CuedReceiver, receiver: Receiver, field: str, low: float, high: float
) -> None:
    dates = {"in 100 s": time.time() + 100, "100 s ago": time.time() - 100}
    said = formatdate(dates[field], usegmt=True) if field in dates else field
    scripted.on("GET", "/uploads", lambda exchange: exchange.send(503, b"", Retry_After=said))
    error = problem_of(receiver.uploads)
    assert error.code == "unavailable"
    assert low <= error.extra["retry_after_seconds"] <= high


def test_nonsense_in_retry_after_says_nothing(scripted: CuedReceiver, receiver: Receiver) -> None:
    scripted.on("GET", "/uploads", lambda exchange: exchange.send(503, b"", Retry_After="soon"))
    assert problem_of(receiver.uploads).extra == {}


def test_error_text_is_data_without_control_characters(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    text = "\x1b]0;owned\x07<b>bold</b>\r\n\u202egnp.exe\x00" + "long " * 1000
    scripted.on("GET", "/uploads", lambda exchange: exchange.problem(400, "bad_request", text))
    detail = problem_of(receiver.uploads).detail
    assert detail.startswith("]0;owned <b>bold</b> gnp.exe long")
    assert len(detail) <= 500
    assert detail.isprintable()


def test_extras_of_a_problem_cannot_grow_or_have_a_wrong_form(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    extra: dict[str, Any] = {
        "missing": [[3, 1]],
        "chunks": "all",
        "deep": [[[]]],
        "version": "v\x1b" + "x" * 999,
    }
    scripted.on("GET", "/uploads", lambda e: e.problem(409, "upload_incomplete", **extra))
    found = problem_of(receiver.uploads).extra
    assert list(found) == ["version"]
    assert len(found["version"]) == 200


# -- lies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"uploads": 3}',
        b"[" * 1_000_000,
        b'{"uploads":[],"more":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b'{"uploads": ["\\ud800"]}',
    ],
)
def test_an_invalid_message_is_no_answer(
    scripted: CuedReceiver, receiver: Receiver, body: bytes
) -> None:
    scripted.on("GET", "/uploads", lambda exchange: exchange.send(200, body))
    assert problem_of(receiver.uploads).code == "answer_invalid"


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_without_end_is_cut_and_fills_no_memory(
    scripted: CuedReceiver, receiver: Receiver, status: int, announced: bool
) -> None:
    def pour(exchange: Exchange) -> None:
        fields = {"Content-Type": "application/json", "Connection": "close"}
        exchange.head(status, fields | ({"Content-Length": str(10**8)} if announced else {}))
        exchange.endless()

    scripted.on("GET", "/uploads", pour)
    tracemalloc.start()
    try:
        assert problem_of(receiver.uploads).code == "answer_too_large"
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()


def test_a_compressed_answer_is_refused_before_it_is_read(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    bomb = gzip.compress(b'{"uploads": []' + b" " * 50_000_000 + b"}")
    scripted.on("GET", "/uploads", lambda e: e.send(200, bomb, Content_Encoding="gzip"))
    assert problem_of(receiver.uploads).code == "answer_invalid"


def test_endless_headers_are_cut(scripted: CuedReceiver, receiver: Receiver) -> None:
    def pour(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\n")
        exchange.endless(b"X-More: and more\r\n" * 1000)

    scripted.on("GET", "/uploads", pour)
    assert problem_of(receiver.uploads).code == "answer_invalid"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_nowhere(
    scripted: CuedReceiver, receiver: Receiver, status: int
) -> None:
    with cued_receiver() as other:
        for place in (f"{other.address}{API}/uploads", "file:///etc/passwd"):
            scripted.scripts.clear()

            def play(exchange: Exchange, place: str = place) -> None:
                exchange.send(status, b"", Location=place)

            scripted.on("*", ".*", play)
            assert problem_of(receiver.uploads).code == "redirect_refused"
            assert problem_of(lambda: receiver.start(START)).code == "redirect_refused"
        assert other.seen == []


def test_an_id_cannot_lead_elsewhere(receiver: Receiver, scripted: CuedReceiver) -> None:
    for name in ("../files", "a/b", "", "a\r\nX: y", "ü", "x" * 200):
        assert problem_of(partial(receiver.upload, name)).code == "answer_invalid"
    assert problem_of(lambda: receiver.content("f1", 'v"\r\n', 0, 1)).code == "answer_invalid"
    assert scripted.seen == []


# -- content


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": 200}, "remote_changed"),
        ({"etag": '"v2"'}, "remote_changed"),
        ({"range": "bytes 4-7/9"}, "answer_invalid"),
        ({"encoding": "gzip"}, "answer_invalid"),
        ({"length": None, "body": b"0123456789"}, "answer_invalid"),
        ({"length": None, "body": b"01"}, "offline"),
        ({"length": 4, "body": b"01"}, "offline"),
    ],
)
def test_content_is_exactly_the_range_or_a_problem(
    scripted: CuedReceiver, receiver: Receiver, change: dict[str, Any], expected: str
) -> None:
    said: dict[str, Any] = {
        "status": 206,
        "etag": '"v1"',
        "range": "bytes 0-3/9",
        "length": 4,
        "body": b"0123",
    }
    said |= change

    def play(exchange: Exchange) -> None:
        fields = {"ETag": said["etag"], "Content-Range": said["range"], "Connection": "close"}
        if said["length"] is not None:
            fields["Content-Length"] = str(said["length"])
        if "encoding" in said:
            fields["Content-Encoding"] = said["encoding"]
        exchange.head(said["status"], fields)
        exchange.wfile.write(said["body"])

    def fetch() -> None:
        with receiver.content("f1", "v1", 0, 3) as blocks:
            taken = sum(len(block) for block in blocks)
            assert taken <= 4

    scripted.on("GET", "/files/f1/content", play)
    assert problem_of(fetch).code == expected


def test_what_the_reader_of_content_raises_comes_out_as_it_is(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    scripted.add("a", b"abc")
    error = RuntimeError("mine")
    with pytest.raises(RuntimeError) as caught, receiver.content("f1", "v1", 0, 2):
        raise error
    assert caught.value is error


# -- sending


@pytest.mark.parametrize(
    "error",
    [
        ProblemError("source_changed"),
        OSError(5, "Input/output error"),
        RuntimeError("mine"),
        httpx.ReadError("even this"),
    ],
)
def test_what_the_source_of_a_stream_raises_comes_out_as_it_is(
    scripted: CuedReceiver, receiver: Receiver, error: Exception
) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"x" * 1000
        raise error

    scripted.on("GET", "/uploads/u1", lambda exchange: exchange.json(200, UPLOAD))
    with pytest.raises(type(error)) as caught:
        receiver.send_chunks("u1", blocks(), 5000)
    assert caught.value is error
    # The half request's connection is not taken for the next one.
    assert receiver.upload("u1").id == "u1"


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize(
    ("status", "code"), [(401, "not_signed_in"), (409, "upload_not_open"), (507, "storage_full")]
)
def test_an_answer_that_comes_early_is_seen(
    scripted: CuedReceiver, receiver: Receiver, status: int, code: str, close: bool
) -> None:
    given_up = threading.Event()
    ended: list[bool] = []

    def play(exchange: Exchange) -> None:
        exchange.body(1000)
        exchange.problem(status, code)
        if not close:  # it neither reads on nor hangs up
            assert given_up.wait(20)

    def blocks() -> Iterator[bytes]:
        try:
            for _ in range(1000):
                yield bytes(2**20)
        finally:
            ended.append(True)

    scripted.on("POST", "/uploads/u1/chunks", play)
    started = time.monotonic()
    error = problem_of(lambda: receiver.send_chunks("u1", blocks(), 1000 * 2**20))
    given_up.set()
    assert error.code == code
    assert time.monotonic() - started < 10
    assert ended == [True]


def test_an_interim_answer_stops_no_stream(scripted: CuedReceiver, receiver: Receiver) -> None:
    def play(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = exchange.body()
        exchange.json(200, {"stored": [[0, len(body)]]})

    scripted.on("POST", "/uploads/u1/chunks", play)
    blocks = (bytes(2**20) for _ in range(20))
    assert receiver.send_chunks("u1", blocks, 20 * 2**20).stored == [(0, 20 * 2**20)]


# -- the line


def every_error_of_httpx() -> list[type[Exception]]:
    kinds = [kind for kind in vars(httpx).values() if inspect.isclass(kind)]
    errors = [kind for kind in kinds if issubclass(kind, Exception)]
    assert len(errors) > 20
    return errors


@pytest.mark.parametrize("kind", every_error_of_httpx())
def test_every_exception_of_httpx_has_its_problem(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "why")
    with pytest.raises(ProblemError) as caught, door.translated():
        raise error
    assert caught.value.code in PROBLEMS
    assert caught.value.__cause__ is error
    concrete = not kind.__subclasses__()
    assert not concrete or any(issubclass(kind, known) for known, _ in door._CODES)


def test_a_receiver_that_is_away_is_offline() -> None:
    with cued_receiver() as away:
        paired = away.paired()
    receiver = Receiver(paired)
    assert problem_of(receiver.uploads).code == "offline"
    receiver.close()


def test_a_connection_that_breaks_is_offline(scripted: CuedReceiver, receiver: Receiver) -> None:
    scripted.on("*", ".*", lambda exchange: exchange.drop())
    assert problem_of(receiver.uploads).code == "offline"
    assert problem_of(lambda: receiver.start(START)).code == "offline"


def test_a_line_without_a_byte_is_offline(
    scripted: CuedReceiver, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = door.Door.ask.__kwdefaults__ or {}
    monkeypatch.setattr(door.Door.ask, "__kwdefaults__", defaults | {"idle_seconds": 0.2})
    answered = threading.Event()

    def play(exchange: Exchange) -> None:
        answered.wait(20)
        exchange.drop()

    scripted.on("GET", "/uploads", play)
    assert problem_of(receiver.uploads).code == "offline"
    answered.set()


def test_dropping_connections_wakes_who_waits(scripted: CuedReceiver, receiver: Receiver) -> None:
    asked, over = threading.Event(), threading.Event()
    found: list[str] = []

    def play(exchange: Exchange) -> None:
        asked.set()
        over.wait(20)
        exchange.drop()

    scripted.on("GET", "/uploads", play)
    waiting = threading.Thread(target=lambda: found.append(problem_of(receiver.uploads).code))
    waiting.start()
    assert asked.wait(10)
    receiver.drop_connections()
    waiting.join(10)
    over.set()
    assert found == ["offline"]
    scripted.on("GET", "/uploads/u1", lambda exchange: exchange.json(200, UPLOAD))
    assert receiver.upload("u1").id == "u1"


def test_a_closed_client_is_interrupted(receiver: Receiver) -> None:
    receiver.close()
    assert problem_of(receiver.uploads).code == "interrupted"


def test_problem_documents_are_understood_by_media_type_alone(
    scripted: CuedReceiver, receiver: Receiver
) -> None:
    body = json.dumps({"code": "upload_not_found"}).encode()
    scripted.on("GET", "/uploads/u1", lambda exchange: exchange.send(404, body, PROBLEM))
    scripted.on("GET", "/uploads/u2", lambda exchange: exchange.send(404, body, "text/plain"))
    assert problem_of(lambda: receiver.upload("u1")).code == "upload_not_found"
    assert problem_of(lambda: receiver.upload("u2")).code == "answer_invalid"
