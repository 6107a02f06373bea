"""The audit log: what matters to an owner is written down with it, and administrators can look."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import Asking, What, asked_by
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.cli.app import app
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from kit.native import Native, code_in
from kit.receiver import running_receiver
from kit.watchers import account_of, add_account, add_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

STOPS = threading.Event()


@pytest.fixture
def alone(short_path: Path) -> Iterator[Receiver]:
    """A receiver without a server."""
    receiver = Receiver(Settings(data=short_path / "data"))
    yield receiver
    receiver.stop()


def noted(receiver: Receiver, **query: Any) -> list[audit.Entry]:
    with receiver.catalogue.read() as connection:
        return audit.page(connection, **query)


def note(receiver: Receiver, what: What, **detail: Any) -> None:
    with receiver.catalogue.write() as connection:
        audit.note(connection, what, **detail)


# -- what is written


def test_pairing_is_noted_with_who_and_from_where(native: Native, shared: RunningReceiver) -> None:
    with Native(shared.url) as stranger:
        assert stranger.pair("AAAA-BBBB-CCCC").code == "pairing_refused"
        assert stranger.pair(code_in(shared.new_link()), "my camera").status == 201
    answer = native.get("/audit")
    assert answer.status == 200
    paired, wrong = answer.json["entries"][:2]
    assert (paired["what"], paired["device_name"]) == ("paired", "my camera")
    assert (paired["account_name"], paired["account_id"]) == ("owner", account_of(shared, native))
    assert paired["address"] == wrong["address"] == "127.0.0.1"
    assert (wrong["what"], wrong["detail"]) == ("pairing_refused", {})
    assert "account_id" not in wrong
    assert abs(paired["time_ns"] - time.time_ns()) < 60 * 10**9
    assert "AAAA" not in str(answer.body)


def test_a_start_is_noted_with_what_was_set_and_no_secret(short_path: Path) -> None:
    env = {"HOWDAH_RECEIVER_METRICS_TOKEN": "very-secret", "HOWDAH_RECEIVER_PING_SECONDS": "7"}
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as device,
    ):
        (entry,) = device.get("/audit", {"what": "started"}).json["entries"]
    assert entry["detail"]["ping_seconds"] == "7.0"
    assert entry["detail"]["metrics_token"] == "********"
    assert "account_id" not in entry
    assert "address" not in entry


def test_who_asks_is_known_without_being_handed_down(alone: Receiver) -> None:
    caller = Caller("a" * 32, "someone", False, "d" * 32, "box")
    with asked_by(Asking("192.0.2.7", caller)):
        note(alone, What.LINK_MADE, path="notes")
    note(alone, What.REMOVED_FOR_GOOD, path="old", count=3, by=None)
    removed, made = noted(alone)
    assert (made.account_id, made.device_id, made.address) == ("a" * 32, "d" * 32, "192.0.2.7")
    assert made.detail == {"path": "notes"}
    assert (removed.account_id, removed.address) == (None, None)
    assert removed.detail == {"path": "old", "count": 3}


def test_it_is_written_with_what_it_tells_or_not_at_all(alone: Receiver) -> None:
    def fail() -> None:
        with alone.catalogue.write() as connection:
            audit.note(connection, What.LINK_MADE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert noted(alone) == []


def test_a_long_detail_is_cut(alone: Receiver) -> None:
    note(alone, What.SIGN_IN_REFUSED, name="x" * 100_000)
    assert len(noted(alone)[0].detail["name"]) == 300


def test_what_is_old_is_let_go(alone: Receiver) -> None:
    for _ in range(3):
        note(alone, What.SIGNED_IN)
    with alone.catalogue.write() as connection:
        old = time.time_ns() - 10 * 10**9
        connection.exec_driver_sql("UPDATE audit SET time_ns = ? WHERE number < 3", (old,))
    audit.sweep(alone.catalogue, 3600, STOPS)
    assert [entry.number for entry in noted(alone)] == [3, 2, 1]
    audit.sweep(alone.catalogue, 5, STOPS)
    assert [entry.number for entry in noted(alone)] == [3]


# -- who looks


def test_pages_go_back_in_time_without_a_gap(alone: Receiver) -> None:
    for number in range(7):
        note(alone, What.SIGNED_IN if number % 2 else What.SIGNED_OUT)
    first = noted(alone, count=3)
    assert [entry.number for entry in first] == [7, 6, 5]
    note(alone, What.PAIRED)
    assert [e.number for e in noted(alone, count=3, before=first[-1].number)] == [4, 3, 2]
    assert [entry.number for entry in noted(alone, what=What.SIGNED_IN)] == [6, 4, 2]
    times = [entry.time_ns for entry in noted(alone)]
    some = noted(alone, since_ns=times[4], until_ns=times[1])
    assert [entry.time_ns for entry in some] == times[2:5]


def test_the_route_pages_and_refuses_nonsense(native: Native, shared: RunningReceiver) -> None:
    with Native(shared.url) as stranger:
        for _ in range(5):
            stranger.pair("AAAA-BBBB-CCCC")
    seen = []
    page: dict[str, Any] = {"before": None}
    while "before" in page:
        query = {"per_page": 2} | ({"before": page["before"]} if page["before"] else {})
        page = native.get("/audit", query).json
        seen += [entry["number"] for entry in page["entries"]]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) > 5
    for query in ({"per_page": 0}, {"per_page": 1001}, {"before": "x"}, {"what": "nothing"},
                  {"since_ns": "9" * 20}, {"until_ns": "-1"}):  # fmt: skip
        assert native.get("/audit", query).code == "bad_request", query


def test_only_administrators_see_it(native: Native, shared: RunningReceiver) -> None:
    with add_device(shared, add_account(shared, "member")) as member:
        assert member.get("/audit").code == "not_found"
    with add_device(shared, account_of(shared, native), send_only=True) as box:
        assert box.get("/audit").code == "not_found"
    with Native(shared.url) as stranger:
        assert stranger.get("/audit").status == 401


def printed(data: Path, *arguments: str) -> list[str]:
    """What the command prints, run in this process."""
    done = CliRunner().invoke(app, ["audit", "--data", str(data), *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout.splitlines()


def test_the_command_prints_it_with_and_without_a_receiver(short_path: Path) -> None:
    data = short_path / "data"
    with running_receiver(data) as receiver, Native(receiver.url) as stranger:
        stranger.pair(code_in(receiver.link), "evil\n\x1b[31m\u202e")
        first = receiver.run("audit", "--data", str(data)).stdout.splitlines()
        assert len(first) == 2
        assert "paired  owner  evil\\x0a\\x1b[31m\\u202e  127.0.0.1" in first[0]
        assert "started" in first[1]
        (line,) = printed(data, "--json", "--what", "paired", "--since", "1h")
        assert json.loads(line)["device_name"] == "evil\n\x1b[31m\u202e"
        assert len(printed(data, "--count", "1")) == 1
        receiver.stop()
        alone = printed(data)
        assert alone[-2:] == first
    for arguments, said in (
        (["--what", "x"], "no entries called"),
        (["--since", "soon"], "--since"),
    ):
        with pytest.raises(StartRefused, match=said):
            printed(data, *arguments)
