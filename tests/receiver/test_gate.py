"""Who may ask: nobody but the account's own devices, on every route there is."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Mount, Route

from howdah_common.messages import API
from howdah_receiver.api.gate import OPEN_ROUTES, is_open
from howdah_receiver.api.openapi import calls
from kit.inside import app_on
from kit.native import Answer, Native, code_in, random_content
from kit.raw_http import Raw
from kit.receiver import running_receiver
from kit.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.routing import BaseRoute

    from kit.receiver import RunningReceiver

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
OPEN = {
    ("GET", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/readyz"),
    ("HEAD", "/readyz"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("GET", "/docs"),
    ("HEAD", "/docs"),
    ("POST", "/api/v1/pair"),
    ("POST", "/api/v1/auth/signup"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("GET", "/s/-/links.css"),
    ("HEAD", "/s/-/links.css"),
    ("GET", "/s/-/request.js"),
    ("HEAD", "/s/-/request.js"),
    ("GET", "/s/-/icon.svg"),
    ("HEAD", "/s/-/icon.svg"),
    ("GET", "/s/{secret}"),
    ("HEAD", "/s/{secret}"),
    ("POST", "/s/{secret}/password"),
    ("GET", "/s/{secret}/content"),
    ("HEAD", "/s/{secret}/content"),
    ("GET", "/s/{secret}/list"),
    ("HEAD", "/s/{secret}/list"),
    ("GET", "/s/{secret}/files/{below}"),
    ("HEAD", "/s/{secret}/files/{below}"),
    ("GET", "/s/{secret}/zip"),
    ("HEAD", "/s/{secret}/zip"),
    ("POST", "/s/{secret}/uploads"),
    ("GET", "/s/{secret}/uploads/{upload}"),
    ("HEAD", "/s/{secret}/uploads/{upload}"),
    ("DELETE", "/s/{secret}/uploads/{upload}"),
    ("PUT", "/s/{secret}/uploads/{upload}/chunks/{number}"),
    ("POST", "/s/{secret}/uploads/{upload}/complete"),
}
"""As the design says, as far as it is built. A new one belongs into the design first."""
NOBODY = "0" * 32


def paths_of(routes: list[BaseRoute], above: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from paths_of(list(route.routes), above + route.path)
        else:
            assert isinstance(route, Route), f"who may ask for {route}?"
            yield above + route.path


@pytest.fixture
def routes(short_path: Path) -> list[str]:
    """The paths of all routes of the very app that answers, with ids of nothing in them."""
    found = list(paths_of(list(app_on(short_path / "for-routes").routes)))
    assert len(found) > 15
    return [asked(path) for path in found]


def asked(path: str) -> str:
    """A route's path, with ids of nothing in it."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: "0" if m[1] == "number" else NOBODY, path)


OPEN_AS_ASKED = {(method, asked(path)) for method, path in OPEN}


def test_the_open_routes_are_those_of_the_design() -> None:
    assert OPEN_ROUTES == OPEN


def test_what_is_open_are_routes_that_there_are_and_all_of_a_link(short_path: Path) -> None:
    routes = list(calls(list(app_on(short_path / "for-routes").routes)))
    there = {(method, path) for path, call in routes for method in call.methods or ()}
    assert there >= OPEN
    assert {(method, path) for method, path in there if path.startswith("/s/")} <= OPEN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/s/"),
        ("GET", "/s"),
        ("GET", "/s//content"),
        ("GET", "/s/x/y"),
        ("GET", "/s/x/content/"),
        ("GET", "/s/x/files/"),
        ("POST", "/s/x"),
        ("GET", "/s/x/uploads"),
        ("PUT", "/s/x/uploads/y/chunks/0/z"),
        ("GET", "/t/x"),
        ("GET", "/api/v1/s/x"),
        ("GET", "/s/x/../../api/v1/files"),
        ("get", "/s/x"),
    ],
)
def test_what_only_looks_like_a_link_is_not_open(method: str, path: str) -> None:
    assert is_open("GET", "/s/x/files/a/b")
    assert not is_open(method, path)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        "Bearer \x00".replace("\x00", "\xff"),
        "Basic b3duZXI6b3duZXI=",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.",
        "Bearer " + "A" * 4000,
        "Bearer ' OR 1=1 --",
    ],
    ids=["none", "empty", "blank", "garbage", "bytes", "basic", "alg-none", "long", "sql"],
)
def test_a_stranger_gets_nothing_on_any_route(
    routes: list[str], shared: RunningReceiver, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    more = [
        f"{API}/nothing",
        "/",
        "/docs/",
        "/openapi.json/",
        "/openapi",
        "/healthz/",
        "/api",
        "/metrics",
    ]
    with Raw(shared.url) as raw:
        for path in routes + more:
            for method in METHODS:
                raw.head(method, path, **headers)
                answer = raw.answer(method)
                if (method, path) in OPEN_AS_ASKED:
                    assert answer.status != 401, (method, path)
                    continue
                assert answer.status == 401, (method, path, answer)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert "howdah-catalogue" not in answer.headers
                if method != "HEAD":
                    assert answer.code == "not_signed_in"


def test_health_tells_nothing_but_that_it_is_alive(shared: RunningReceiver) -> None:
    with Native(shared.url) as stranger:
        for path in ("/healthz", "/readyz"):
            answer = stranger.ask("GET", path)
            assert answer.json == {"status": "ok"}
            assert {name for name in answer.headers if name.startswith("howdah")} == set()
            assert "server" not in answer.headers


# -- another account


def signed_in(receiver: RunningReceiver, *, send_only: bool = False) -> Native:
    """A device of another account with a home space of its own, put straight into the catalogue."""
    account, token, now = secrets.token_hex(16), secrets.token_urlsafe(32), time.time_ns()
    rows: dict[str, dict[str, object]] = {
        "accounts": {"id": account, "name": account, "role": "member", "created_ns": now},
        "spaces": {"id": account, "name": account, "account_id": account, "folder": account},
        "memberships": {"space_id": account, "account_id": account, "role": "owner"},
        "folders": {"id": account, "space_id": account, "path": "", "name": "", "folded": "",
                    "created_ns": now, "own_bytes": 0, "own_files": 0, "own_folders": 0},
        "devices": {"id": account, "account_id": account, "name": "theirs", "created_ns": now,
                    "token_sha256": hashlib.sha256(token.encode()).digest(), "send_only": send_only},
    }  # fmt: skip
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue, catalogue:
        for table, values in rows.items():
            marks = ", ".join("?" * len(values))
            catalogue.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", [*values.values()]
            )
    return Native(receiver.url, token)


@pytest.fixture
def other(shared: RunningReceiver) -> Iterator[Native]:
    """A device of another account."""
    with signed_in(shared) as device:
        yield device


def test_a_device_that_may_only_send_does_nothing_else(shared: RunningReceiver) -> None:
    with signed_in(shared, send_only=True) as device:
        content = random_content(1000)
        upload = device.started("a", content)
        device.stream(upload, content.stream())
        file = device.complete(upload, content).json["file"]["id"]
        assert device.post("/folders", {"path": "b"}).code == "not_allowed"
        assert device.get("/files").code == "not_allowed"
        assert device.get(f"/files/{file}").code == "file_not_found"
        assert device.get(f"/files/{file}/content").code == "file_not_found"


def shape(answer: Answer) -> tuple[int, str | None, bytes]:
    return answer.status, answer.code, answer.body


def test_anothers_upload_is_not_there_for_any_verb(
    native: Native, other: Native, folder: str
) -> None:
    content = random_content(100)
    for upload in (native.started(f"{folder}/a", content), native.sent(f"{folder}/b", content)):
        for theirs, unknown in [
            [ask(upload), ask(NOBODY)]
            for ask in (
                other.status,
                other.upload_manifest,
                other.verify_upload,
                other.cancel,
                lambda id: other.have(id, 0, content.digests()),
                lambda id: other.stream(id, content.stream()),
                lambda id: other.put(id, 0, content.data),
                lambda id: other.complete(id, content),
                lambda id: other.ask("HEAD", f"{API}/uploads/{id}"),
                lambda id: other.ask("HEAD", f"{API}/uploads/{id}/manifest"),
            )
        ]:
            assert theirs.status == 404
            assert shape(theirs) == shape(unknown)
        for method in ("OPTIONS", "PATCH", "PUT"):
            path = f"{API}/uploads/"
            assert shape(other.ask(method, path + upload)) == shape(
                other.ask(method, path + NOBODY)
            )
    assert other.uploads().json == {"uploads": []}
    assert native.received(upload) == {0}
    assert native.complete(upload, content).status == 201


def test_anothers_file_is_not_there_for_any_verb(
    native: Native, other: Native, folder: str
) -> None:
    file = native.published(f"{folder}/a", b"abc")["id"]
    for theirs, unknown in [
        [ask(file), ask(NOBODY)]
        for ask in (
            other.file,
            other.content,
            other.file_manifest,
            other.verify_file,
            lambda id: other.content(id, method="HEAD"),
            lambda id: other.content(id, Range="bytes=0-1"),
            lambda id: other.ask("HEAD", f"{API}/files/{id}"),
        )
    ]:
        assert theirs.status == 404
        assert shape(theirs) == shape(unknown)
    for method in ("OPTIONS", "PATCH", "DELETE"):
        path = f"{API}/files/"
        assert shape(other.ask(method, path + file)) == shape(other.ask(method, path + NOBODY))
    assert other.listing().json["items"] == []
    assert other.listing(folder).code == "file_not_found"


def test_anothers_space_is_not_there(native: Native, other: Native, folder: str) -> None:
    space = native.published(f"{folder}/a", b"abc")["space"]
    content = random_content(3)
    for theirs, unknown in (
        (other.listing("", space=space), other.listing("", space=NOBODY)),
        (other.make_folder("x", space=space), other.make_folder("x", space=NOBODY)),
        (other.start("x", content, space=space), other.start("x", content, space=NOBODY)),
    ):
        assert theirs.status == 404
        assert shape(theirs) == shape(unknown)


def test_nobody_learns_what_another_account_has(native: Native, other: Native, folder: str) -> None:
    content = random_content(3 * 65536)
    native.published(f"{folder}/a", content)
    started = other.start(f"{folder}/a", content)
    assert started.json.get("known", False) is False
    assert other.have(started.json["id"], 0, content.digests()).json["missing"] == [[0, 2]]


def test_both_may_use_one_client_id_and_one_path(
    native: Native, other: Native, folder: str, shared: RunningReceiver
) -> None:
    ours, theirs = random_content(10), random_content(20)
    client_id = secrets.token_hex(16)
    first = native.start(f"{folder}/a", ours, client_id=client_id)
    second = other.start(f"{folder}/a", theirs, client_id=client_id)
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]
    other.stream(second.json["id"], theirs.stream())
    file = other.complete(second.json["id"], theirs).json["file"]
    assert other.content(file["id"]).body == theirs.data
    assert native.listing(f"{folder}/a").code == "file_not_found"


# -- hosts


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "",
     "evil.example/../x", "a b", "127.0.0.1@evil.example", "0x7f.1", "*"],
)  # fmt: skip
def test_a_name_that_nobody_allowed_is_not_answered(shared: RunningReceiver, host: str) -> None:
    with Raw(shared.url) as raw:
        raw.head("GET", "/healthz", Host=host)
        answer = raw.answer()
    assert (answer.status, answer.code) in [(400, "host_not_allowed"), (400, None)]


def test_no_host_and_two_hosts_are_not_answered(shared: RunningReceiver) -> None:
    for lines in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        with Raw(shared.url) as raw:
            raw.send(b"GET /healthz HTTP/1.1\r\n" + lines + b"\r\n")
            answer = raw.answer()
        assert (answer.status, answer.code) == (400, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "192.0.2.7:80", "[::1]:80", "[2001:db8::1]"]
)
def test_this_machine_and_addresses_are_answered(shared: RunningReceiver, host: str) -> None:
    with Raw(shared.url) as raw:
        raw.head("GET", "/healthz", Host=host)
        assert raw.answer().status == 200


def test_a_name_that_was_allowed_is_answered(short_path: Path) -> None:
    env = {"HOWDAH_RECEIVER_ALLOWED_HOSTS": '["howdah.example"]'}
    with running_receiver(short_path / "data", env=env) as receiver, Raw(receiver.url) as raw:
        raw.head("GET", "/healthz", Host="Howdah.Example:443")
        assert raw.answer().status == 200


# -- what every answer has, and what none has


def test_every_answer_keeps_browsers_from_guessing(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"abc")["id"]
    with Native(native.url) as stranger:
        answers = [
            native.listing(),
            native.file(file),
            native.content(file),
            native.file(NOBODY),
            native.ask("GET", "/nothing"),
            native.ask("PATCH", f"{API}/files"),
            native.listing("..", page=0),
            stranger.listing(),
            stranger.ask("GET", "/healthz"),
            stranger.pair("wrong"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert (
            "private" in answer.headers["cache-control"]
            or "no-store" in answer.headers["cache-control"]
        )


def test_no_secret_is_stored_or_logged(short_path: Path) -> None:
    data = short_path / "data"
    # --debug, as somebody has it who looks for a mistake.
    with served(data, "--debug") as receiver:
        link, second = receiver.link, receiver.new_link()
        with Native.paired_with(receiver, link) as device, Native(receiver.url) as stranger:
            token = str(device.token)
            device.published("a/b", b"abc")
            stranger.pair(code_in(second).lower())
            device.ask("GET", f"{API}/files?token={token}")
        with Native(receiver.url, token + "x") as garbage:
            assert garbage.listing().status == 401
        receiver.stop()
        said, printed = receiver.process.stderr.text, receiver.process.stdout.text
    code = code_in(link)
    assert "DEBUG" in said
    secrets_used = [token, code, code_in(second), code.replace("-", "")]
    for secret in secrets_used:
        assert secret not in said
    assert token not in printed
    for file in data.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in secrets_used:
                assert secret.encode() not in content, file
