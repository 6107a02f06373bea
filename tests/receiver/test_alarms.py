"""Alarms: told once when they begin and once when they are over, whatever the network does meanwhile."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from howdah_receiver.app import Receiver
from howdah_receiver.cli.options import settings_from
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.watching import notices
from howdah_receiver.watching.alarms import GRACE_SECONDS, HOUR_NS, Alarms
from howdah_receiver.watching.notices import KEPT_SECONDS, PAUSES_SECONDS, SECOND_NS, Webhook
from kit.native import Native, home, random_content, rot
from kit.ports import free_port
from kit.receiver import running_receiver
from kit.watchers import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SECRET = "T0000-B0000-the-secret-of-this-webhook"
GOES_ON = threading.Event()
"""Never set: nobody stops."""


@dataclass
class Hook:
    """A webhook on loopback, and what came to it. `answers`: the next statuses, then 200."""

    port: int = 0
    came: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{SECRET}"

    def taken(self, handler: BaseHTTPRequestHandler, body: bytes) -> int:
        with self.news:
            assert handler.headers["content-type"] == "application/json"
            self.came.append(json.loads(body))
            self.paths.append(handler.path)
            self.news.notify_all()
            return self.answers.popleft() if self.answers else 200

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.came) >= count, 30), self.came
            return list(self.came)


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = hook.taken(self, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", f"http://127.0.0.1:{hook.port}/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Watch:
    """A receiver's alarms, with a clock of the test's."""

    receiver: Receiver
    hook: Hook
    now_ns: int = 0
    free_bytes: int = 10**12
    up_seconds: float = GRACE_SECONDS

    def __post_init__(self) -> None:
        self.now_ns = time.time_ns()
        self.alarms = Alarms(
            self.receiver.catalogue,
            free_bytes=lambda: self.free_bytes,
            alarm_free_bytes=10**9,
            now_ns=lambda: self.now_ns,
            uptime=lambda: self.up_seconds,
        )
        self.webhook = self.webhook_to(self.hook.url)

    def webhook_to(self, url: str | None) -> Webhook:
        return Webhook(
            self.receiver.catalogue, url, now_ns=lambda: self.now_ns, timeout_seconds=5
        )  # fmt: skip

    def sweep(self) -> list[str]:
        """What the webhook is told of what is to be told now, by kind."""
        before = len(self.hook.came)
        self.alarms.run(GOES_ON)
        self.webhook.run(GOES_ON)
        return [each["kind"] for each in self.hook.came[before:]]

    def later(self, hours: float) -> None:
        self.now_ns += int(hours * HOUR_NS)

    def waiting(self) -> int:
        with self.receiver.catalogue.read() as connection:
            return int(
                connection.exec_driver_sql("SELECT count(*) FROM notices").scalar_one()
            )  # fmt: skip

    def write(self, statement: str, *values: object) -> None:
        with self.receiver.catalogue.write() as connection:
            connection.exec_driver_sql(statement, values)

    def arrive(self) -> None:
        self.write("UPDATE devices SET arrived_ns = ?", self.now_ns)


@pytest.fixture
def watch(short_path: Path, hook: Hook) -> Iterator[Watch]:
    """With one device, a camera's box, whose alarm is set to 24 hours."""
    receiver = Receiver(Settings(data=short_path / "data"))
    try:
        receiver.accounts.pairing.pair(receiver.accounts.new_code(), "camera\n\u202e")
        watch = Watch(receiver, hook)
        watch.write("UPDATE devices SET alarm_hours = 24, name = ?", "camera\n\u202e")
        yield watch
    finally:
        receiver.stop()


# -- devices


def test_a_device_that_is_silent_for_too_long_is_told_once(watch: Watch) -> None:
    watch.later(-1)
    watch.arrive()
    watch.later(23.9)
    assert watch.sweep() == []
    watch.later(0.2)
    assert watch.sweep() == ["device_silent"]
    (told,) = watch.hook.came
    assert told["text"].startswith("Nothing arrived from camera\n\u202e (owner) for 24 hours;")
    assert (told["device"], told["account"], told["hours"]) == ("camera\n\u202e", "owner", 24)
    assert told["last_arrived"].endswith("Z")
    assert told["last_arrived"] in told["text"]
    assert told["receiver"]
    watch.later(100)
    assert watch.sweep() == []


def test_it_is_told_when_it_is_back_and_again_when_it_is_gone(watch: Watch) -> None:
    watch.later(25)
    assert watch.sweep() == ["device_silent"]
    watch.later(1)
    watch.arrive()
    assert watch.sweep() == ["device_back"]
    assert watch.sweep() == []
    watch.later(24)
    assert watch.sweep() == ["device_silent"]


def test_a_device_that_never_sent_is_silent_since_it_was_paired(watch: Watch) -> None:
    watch.later(24.1)
    assert watch.sweep() == ["device_silent"]
    assert watch.hook.came[0]["last_arrived"] is None
    assert "no file ever came" in watch.hook.came[0]["text"]


def test_after_a_start_a_device_has_time_to_come_back(watch: Watch) -> None:
    watch.later(48)
    watch.up_seconds = GRACE_SECONDS - 1
    assert watch.sweep() == []
    watch.arrive()
    watch.up_seconds += 2
    assert watch.sweep() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE devices SET alarm_hours = NULL",
        "UPDATE devices SET revoked_ns = 1",
        "UPDATE accounts SET disabled = 1",
    ],
)
def test_who_is_not_watched_is_not_told_of(watch: Watch, statement: str) -> None:
    watch.write(statement)
    watch.later(100)
    assert watch.sweep() == []


def test_a_publication_is_an_arrival_from_that_device(short_path: Path) -> None:
    with running_receiver(short_path / "data") as receiver, Native.paired_with(receiver) as device:

        def arrived() -> int | None:
            with catalogue(receiver) as rows:
                ((found,),) = rows.execute("SELECT arrived_ns FROM devices")
            return None if found is None else int(found)

        content = random_content(1000)
        upload = device.sent("a", content)
        assert arrived() is None
        device.complete(upload, content)
        first = arrived()
        assert first is not None
        assert abs(first - time.time_ns()) < 60 * SECOND_NS
        # The very same again is an arrival, too: the device does its work.
        device.published("a", content)
        assert (arrived() or 0) > first


# -- the way to the webhook


@pytest.mark.parametrize("status", [500, 404, 302, 307, 429])
def test_what_is_not_taken_is_told_again_later_and_over_restarts(watch: Watch, status: int) -> None:
    watch.hook.answers.extend([status] * 3)
    watch.later(25)
    assert watch.sweep() == ["device_silent"]
    assert watch.sweep() == []  # not before its pause is over
    for pause in PAUSES_SECONDS[:2]:
        assert watch.waiting() == 1
        watch.later(pause / 3600)
        watch.webhook = watch.webhook_to(watch.hook.url)  # as after a restart
        assert watch.sweep() == ["device_silent"]
    watch.later(PAUSES_SECONDS[2] / 3600)
    assert watch.sweep() == ["device_silent"]
    assert watch.waiting() == 0
    assert set(watch.hook.paths) == {f"/hooks/{SECRET}"}  # and nowhere else
    assert len({each["time_ns"] for each in watch.hook.came}) == 1


def test_a_webhook_that_is_down_keeps_the_order(watch: Watch) -> None:
    watch.webhook = watch.webhook_to(f"http://127.0.0.1:{free_port()}/{SECRET}")
    watch.later(25)
    assert watch.sweep() == []
    watch.later(1)
    watch.arrive()
    assert watch.sweep() == []
    assert watch.waiting() == 2
    watch.later(1)
    watch.webhook = watch.webhook_to(watch.hook.url)
    assert watch.sweep() == ["device_silent", "device_back"]


def test_a_clock_that_goes_back_does_not_silence_it(watch: Watch) -> None:
    watch.hook.answers.append(500)
    watch.later(25)
    assert watch.sweep() == ["device_silent"]
    watch.later(-10_000)
    assert watch.sweep() == ["device_silent"]


def test_what_nobody_takes_for_a_week_is_let_go(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.hook.answers.extend([500, 500])
    watch.later(25)
    assert watch.sweep() == ["device_silent"]
    watch.later(KEPT_SECONDS / 3600)
    assert watch.sweep() == ["device_silent"]
    assert watch.waiting() == 0
    assert "was never told of 'device_silent'" in caplog.text


def test_the_address_is_in_no_log(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watch.later(25)
    for url in (f"http://127.0.0.1:{free_port()}/{SECRET}", f"http://no-host.invalid/{SECRET}",
                f"http://127.0.0.1:1/{SECRET}"):  # fmt: skip
        watch.webhook = watch.webhook_to(url)
        watch.sweep()
        watch.later(1)
    assert "the webhook at 127.0.0.1 cannot be told" in caplog.text
    assert "the webhook at no-host.invalid cannot be told" in caplog.text
    assert SECRET not in caplog.text


def test_without_a_webhook_the_log_tells(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    watch.webhook = watch.webhook_to(None)
    watch.later(25)
    assert watch.sweep() == []
    assert watch.waiting() == 0
    assert "Nothing arrived from camera" in caplog.text


def test_there_is_an_end_to_what_waits(watch: Watch) -> None:
    with watch.receiver.catalogue.write() as connection:
        for number in range(notices.MOST_WAITING + 3):
            notices.put(connection, "test", str(number))
    assert watch.waiting() == notices.MOST_WAITING
    watch.webhook.run(GOES_ON)
    assert [each["text"] for each in watch.hook.came] == [
        str(number) for number in range(3, notices.MOST_WAITING + 3)
    ]


# -- disk and damage


def test_a_disk_that_is_almost_full_is_told_once_and_when_it_has_room_again(watch: Watch) -> None:
    watch.free_bytes = 10**9 - 1
    assert watch.sweep() == ["disk_almost_full"]
    assert watch.hook.came[0]["free_bytes"] == 10**9 - 1
    watch.free_bytes = 10**9 + 1  # to and fro about the line
    assert watch.sweep() == []
    watch.free_bytes = 5 * 10**8
    assert watch.sweep() == []
    watch.free_bytes = 2 * 10**9
    assert watch.sweep() == ["disk_has_room"]
    assert watch.hook.came[1]["text"] == "The disk has 2.0 GB again."


def test_a_receiver_tells_its_webhook(short_path: Path, hook: Hook) -> None:
    env = {
        "HOWDAH_RECEIVER_ALARM_WEBHOOK": hook.url,
        "HOWDAH_RECEIVER_ALARM_FREE_BYTES": str(2**60),
    }
    with running_receiver(short_path / "data", env=env) as receiver:
        (told,) = hook.wait_for(1)
        assert told["kind"] == "disk_almost_full"
        with Native.paired_with(receiver) as device:
            file = device.published("a", random_content(100_000))
            device.digested(file["id"])
            rot(home(receiver) / "a")
            for _ in range(2):
                assert device.verify_file(file["id"]).json["ok"] is False
        receiver.restart()
        _, damage = hook.wait_for(2)
        receiver.stop()
        assert (damage["kind"], damage["path"]) == ("damage_found", "a")
        with (
            catalogue(receiver) as rows,
            closing(
                rows.execute("SELECT count(*) FROM audit WHERE what = 'damage_found'")
            ) as found,
        ):
            assert found.fetchone() == (1,)
        assert SECRET not in receiver.process.stderr.text
    assert len(hook.came) == 2


@pytest.mark.parametrize("url", ["hooks.example.org/x", "ftp://example.org", "http://x:0"])
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(StartRefused, match="alarm_webhook") as caught:
        settings_from(alarm_webhook=url)
    assert "example.org" not in str(caught.value)
    assert "an http or https address" in caught.value.remedy
