"""Events: everybody hears of what they may see, in order, once it is durable, and of nothing else."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from howdah_common.messages import API
from howdah_common.problems import PROBLEMS
from howdah_receiver.watching.hub import MOST_AN_ACCOUNT
from kit.native import SMALL_CHUNK, Native, random_content
from kit.raw_http import Raw
from kit.receiver import running_receiver
from kit.watchers import (
    account_of,
    add_account,
    add_device,
    catalogue,
    device_of,
    revoke,
    set_role,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

PING_SECONDS = 1


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "HOWDAH_RECEIVER_PING_SECONDS": str(PING_SECONDS),
        "HOWDAH_RECEIVER_ALLOWED_HOSTS": "files.example.org",
    }


@pytest.fixture
def other(shared: RunningReceiver, folder: str) -> Iterator[Native]:
    """A device of another account, whose name is that of the test's folder."""
    with add_device(shared, add_account(shared, folder)) as device:
        yield device


def refused(device: Native, **query: Any) -> tuple[int, str]:
    """The status and the problem's code that a socket is refused with."""
    with pytest.raises(InvalidStatus) as caught, watching(device, **query):
        pass
    body = caught.value.response.body
    code = next((code for code in PROBLEMS if f'"code":"{code}"'.encode() in body), "")
    return caught.value.response.status_code, code


# -- what is told


def test_a_publication_is_told_with_who_did_it(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    with watching(native) as events:
        hello = events.next()
        assert (hello["kind"], hello["device"]) == ("hello", device_of(shared, native))
        assert hello["account"] == account_of(shared, native)
        file = native.published(f"{folder}/a", b"abc")
        told = events.until("change")
    assert told["what"] == "published"
    assert told["number"] == hello["change"] + 1
    assert (told["path"], told["space"]) == (f"{folder}/a", file["space"])
    assert (told["file"], told["version"]) == (file["id"], file["version"])
    assert (told["account"], told["device"]) == (hello["account"], hello["device"])
    assert abs(told["time_ns"] - time.time_ns()) < 60 * 10**9


def test_a_new_folder_is_told(native: Native, folder: str) -> None:
    with watching(native) as events:
        native.make_folder(f"{folder}/new")
        told = events.until("change")
    assert (told["what"], told["path"]) == ("folder_made", f"{folder}/new")


def test_moves_and_deletions_are_told_with_where_from(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"abc")
    with watching(native) as events:
        events.next()
        native.ask("PATCH", f"{API}/files/{file['id']}", message={"path": f"{folder}/b"})
        trashed = native.ask("DELETE", f"{API}/files/{file['id']}").json
        native.post(f"/trash/{trashed['id']}/restore", {})
        entry = native.ask("DELETE", f"{API}/files/{file['id']}").json["id"]
        native.ask("DELETE", f"{API}/trash/{entry}")
        told = events.changes(5)
    assert [each["what"] for each in told] == ["moved", "trashed", "restored", "trashed", "removed"]
    assert (told[0]["from_path"], told[0]["path"]) == (f"{folder}/a", f"{folder}/b")
    assert {each["path"] for each in told} == {f"{folder}/b"}
    (noted,) = native.get("/audit", {"per_page": 1}).json["entries"]
    assert (noted["what"], noted["detail"]["path"]) == ("removed_for_good", f"{folder}/b")


def test_progress_is_told_up_to_the_end(native: Native, folder: str) -> None:
    content = random_content(4 * SMALL_CHUNK)
    with watching(native) as events:
        upload = native.started(f"{folder}/a", content)
        native.stream(upload, content.stream([0, 1]))
        half = events.until("progress", lambda message: message["received_bytes"] > 0)
        assert (half["upload"], half["path"], half["state"]) == (upload, f"{folder}/a", "open")
        assert (half["received_bytes"], half["size"]) == (2 * SMALL_CHUNK, content.size)
        native.stream(upload, content.stream([2, 3]))
        native.complete(upload, content)
        end = events.until("progress", lambda message: message["state"] != "open")
    assert (end["upload"], end["state"]) == (upload, "published")
    assert end["received_bytes"] == content.size


def test_a_cancelled_upload_is_told(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK)
    with watching(native) as events:
        events.next()
        upload = native.started(f"{folder}/a", content)
        native.stream(upload, content.stream([0]))
        native.cancel(upload)
        end = events.until("progress", lambda message: message["state"] == "cancelled")
    assert (end["upload"], end["received_bytes"]) == (upload, 0)


def test_room_is_told_at_first_and_when_it_has_changed(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    account = account_of(shared, native)
    with watching(native) as events:
        first = events.until("room")
        assert first["free_bytes"] > 0
        (space,) = first["spaces"]
        content = random_content(max(3 * SMALL_CHUNK, space["used_bytes"] // 20))
        file = native.published(f"{folder}/a", content)
        later = events.until("room")
    (now,) = later["spaces"]
    assert now["space"] == space["space"] == file["space"]
    assert now["used_bytes"] == space["used_bytes"] + content.size
    assert now["used_files"] == space["used_files"] + 1
    assert "quota_bytes" not in now
    with catalogue(shared) as rows:
        rows.execute("UPDATE spaces SET quota_bytes = 10 WHERE account_id = ?", (account,))
    try:
        with watching(native) as events:
            assert events.until("room")["spaces"][0]["quota_bytes"] == 10
    finally:
        with catalogue(shared) as rows:
            rows.execute("UPDATE spaces SET quota_bytes = NULL WHERE account_id = ?", (account,))


def test_changes_of_many_at_once_come_in_order_and_none_is_missing(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    with watching(native) as events:
        hello = events.next()
        with ThreadPoolExecutor(6) as pool:
            # Read meanwhile: who reads nothing while a slow disk takes its time is let go of.
            published = pool.map(lambda n: native.published(f"{folder}/{n}", b"%d" % n), range(40))
            told = events.changes(40)
            list(published)
    with catalogue(shared) as rows:
        wanted = rows.execute(
            "SELECT number, path FROM changes WHERE number > ? ORDER BY number", (hello["change"],)
        ).fetchall()
    assert [(each["number"], each["path"]) for each in told] == wanted


# -- to whom


def test_who_may_not_read_a_space_hears_nothing_of_it(
    native: Native, other: Native, folder: str
) -> None:
    with watching(other) as events:
        content = random_content(3 * SMALL_CHUNK)
        upload = native.started(f"{folder}/secret", content)
        native.stream(upload, content.stream([0]))
        native.published(f"{folder}/secret-too", b"abc")
        other.published("mine", b"abc")
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["kind"] != "change":
            heard.append(events.next())
        heard.append(events.until("progress"))
    assert heard[-2]["path"] == heard[-1]["path"] == "mine"
    assert "secret" not in str(heard)
    native.cancel(upload)


def test_a_new_member_hears_and_one_that_was_removed_does_not(
    native: Native, other: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.published(f"{folder}/0", b"0")["space"]
    theirs = account_of(shared, other)
    with watching(other) as events:
        assert [room["space"] for room in events.until("room")["spaces"]] == [theirs]
        set_role(shared, space, theirs, "reader")
        events.until("room", lambda room: len(room["spaces"]) == 2)
        native.published(f"{folder}/1", b"1")
        assert events.until("change")["path"] == f"{folder}/1"
        set_role(shared, space, theirs, None)
        events.until("room", lambda room: len(room["spaces"]) == 1)
        native.published(f"{folder}/2", b"2")
        other.published("mine", b"3")
        assert events.until("change")["path"] == "mine"


def test_a_sender_of_a_space_hears_nothing_of_others_in_it(
    native: Native, other: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.published(f"{folder}/0", b"0")["space"]
    theirs = account_of(shared, other)
    set_role(shared, space, theirs, "sender")
    with watching(other) as events:
        native.published(f"{folder}/1", b"1")
        assert other.published(f"{folder}/2", b"22", space=space)["path"] == f"{folder}/2"
        progress = events.until("progress")
        other.published("mine", b"3")
        assert events.until("change")["path"] == "mine"
    assert (progress["path"], progress["state"]) == (f"{folder}/2", "published")
    set_role(shared, space, theirs, None)


def test_a_device_that_may_only_send_hears_of_its_own_uploads_alone(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    with add_device(shared, account_of(shared, native), send_only=True) as box:
        with watching(box, since=0) as events:
            assert events.next()["kind"] == "hello"
            native.published(f"{folder}/theirs", b"abc")
            box.published(f"{folder}/own", b"abc")
            first = events.next()
            box.published(f"{folder}/own-too", b"abc")
            second = events.next()
        assert (first["kind"], first["path"]) == ("progress", f"{folder}/own")
        assert (second["kind"], second["path"]) == ("progress", f"{folder}/own-too")


def test_a_device_that_is_limited_to_a_space_hears_of_that_alone(
    native: Native, other: Native, shared: RunningReceiver, folder: str
) -> None:
    space, theirs = native.published(f"{folder}/0", b"0")["space"], account_of(shared, other)
    set_role(shared, space, theirs, "reader")
    with add_device(shared, theirs, space=space) as limited, watching(limited) as events:
        events.until("room")
        other.published("mine", b"1")
        native.published(f"{folder}/1", b"1")
        assert events.until("change")["path"] == f"{folder}/1"
    set_role(shared, space, theirs, None)


# -- from when on


def test_what_happened_since_is_told_again(native: Native, folder: str) -> None:
    with watching(native) as events:
        before = events.next()["change"]
    for name in "abc":
        native.published(f"{folder}/{name}", b"x")
    with watching(native, since=before) as events:
        assert [told["path"] for told in events.changes(3)] == [f"{folder}/{n}" for n in "abc"]
        native.published(f"{folder}/d", b"x")
        assert events.until("change")["path"] == f"{folder}/d"
    with watching(native, since=before + 2) as events:
        assert events.until("change")["path"] == f"{folder}/c"


def test_who_asks_for_what_never_was_is_told_to_look_again(native: Native, folder: str) -> None:
    with watching(native, since=10**15) as events:
        hello = events.next()
        assert events.until("resync") == {"kind": "resync", "change": hello["change"]}
        native.published(f"{folder}/a", b"x")
        assert events.until("change")["number"] == hello["change"] + 1


def test_what_is_told_is_durable_and_is_told_again_after_a_crash(short_path: Path) -> None:
    with running_receiver(short_path / "data") as receiver, Native.paired_with(receiver) as device:
        with watching(device) as events:
            device.published("a", b"abc")
            told = events.until("change")
            receiver.kill()
        receiver.restart()
        assert device.items()[0]["version"] == told["version"]
        with watching(device, since=told["number"] - 1) as events:
            assert events.until("change") == told


# -- who may come, and who must go


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "9" * 30, "²"])
def test_nonsense_since_is_refused(native: Native, since: str) -> None:
    assert refused(native, since=since) == (400, "bad_request")


def test_a_stranger_is_refused_before_the_upgrade(shared: RunningReceiver) -> None:
    for token in (None, "garbage"):
        with Native(shared.url, token) as stranger:
            assert refused(stranger) == (401, "not_signed_in")
            assert refused(stranger, ticket="x" * 43) == (401, "not_signed_in")


def test_a_ticket_opens_one_socket_once_and_nothing_else(native: Native, folder: str) -> None:
    answer = native.post("/events/ticket")
    assert (answer.status, answer.json["expires_seconds"]) == (201, 30)
    ticket = answer.json["ticket"]
    with Native(native.url) as page, Native(native.url, ticket) as thief:
        assert thief.listing().status == 401
        assert page.ask("GET", f"{API}/files", query={"ticket": ticket}).status == 401
        with watching(page, ticket=ticket) as events:
            native.published(f"{folder}/a", b"x")
            assert events.until("change")["path"] == f"{folder}/a"
        assert refused(page, ticket=ticket) == (401, "not_signed_in")


def test_a_ticket_of_a_device_that_was_revoked_is_worth_nothing(
    native: Native, shared: RunningReceiver
) -> None:
    with add_device(shared, account_of(shared, native)) as device, Native(shared.url) as page:
        ticket = device.post("/events/ticket").json["ticket"]
        revoke(shared, device)
        assert refused(page, ticket=ticket) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 400),
        ("null", 400),
        ("", 400),
        ("https://files.example.org.evil.example", 400),
        ("http://192.0.2.7", 400),
        ("https://files.example.org", 101),
        ("http://127.0.0.1:1", 101),
    ],
)
def test_a_page_of_elsewhere_is_refused(native: Native, origin: str, status: int) -> None:
    if status == 101:
        with watching(native, headers={"Origin": origin}) as events:
            assert events.next()["kind"] == "hello"
        return
    with (
        pytest.raises(InvalidStatus) as caught,
        watching(native, headers={"Origin": origin}),
    ):
        pass
    assert caught.value.response.status_code == status
    assert b"host_not_allowed" in caught.value.response.body


def test_a_host_that_nobody_allowed_is_refused(native: Native) -> None:
    port = urlsplit(native.url).port
    with Raw(native.url) as raw:
        raw.head(
            "GET", f"{API}/events", Host=f"evil.example:{port}", Connection="Upgrade",
            Upgrade="websocket", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            Sec_WebSocket_Version=13, Authorization=f"Bearer {native.token}",
        )  # fmt: skip
        answer = raw.answer()
    assert (answer.status, answer.code) == (400, "host_not_allowed")


def test_a_revoked_device_is_closed_within_a_second(
    native: Native, shared: RunningReceiver
) -> None:
    with add_device(shared, account_of(shared, native)) as device, watching(device) as events:
        events.until("room")
        revoke(shared, device)
        began = time.monotonic()
        assert events.closed() == 4401
        assert time.monotonic() - began < 1.5  # a busy machine is no finding
        assert refused(device) == (401, "not_signed_in")


def test_a_disabled_account_is_closed(other: Native, shared: RunningReceiver) -> None:
    with watching(other) as events:
        events.next()
        with catalogue(shared) as rows:
            rows.execute(
                "UPDATE accounts SET disabled = 1 WHERE id = ?", (account_of(shared, other),)
            )
        assert events.closed() == 4401


def test_an_account_has_so_many_sockets_and_no_more(other: Native, native: Native) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_AN_ACCOUNT):
            assert stack.enter_context(watching(other)).next()["kind"] == "hello"
        assert refused(other) == (429, "too_many_watchers")
        with watching(native) as events:
            assert events.next()["kind"] == "hello"
    with watching(other) as events:
        assert events.next()["kind"] == "hello"


def test_without_an_upgrade_the_answer_says_what_is_missing(native: Native) -> None:
    answer = native.get("/events")
    assert (answer.status, answer.code) == (426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"
    assert native.ask("HEAD", f"{API}/events").status == 426
    assert native.post("/events").status == 405


def test_who_speaks_is_closed(native: Native) -> None:
    for word in ("hello", b"\0" * 100, ""):
        with watching(native) as events:
            events.next()
            events.connection.send(word)
            assert events.closed() == 1003
    with watching(native) as events:
        events.connection.send("x" * 100_000)
        assert events.closed() == 1009


def test_a_stop_is_told_and_waits_for_nobody(short_path: Path) -> None:
    with (
        running_receiver(short_path / "data") as receiver,
        Native.paired_with(receiver) as device,
        watching(device) as events,
    ):
        events.next()
        began = time.monotonic()
        assert receiver.stop() == 0
        assert events.closed() == 1012
        assert time.monotonic() - began < 5


# -- slow ones and crooked ones


def upgrade(raw: Raw, native: Native, **more: str | int) -> bytes:
    given: dict[str, str | int] = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Authorization": f"Bearer {native.token}",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": 13,
    }  # fmt: skip
    raw.head("GET", f"{API}/events", **{**given, **more})
    return raw.until(b"\r\n\r\n")


def test_who_is_asked_whether_they_are_there_and_says_nothing_is_closed(native: Native) -> None:
    with Raw(native.url) as raw:
        assert upgrade(raw, native).startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" not in raw._received  # RFC 6455, section 1.3
        assert raw.ended()
        assert b"\x89\x04" in raw._received  # a ping
        assert b"\x03\xf3keepalive ping timeout" in raw._received  # 1011


def watchers(native: Native) -> float:
    found = native.ask("GET", "/metrics").body.decode()
    (line,) = [line for line in found.splitlines() if line.startswith("howdah_watchers ")]
    return float(line.split()[1])


def test_who_does_not_read_is_let_go_of_and_who_reads_gets_everything(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.published(f"{folder}/a", b"x")["space"]
    with watching(native) as events:
        before = events.next()["change"]
    count = 9_000
    with catalogue(shared) as rows:
        rows.executemany(
            "INSERT INTO changes (space_id, time_ns, kind, path) VALUES (?, 1, 'published', ?)",
            [(space, f"{folder}/{number}/{'x' * 1000}") for number in range(count)],
        )
    parts = urlsplit(native.url)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((parts.hostname, parts.port))
        lines = [
            f"GET {API}/events?since={before} HTTP/1.1", f"Host: {parts.netloc}",
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Authorization: Bearer {native.token}",
        ]  # fmt: skip
        slow.sendall("\r\n".join([*lines, "", ""]).encode())
        while watchers(native) == 0:
            pass  # the time limit of the test ends it
        with watching(native, since=before) as events:
            told = events.changes(count)
        assert [each["number"] for each in told] == [before + n + 1 for n in range(count)]
        while watchers(native) > 0:
            pass  # the time limit of the test ends it


def test_who_has_missed_too_much_is_told_to_look_again(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.published(f"{folder}/a", b"x")["space"]
    with catalogue(shared) as rows:
        rows.executemany(
            "INSERT INTO changes (space_id, time_ns, kind, path) VALUES (?, 1, 'published', 'x')",
            [(space,)] * 10_001,
        )
        ((last,),) = rows.execute("SELECT max(number) FROM changes")
    with watching(native, since=0) as events:
        assert events.until("resync")["change"] == last
    # What was recorded is let go of one day: then what is asked for is not there any more.
    with catalogue(shared) as rows:
        rows.execute("DELETE FROM changes WHERE number <= ?", (last - 3,))
    with watching(native, since=last - 4) as events:
        assert events.until("resync")["change"] == last
    with watching(native, since=last - 3) as events:
        assert [told["number"] for told in events.changes(3)] == [last - 2, last - 1, last]


def test_an_upgrade_that_is_none_is_refused_and_holds_nothing(native: Native) -> None:
    crooked: list[dict[str, str | int]] = [
        {"Sec_WebSocket_Key": "x"},
        {"Sec_WebSocket_Version": 7},
        {f"X-{number}": "x" for number in range(200)},
        {"X-Long": "x" * 9000},
    ]
    for headers in crooked:
        with Raw(native.url) as raw:
            first = upgrade(raw, native, **headers).split(b"\r\n")[0]
            assert first.split()[1] in (b"400", b"426", b"431"), (headers, first)
            assert raw.ended()


def test_an_upgrade_elsewhere_is_answered_as_the_plain_request_that_it_is(native: Native) -> None:
    for target, status in (("/healthz", 200), (f"{API}/files", 200), (f"{API}/eventz", 404)):
        with Raw(native.url) as raw:
            raw.head(
                "GET", target, Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version=13,
                Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
                Authorization=f"Bearer {native.token}",
            )  # fmt: skip
            assert raw.answer().status == status


def test_sockets_that_are_gone_leave_no_connection_counted(short_path: Path) -> None:
    env = {"HOWDAH_RECEIVER_CONNECTIONS_PER_ADDRESS": "6"}
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as device,
    ):
        for _ in range(12):
            with watching(device) as events:
                events.next()
        assert device.listing().status == 200
