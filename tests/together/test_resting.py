"""Uploads that rest at the receiver and go on, quotas that are used up: the client goes on by itself."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from kit.services import catalogue, set_quota
from together.carriage import MB, Carriage, carriage, finished, rows, same, wait_until, write_random

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 6 * MB
SLOW = 2 * MB


@pytest.fixture
def restless(own_machine: Path) -> Iterator[Carriage]:
    """A receiver that waits for nobody."""
    env = {
        "HOWDAH_RECEIVER_UPLOAD_IDLE_SECONDS": "1",
        "HOWDAH_RECEIVER_UPLOAD_RECOVERY_SECONDS": "1 h",
    }
    with carriage(own_machine, receiver_env=env) as whole:
        yield whole


def state(way: Carriage) -> str:
    ((found,),) = catalogue(way.receiver.data, "SELECT state FROM uploads")
    return str(found)


@pytest.mark.parametrize("end", ["killed", "frozen"])
def test_an_upload_that_rests_goes_on_where_it_was(restless: Carriage, end: str) -> None:
    way = restless
    source = write_random(way.folder / "film.bin", SIZE)
    way.link.rate_bytes_per_second = SLOW
    sending = way.client.start("send", source)
    way.link.wait_for(lambda: way.link.up_bytes > SIZE // 2)
    sending.send(signal.SIGKILL if end == "killed" else signal.SIGSTOP)
    wait_until(lambda: state(way) == "expired", "it rests")
    way.link.rate_bytes_per_second = None
    if end == "killed":
        way.mark()
        way.run("resume")
        assert way.up < SIZE * 0.7, "what had come is not sent again"
    else:
        sending.send(signal.SIGCONT)
        finished(sending)
    assert same(source, way.stored("film.bin"))
    assert state(way) == "published"


def test_a_rate_slows_a_client_down_and_costs_it_nothing(own_machine: Path) -> None:
    env = {"HOWDAH_RECEIVER_ACCOUNT_RATE_BYTES_PER_SECOND": "1 MB"}
    with carriage(own_machine, receiver_env=env) as way:
        source = write_random(way.folder / "film.bin", 3 * MB)
        way.mark()
        began = time.monotonic()
        way.run("send", source)
        assert time.monotonic() - began > 2.5
        assert way.up < 3.1 * MB, "nothing is sent twice"
        assert same(source, way.stored("film.bin"))


def test_a_quota_that_is_used_up_is_waited_for(way: Carriage) -> None:
    source = write_random(way.folder / "large.bin", SIZE)
    small = write_random(way.folder / "small.bin", MB)
    set_quota(way.receiver, "accounts", size=2 * MB)
    way.mark()
    sending = way.client.start("send", source, small)
    sending.wait_for(r"^waiting .*\(quota_exceeded\)$")
    sending.wait_for(r"^done +small.bin")
    assert way.up < 2 * MB, "it is known before the bytes are sent"
    assert [row["code"] for row in rows(way.client)] == ["quota_exceeded"]
    set_quota(way.receiver, "accounts", size=None)
    way.client.run("resume")
    finished(sending)
    assert same(source, way.stored("large.bin"))
