"""Limits of uploads: size, number and rate, the floor of the disk, and what `GET /uploads` shows of them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.api.rates import Rates
from howdah_receiver.uploads.activity import Activity
from howdah_receiver.uploads.admission import Admission, Limits
from kit.native import SMALL_CHUNK, Native, random_content
from kit.raw_http import is_alive
from kit.receiver import running_receiver
from kit.services import catalogue, services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

KIB = 1024
MIB = 1024 * KIB
MOST = 10 * SMALL_CHUNK


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "HOWDAH_RECEIVER_UPLOAD_MOST_BYTES": str(MOST),
        "HOWDAH_RECEIVER_UPLOADS_MOST_OPEN": "20",
    }


@pytest.fixture(autouse=True)
def _none_is_left_open(native: Native) -> Iterator[None]:
    yield
    for row in native.uploads().json["uploads"]:
        native.cancel(row["id"])


# -- size


def test_what_is_too_large_is_refused_before_the_bytes(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    answer = native.start(f"{folder}/a", None, size=MOST + 1)
    assert (answer.status, answer.code) == (413, "upload_too_large")
    assert str(MOST) in answer.json["detail"]
    assert os.listdir(shared.data / "parts") == []
    assert native.start(f"{folder}/a", None, size=MOST).status == 201


def test_what_grows_too_large_is_refused_where_it_does(native: Native, folder: str) -> None:
    content = random_content(MOST + 1)
    upload = native.started(f"{folder}/a", None)
    answer = native.stream(upload, content.stream())
    assert (answer.status, answer.code) == (413, "upload_too_large")
    assert native.received(upload) == set(range(10))
    assert native.put(upload, 10, content.chunk(10)).code == "upload_too_large"


# -- number


def test_no_more_are_open_at_once_than_may_be(native: Native, folder: str) -> None:
    content = random_content(5)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda n: native.start(f"{folder}/{n}", content), range(40)))
    assert sorted(answer.status for answer in answers) == [201] * 20 + [429] * 20
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.code == "too_many_uploads"
    assert int(refused.headers["retry-after"]) == 10
    (first, *_) = [answer.json["id"] for answer in answers if answer.status == 201]
    native.stream(first, content.stream())
    assert native.complete(first, content).status == 201
    assert native.start(f"{folder}/more", content).status == 201


def test_no_more_are_begun_in_a_minute_than_may_be(short_path: Any) -> None:
    with services(short_path / "data", uploads_per_minute=2) as inside:
        first = inside.start("a", None)
        inside.start("b", None)
        with pytest.raises(ProblemError, match="too_many_uploads") as caught:
            inside.start("c", None)
        assert 0 < caught.value.extra["retry_after_seconds"] <= 61
        # One that was begun may be asked for again.
        assert inside.start("a", None, client_id=first.client_id).id == first.id


def test_each_account_has_its_own_minute() -> None:
    now = 100.0
    admission = Admission(Limits(per_minute=2), clock=lambda: now)
    for account in ("one", "two", "one", "two"):
        admission._take_turn(account)
    for account in ("one", "two"):
        with pytest.raises(ProblemError, match="too_many_uploads"):
            admission._take_turn(account)
    now += 59.9
    with pytest.raises(ProblemError, match="too_many_uploads"):
        admission._take_turn("one")
    now += 0.2
    admission._take_turn("one")
    assert set(admission._begun) == {"one"}  # nothing is kept of who begins nothing


# -- rate


def test_a_rate_slows_and_fails_nothing(short_path: Any) -> None:
    env = {"HOWDAH_RECEIVER_ACCOUNT_RATE_BYTES_PER_SECOND": "2 MiB"}
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as native,
    ):
        content = random_content(3 * MIB, MIB)
        uploads = [native.started(f"{n}", content) for n in range(2)]
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            sending = [pool.submit(native.stream, one, content.stream()) for one in uploads]
            assert is_alive(receiver.url)  # nobody else waits
            answers = [one.result() for one in sending]
        seconds = time.monotonic() - began
        assert [answer.status for answer in answers] == [200, 200]
        assert seconds > 6 / 2 * 0.9
        assert native.complete(uploads[0], content).status == 201


def passed(rates: Rates, senders: dict[str, int], seconds: float) -> dict[str, int]:
    """Bytes that each account got through with so many connections."""
    got = dict.fromkeys(senders, 0)

    async def send(account: str) -> None:
        while True:
            await rates.passed(account, 32 * KIB)
            got[account] += 32 * KIB

    async def run() -> None:
        tasks = [
            asyncio.create_task(send(account))
            for account, count in senders.items()
            for _ in range(count)
        ]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    return got


def test_the_whole_rate_is_shared_by_accounts_and_not_by_connections() -> None:
    got = passed(Rates(all_bytes_per_second=8 * MIB), {"many": 20, "one": 1}, 0.5)
    assert 2 * MIB < sum(got.values()) < 6 * MIB
    assert got["one"] > 0.3 * sum(got.values())


def test_an_account_has_its_rate_over_all_of_its_connections() -> None:
    got = passed(Rates(account_bytes_per_second=4 * MIB), {"many": 20, "one": 1}, 0.5)
    assert all(MIB < count < 3 * MIB for count in got.values()), got


def test_who_goes_away_while_it_waits_holds_up_nobody() -> None:
    async def run() -> None:
        rates = Rates(all_bytes_per_second=MIB)
        gone = asyncio.create_task(rates.passed("gone", 100 * MIB))
        await asyncio.sleep(0)
        here = asyncio.create_task(rates.passed("here", KIB))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(here, 5)

    asyncio.run(run())


# -- the floor


def test_the_floor_of_the_disk_is_left_free(short_path: Any) -> None:
    free = os.statvfs(short_path).f_bavail * os.statvfs(short_path).f_frsize
    with services(short_path / "data", free_floor_bytes=free - 64 * MIB) as inside:
        with pytest.raises(ProblemError, match="storage_full"):
            inside.start("a", None, size=MIB * 1024)
        assert list((inside.data / "parts").iterdir()) == []
        inside.start("a", None, size=MIB)
    with (
        services(short_path / "full", free_floor_bytes=free * 2) as inside,
        pytest.raises(ProblemError, match="storage_full"),
    ):
        inside.start("pipe", None)


# -- what is open


def test_what_is_open_is_listed_with_all_that_one_asks_about_it(
    native: Native, folder: str
) -> None:
    content = random_content(8 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.stream(range(2)))
    (row,) = native.uploads().json["uploads"]
    assert (row["id"], row["device"], row["received_bytes"]) == (upload, "test", 2 * SMALL_CHUNK)
    assert row["expires_ns"] > time.time_ns() + 6 * 24 * 3600 * 1e9
    assert row["bytes_per_second"] > 0
    assert 1 <= row["seconds_left"] <= 60
    assert "account" not in row
    (row,) = native.get("/uploads", {"all": "true"}).json["uploads"]
    assert (row["id"], row["account"]) == (upload, "owner")
    assert native.get("/uploads", {"all": "yes"}).code == "bad_request"
    assert native.get("/uploads", {"expired": "1"}).code == "bad_request"


def test_only_an_admin_sees_what_others_send(short_path: Any) -> None:
    with services(short_path / "data") as inside:
        mine = inside.start("mine", None).id
        catalogue(
            inside.data,
            "INSERT INTO accounts (id, name, role, created_ns) VALUES ('x', 'x', 'member', 0)",
        )
        catalogue(inside.data, "UPDATE uploads SET account_id = 'x'")
        live = inside.receiver.uploads.live
        assert live(inside.caller) == []
        assert [row.id for row in live(inside.caller, everyones=True)] == [mine]
        for change in ({"admin": False}, {"send_only": True}, {"space_id": "a"}):
            lesser = dataclasses.replace(inside.caller, **change)
            with pytest.raises(ProblemError, match="not_allowed"):
                live(lesser, everyones=True)


def test_speed_is_that_of_the_last_ten_seconds() -> None:
    now = 1000.0
    activity = Activity(clock=lambda: now)
    assert activity.bytes_per_second("a") == 0
    assert activity.idle_seconds("a") == float("inf")
    activity.came("a", 500)
    assert activity.bytes_per_second("a") == 500
    now += 4
    activity.came("a", 300)
    assert activity.bytes_per_second("a") == 200
    now += 7
    assert activity.bytes_per_second("a") == 30
    assert activity.idle_seconds("a") == 7
    now += 10
    assert activity.bytes_per_second("a") == 0
    activity.tidy(idle_seconds=3600)
    assert activity.idle_seconds("a") == 17
    activity.tidy(idle_seconds=5)
    assert activity.idle_seconds("a") == float("inf")
