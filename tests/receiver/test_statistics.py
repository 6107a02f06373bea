"""Statistics: what is told is what is there, quickly, however much there is."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.messages import API
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue.uploads import DAY_NS
from howdah_receiver.settings import Settings
from howdah_receiver.uploads.speeds import Speeds
from howdah_receiver.watching.statistics import Counts
from kit.native import SMALL_CHUNK, Native, random_content
from kit.receiver import running_receiver
from kit.watchers import CATALOGUE, account_of, add_account, add_device, catalogue, set_role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

FRIDAY = 20_000 * DAY_NS + 1000 * 10**9
"""2024-10-04, a while after midnight."""


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as paired:
        yield paired


def figures(device: Native) -> Any:
    answer = device.get("/statistics")
    assert answer.status == 200, answer
    return answer.json["figures"]


def test_what_comes_what_came_and_what_is_kept(device: Native, receiver: RunningReceiver) -> None:
    nothing = figures(device)
    assert nothing["uploads"] == {"count": 0, "size": 0, "received_bytes": 0}
    assert set(nothing["stored"].values()) == {0}
    device.published("a", b"12345")
    device.published("a", b"123")
    device.published("b", b"1234567")
    content = random_content(3 * SMALL_CHUNK)
    upload = device.started("c", content)
    device.stream(upload, content.stream([0, 2]))
    unknown = device.started("d", None)
    device.stream(unknown, content.stream([0]))
    found = figures(device)
    assert found["uploads"] == {
        "count": 2,
        "size": content.size,
        "received_bytes": 3 * SMALL_CHUNK,
    }
    assert found["today"] == found["week"] == {"files": 3, "bytes": 15}
    stored = found["stored"]
    assert (stored["bytes"], stored["files"]) == (10, 2)
    assert (stored["versions"], stored["version_bytes"]) == (1, 5)
    assert stored["reserved_bytes"] >= content.size
    assert found["speed"]["hour_bytes"] == 15 + 3 * SMALL_CHUNK
    assert found["speed"]["hour_bytes_per_second"] > 0
    device.cancel(upload)
    device.cancel(unknown)
    after = figures(device)
    assert after["uploads"] == nothing["uploads"]
    assert after["stored"]["reserved_bytes"] == 0
    assert (after["stored"]["bytes"], after["stored"]["files"]) == (10, 2)


def test_the_trash_is_counted_beside_what_stands(device: Native) -> None:
    file = device.published("a/b", b"12345")
    device.published("a/c", b"123")
    assert device.ask("DELETE", f"{API}/files/{file['id']}").status == 200
    stored = figures(device)["stored"]
    assert (stored["trash_bytes"], stored["trash_files"]) == (5, 1)
    assert (stored["bytes"], stored["files"]) == (3, 1)
    assert device.ask("DELETE", f"{API}/trash").status in (200, 202, 204)
    while (stored := figures(device)["stored"])["bytes"] != 3:
        pass  # the time limit of the test ends it
    assert (stored["trash_bytes"], stored["trash_files"], stored["files"]) == (0, 0, 1)


def test_figures_are_there_after_a_crash(device: Native, receiver: RunningReceiver) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = device.started("c", content)
    device.stream(upload, content.stream([0, 2]))
    device.published("a", b"12345")
    before = figures(device)
    receiver.kill()
    receiver.restart()
    after = figures(device)
    assert {**after, "speed": None} == {**before, "speed": None}
    assert device.complete(upload, content).code == "upload_incomplete"
    device.stream(upload, content.stream([1]))
    assert device.complete(upload, content).status == 201
    assert figures(device)["uploads"]["received_bytes"] == 0


def test_an_administrator_sees_all_accounts_and_their_sum(
    device: Native, receiver: RunningReceiver
) -> None:
    account = add_account(receiver, "second")
    device.published("a", b"12345")
    with add_device(receiver, account) as second:
        second.published("b", b"123")
        second.published("b", b"1")
        own = second.get("/statistics").json
        assert "accounts" not in own
        assert own["figures"]["today"] == {"files": 2, "bytes": 4}
        assert second.get("/statistics", {"all": "true"}).code == "not_found"
    found = device.get("/statistics", {"all": "true"}).json
    assert [(row["name"], row["figures"]["stored"]["bytes"]) for row in found["accounts"]] == [
        ("owner", 5),
        ("second", 1),
    ]
    assert found["accounts"][1]["account"] == account
    assert found["figures"]["today"] == {"files": 3, "bytes": 9}
    assert found["figures"]["stored"]["versions"] == 1
    assert found["free_bytes"] > 0


def test_what_a_member_puts_into_anothers_space_is_stored_with_that(
    device: Native, receiver: RunningReceiver
) -> None:
    space = device.published("a", b"1")["space"]
    account = add_account(receiver, "second")
    set_role(receiver, space, account, "writer")
    with add_device(receiver, account) as second:
        second.published("b", b"12345", space=space)
        theirs = figures(second)
    assert (theirs["today"]["bytes"], theirs["stored"]["bytes"]) == (5, 0)
    ours = figures(device)
    assert (ours["today"]["bytes"], ours["stored"]["bytes"]) == (1, 6)


def test_a_limited_device_sees_none_of_it(device: Native, receiver: RunningReceiver) -> None:
    account = account_of(receiver, device)
    space = device.published("a", b"1")["space"]
    for limits in ({"send_only": True}, {"space": space}):
        with add_device(receiver, account, **limits) as limited:
            assert limited.get("/statistics").code == "not_allowed"
            assert limited.get("/statistics", {"all": "true"}).code == "not_allowed"
    assert device.get("/statistics", {"all": "perhaps"}).code == "bad_request"


def test_days_are_those_of_utc_and_weeks_begin_on_monday(short_path: Path) -> None:
    receiver = Receiver(Settings(data=short_path / "data"))
    try:
        with receiver.catalogue.write() as connection:
            ((account, name),) = connection.exec_driver_sql("SELECT id, name FROM accounts").all()
            for days in range(12):
                connection.exec_driver_sql(
                    "INSERT INTO arrivals VALUES (?, ?, 1, ?)", (20_000 - days, account, 10**days)
                )
        caller = Caller(account, name, True, "device", "device")

        def seen(now_ns: int) -> tuple[int, int]:
            counts = Counts(receiver.catalogue, Speeds(), lambda: 0, lambda: now_ns)
            found = counts.own(caller).figures
            return found.today.bytes, found.week.bytes

        assert seen(FRIDAY) == (1, 11111)  # Friday back to Monday
        assert seen(FRIDAY - FRIDAY % DAY_NS - 1) == (10, 11110)  # the last of Thursday
        assert seen(FRIDAY + DAY_NS) == (0, 11111)  # Saturday
        assert seen(FRIDAY + 3 * DAY_NS) == (0, 0)  # Monday
    finally:
        receiver.stop()


def test_speeds_are_of_ten_seconds_and_of_an_hour() -> None:
    now = 1000.0
    speeds = Speeds(lambda: now)
    for _ in range(4):
        speeds.add("a", 500)
        now += 1
    assert speeds.of("a").bytes_per_second == 200
    assert (speeds.of("a").hour_bytes, speeds.of("a").hour_bytes_per_second) == (2000, 500)
    now += 10
    assert speeds.of("a").bytes_per_second == 0
    assert speeds.of("a").hour_bytes_per_second == 500
    now += 3600
    assert speeds.of("a").hour_bytes == 0
    assert speeds.of("b").hour_bytes == 0


def test_a_million_files_take_no_longer(short_path: Path) -> None:
    """What is counted is not gone through: every query is answered from an index or a few rows."""
    with running_receiver(short_path / "data") as receiver, Native.paired_with(receiver) as device:
        device.published("a", b"1")
        device.get("/statistics")
        with catalogue(receiver) as rows:
            rows.execute(
                "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS"
                " (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT i FROM n"
            )
            rows.execute(
                "INSERT INTO uploads (id, account_id, client_id, space_id, path, modified_ns, algorithm,"
                " chunk_bytes, state, start_body, started_ns, suspect, ended_ns)"
                " SELECT hex(i), account_id, hex(i), space_id, path, 0, 'blake3', 65536, 'published',"
                " x'', 0, 0, ended_ns FROM uploads, n"
            )
        best = 9.0
        for _ in range(5):
            began = time.perf_counter()
            assert device.get("/statistics", {"all": "true"}).status == 200
            best = min(best, time.perf_counter() - began)
        assert best < 0.05


def test_the_tallies_are_those_of_the_rows(device: Native, receiver: RunningReceiver) -> None:
    for number in range(4):
        device.published("a", b"1" * (number + 1))
        device.published(f"b/{number}", b"x")
    content = random_content(5 * SMALL_CHUNK)
    upload = device.started("c", content)
    device.stream(upload, content.stream([0, 3, 4]))
    receiver.stop()
    with closing(sqlite3.connect(receiver.data / CATALOGUE)) as rows:
        for tally, counted in (
            ("kept_bytes", "SELECT sum(size) FROM versions WHERE place = 'kept'"),
            ("kept_versions", "SELECT count(*) FROM versions WHERE place = 'kept'"),
        ):
            assert rows.execute(f"SELECT sum({tally}) FROM spaces").fetchone() == (
                rows.execute(counted).fetchone()
            )
        assert rows.execute("SELECT sum(received_bytes) FROM uploads").fetchone() == (
            rows.execute("SELECT sum(length) FROM chunks").fetchone()
        )
