"""While many try everything at once, others are answered within a second, and nothing is left behind."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.native import random_content
from kit.raw_http import Raw, is_alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from kit.native import Native
    from kit.receiver import RunningReceiver

ATTACKERS = 30
"""Of each kind, each kind from an address of its own."""


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"HOWDAH_RECEIVER_HEADER_SECONDS": "5", "HOWDAH_RECEIVER_BODY_IDLE_SECONDS": "5"}


def _slow_head(raw: Raw) -> None:
    raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")


def _idle(raw: Raw) -> None:
    raw.send(b"")


def _slow_body(raw: Raw) -> None:
    raw.head("POST", "/api/v1/pair", Content_Type="application/json", Content_Length=1000)
    raw.send(b'{"code": "')


def _endless_body(raw: Raw) -> None:
    raw.head("POST", "/api/v1/pair", Transfer_Encoding="chunked")
    for _ in range(64):
        raw.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _oversized_head(raw: Raw) -> None:
    raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"y" * 500_000)


def _announced_too_much(raw: Raw) -> None:
    raw.head("POST", "/api/v1/pair", Content_Type="application/json", Content_Length=10**18)


def _smuggled(raw: Raw) -> None:
    raw.head("POST", "/healthz", Content_Length=5, Transfer_Encoding="chunked")
    raw.send(b"0\r\n\r\nGET /api/v1/files HTTP/1.1\r\nHost: x\r\n\r\n")


def _guesses(raw: Raw) -> None:
    body = b'{"code": "AAAA-AAAA-AAAA", "device_name": "x"}'
    head = raw.head_bytes(
        "POST", "/api/v1/pair", Content_Type="application/json", Content_Length=len(body)
    )
    raw.send((head + body) * 20)


KINDS: tuple[Callable[[Raw], None], ...] = (
    _slow_head, _idle, _slow_body, _endless_body, _oversized_head, _announced_too_much, _smuggled,
    _guesses,
)  # fmt: skip


def test_others_are_answered_while_many_try_everything_at_once(
    shared: RunningReceiver, native: Native, folder: str
) -> None:
    before = _memory(shared)
    with ExitStack() as stack:
        for number, attack in enumerate(KINDS):
            for _ in range(ATTACKERS):
                raw = stack.enter_context(Raw(shared.url, source=f"127.0.0.{20 + number}"))
                with suppress(OSError):  # cut off at once is right for some of them
                    attack(raw)
        took = [_health_seconds(shared) for _ in range(40)]
        native.published(f"{folder}/a", random_content(1_000_000))
    assert statistics.median(took) < 0.2, took
    assert sorted(took)[-3] < 1.0, took
    assert _memory(shared) - before < 64 * 1024, "KiB more than before"


def _health_seconds(receiver: RunningReceiver) -> float:
    began = time.monotonic()
    assert is_alive(receiver.url, 30, source="127.0.0.9")
    return time.monotonic() - began


def _memory(receiver: RunningReceiver) -> int:
    """Resident, in KiB."""
    pages = int(Path(f"/proc/{receiver.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
