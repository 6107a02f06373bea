"""Logs: one line an event, whatever is in it; no secrets; no floods."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from typing import TYPE_CHECKING

import pytest

from howdah_common.messages import API
from howdah_receiver import log
from howdah_receiver.log import MOST_A_MINUTE, OFTEN, AsJson, Calm, OneLine, escaped, shown
from kit.native import Native, code_in, random_content
from kit.raw_http import Raw
from kit.serving import served
from kit.watchers import watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENT = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) [a-z_.]+: .+"
)
HOSTILE = "evil\n2026-01-01 00:00:00.000Z INFO x: forged\r\x1b[31m\u202egpj.exe\u2028\u2066\x85"
MISLEADING = "\r\x1b\u202e\u2028\u2029\u2066\x85\x7f\u200f"


# -- how a line is written


class Lines:
    """What a logger writes, with a clock of the test's."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.now = 1000.0
        self._stream = io.StringIO()
        behind = logging.StreamHandler(self._stream)
        self.handler = Calm(behind, clock=lambda: self.now)
        self.handler.setFormatter(formatter)
        self.logger = logging.Logger("howdah_receiver.test")  # noqa: LOG001 - nobody else's
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")[:-1]


@pytest.fixture
def lines() -> Lines:
    return Lines(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))


def test_what_could_mislead_is_escaped(lines: Lines) -> None:
    lines.logger.info("named %s", HOSTILE)
    (line,) = lines.lines
    assert EVENT.fullmatch(line)
    assert not set(line) & set(MISLEADING)
    for escape in (r"\x0a", r"\x0d", r"\x1b", r"\u202e", r"\u2028", r"\u2066", r"\x85"):
        assert escape in line
    assert escaped("plain Ünïcode 文件") == "plain Ünïcode 文件"


def test_the_trace_of_a_mistake_looks_like_no_other_event(lines: Lines) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        lines.logger.exception("mistake with %s", HOSTILE)
    first, *trace = lines.lines
    assert EVENT.fullmatch(first)
    assert len(trace) > 3
    assert all(line.startswith("    | ") for line in trace)
    assert not set(lines.text) & set(MISLEADING)


def test_as_json_a_line_is_an_object() -> None:
    lines = Lines(AsJson())
    lines.logger.info("named %s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        lines.logger.exception("mistake")
    named, mistake = (json.loads(line) for line in lines.lines)
    assert named["message"] == f"named {HOSTILE}"
    assert (named["level"], named["from"]) == ("info", "howdah_receiver.test")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", named["time"])
    assert "ValueError" in mistake["trace"]
    assert lines.text.isascii()


def test_the_secret_of_a_link_is_in_no_path() -> None:
    assert shown("/s/abcdefgh") == "/s/*"
    assert shown("/s/abcdefgh/files/a/b") == "/s/*/files/a/b"
    assert shown("/mounted/s/abcdefgh/zip") == "/mounted/s/*/zip"
    assert shown("/api/v1/files") == "/api/v1/files"


# -- how many lines there are


def test_a_warning_that_comes_again_and_again_is_counted(lines: Lines) -> None:
    for number in range(MOST_A_MINUTE + 500):
        lines.logger.warning("the disk failed: %d", number)
    lines.logger.warning("something else")
    assert len(lines.lines) == MOST_A_MINUTE + 1
    lines.now += 61
    lines.logger.info("an hour passes")
    assert len(lines.lines) == MOST_A_MINUTE + 3
    assert lines.lines[-2].endswith("and 500 more like this within a minute: the disk failed: %d")
    lines.logger.warning("the disk failed: %d", 1)
    assert lines.lines[-1].endswith("the disk failed: 1")


def test_what_happens_is_told_each_time_but_not_what_strangers_cause(lines: Lines) -> None:
    for number in range(100):
        lines.logger.info("published %d", number)
        lines.logger.info("refused %d", number, extra=OFTEN)
    assert len(lines.lines) == 100 + MOST_A_MINUTE
    lines.handler.flush()
    assert "and 80 more like this" in lines.lines[-1]
    lines.handler.flush()
    assert len(lines.lines) == 101 + MOST_A_MINUTE


def test_what_is_remembered_is_bounded(lines: Lines) -> None:
    for number in range(5000):
        lines.logger.warning(f"one of many {number}")  # noqa: G004 - as some library might
    assert len(lines.lines) == 5000
    assert len(lines.handler._kinds) <= 1000


# -- what a receiver writes


def test_libraries_tell_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = logging.Manager(logging.RootLogger(logging.WARNING))
    names: dict[str | None, logging.Logger] = {None: manager.root}

    def named(name: str | None = None) -> logging.Logger:
        return names[name] if name in names else manager.getLogger(str(name))

    monkeypatch.setattr(logging, "getLogger", named)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    log.set_up(debug=True)
    assert manager.root.level == logging.DEBUG
    for name in ("httpx", "httpcore", "uvicorn.error", "websockets"):
        assert named(name).level == logging.WARNING


@pytest.fixture(params=["line", "json"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_whole_story_at_debug_holds_no_secret_and_one_line_an_event(
    short_path: Path, form: str
) -> None:
    scraper, hook = "the-scrapers-token-0123456789", "the-webhooks-secret-9876543210"
    env = {
        "HOWDAH_RECEIVER_METRICS_TOKEN": scraper,
        "HOWDAH_RECEIVER_ALARM_WEBHOOK": f"http://127.0.0.1:9/{hook}",
        "HOWDAH_RECEIVER_ALARM_FREE_BYTES": str(2**60),
        "HOWDAH_RECEIVER_LOG_FORMAT": form,
    }
    content = random_content(1000)
    with served(short_path / "data", "--debug", env=env) as receiver:
        first, second = code_in(receiver.link), code_in(receiver.new_link())
        with Native(receiver.url) as stranger:
            token = stranger.pair(first, f"box {HOSTILE}").json["token"]
            wrong = stranger.pair("AAAA-BBBB-CCCC")
            assert wrong.status == 403
        with Native(receiver.url, token) as device, Native(receiver.url, scraper) as prometheus:
            file = device.published("tree/ok", content)["id"]
            link = device.post(
                "/links", {"kind": "file", "file": file, "password": "open sesame 1"}
            )
            secret = link.json["url"].rpartition("/s/")[2]
            with Native(receiver.url) as guest:
                guest.ask("GET", f"/s/{secret}")
                guest.ask(
                    "GET", f"/s/{secret}/content", headers={"Howdah-Link-Password": "wrong 1"}
                )
                given = {"Howdah-Link-Password": "open sesame 1"}
                assert guest.ask("GET", f"/s/{secret}/content", headers=given).status == 200
            ticket = device.post("/events/ticket").json["ticket"]
            with Native(receiver.url) as page, watching(page, ticket=ticket) as events:
                device.published("tree/two", b"abc")
                events.until("change")
            assert prometheus.ask("GET", "/metrics").status == 200
            device.ask("GET", f"{API}/files?path=x&token={token}")
            device.start(f"tree/{HOSTILE}", content)
        with Native(receiver.url, token[:-1] + "~") as thief:
            assert thief.listing().status == 401
        for target in ("/%0d%0aforged", "/%E2%80%AEgpj", "/%1b%5b31m", "/s/" + "a" * 32):
            with Raw(receiver.url) as raw:
                raw.head("GET", target, Authorization=f"Bearer {token}")
                assert raw.answer().status == 404
                raw.head("GET", "/healthz", Authorization=f"Bearer {token}\x1b[31m")
                assert raw.answer().status == 400
        receiver.process.wait_for("cannot be told", stream="stderr")
        receiver.stop()
        said = receiver.process.stderr.text
        printed = receiver.process.stdout.text
    secrets_used = [token, token[:-1], second, scraper, hook, ticket, secret, "open sesame 1",
                    "wrong 1", "a" * 32, "AAAA-BBBB-CCCC"]  # fmt: skip
    for used in secrets_used:
        assert used not in said
        assert used not in printed
    assert first not in said  # it is printed, for its owner
    assert said.count("\n") > 20
    for line in said.splitlines():
        assert not set(line) & set(MISLEADING)
        if form == "json":
            assert json.loads(line)["message"]
        else:
            assert EVENT.fullmatch(line), line
    messages = "\n".join(_messages(said, form))
    for told in ("started on", "paired", "published 'tree/ok', 1000 bytes", "told to stop",
                 "stopped", "refused: GET /api/v1/files: not_signed_in",
                 "refused: POST /api/v1/pair: pairing_refused", "GET /s/* 404"):  # fmt: skip
        assert told in messages, told


def _messages(said: str, form: str) -> Iterator[str]:
    for line in said.splitlines():
        yield json.loads(line)["message"] if form == "json" else line


def test_without_debug_a_request_is_no_news(short_path: Path) -> None:
    with served(short_path / "data") as receiver:
        with Native.paired_with(receiver) as device:
            for _ in range(5):
                device.listing()
            device.published("a", b"abc")
        with Native(receiver.url, "garbage") as stranger:
            for _ in range(MOST_A_MINUTE + 30):
                stranger.listing()
        receiver.stop()
        said = receiver.process.stderr.lines
    assert len([line for line in said if "refused: GET" in line]) == MOST_A_MINUTE
    assert "and 30 more like this" in "\n".join(said)
    assert len(said) == MOST_A_MINUTE + 6, said
