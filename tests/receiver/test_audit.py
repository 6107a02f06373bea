"""The audit log: what matters to an owner is written down with it, and administrators can look."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from howdah_common.messages import API
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import Asking, What, asked_by
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.cli.app import app
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from kit.native import Native, code_in
from kit.people import PASSWORD
from kit.receiver import running_receiver
from kit.watchers import account_of, add_account, add_device, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

STOPS = threading.Event()


@pytest.fixture
def alone(short_path: Path) -> Iterator[Receiver]:
    """A receiver without a server."""
    receiver = Receiver(Settings(data=short_path / "data"))
    with receiver.catalogue.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit")
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


def test_what_is_done_to_accounts_devices_and_spaces_is_noted(
    native: Native, shared: RunningReceiver
) -> None:
    (newest,) = native.get("/audit", {"per_page": 1}).json["entries"]
    account = {"name": "ann", "email": "ann@example.org", "password": PASSWORD}
    ann = native.post("/accounts", account).json["id"]
    login = {"email": "ann@example.org", "password": PASSWORD, "device_name": "laptop"}
    with Native(shared.url) as stranger:
        assert stranger.post("/auth/login", {**login, "password": "not hers"}).status == 401
        assert stranger.post("/auth/login", {**login, "email": "x@example.org"}).status == 401
        token = stranger.post("/auth/login", login).json["access_token"]
    with Native(shared.url, token) as laptop:
        space = laptop.post("/spaces", {"name": "pictures"}).json["id"]
        member = f"{API}/spaces/{space}/members/owner"
        laptop.ask("PUT", member, message={"role": "reader"})
        laptop.post("/auth/password", {"old": PASSWORD, "new": f"{PASSWORD} at all"})
        device = next(d["id"] for d in laptop.get("/devices").json["devices"])
        laptop.ask("PATCH", f"{API}/devices/{device}", message={"name": "tablet"})
    invitation = native.post("/invitations", {"email": "bob@example.org"}).json["id"]
    native.ask("DELETE", f"{API}/invitations/{invitation}")
    native.ask("PATCH", f"{API}/accounts/{ann}", message={"role": "admin"})
    native.ask("DELETE", f"{API}/devices/{device}")
    found = native.get("/audit", {"per_page": 100}).json["entries"]
    noted = [entry for entry in reversed(found) if entry["number"] > newest["number"]]
    owner = account_of(shared, native)
    assert [(entry["what"], entry.get("account_id")) for entry in noted] == [
        ("account_added", owner),
        ("sign_in_refused", ann),
        ("sign_in_refused", None),
        ("signed_in", ann),
        ("space_added", ann),
        ("role_changed", ann),
        ("password_changed", ann),
        ("device_changed", ann),
        ("invited", owner),
        ("invitation_revoked", owner),
        ("account_changed", owner),
        ("device_revoked", owner),
    ]
    details = {entry["what"]: entry["detail"] for entry in noted}
    assert details["role_changed"] == {"account": "owner", "role": "reader", "space": space}
    assert details["account_changed"] == {"account": "ann", "role": "admin"}
    assert details["device_revoked"] == {"device": device, "name": "tablet"}
    for secret in (PASSWORD, "not hers", token):
        assert secret not in str(found)
    with catalogue(shared) as rows:
        (kept,) = rows.execute("SELECT group_concat(detail) FROM audit").fetchone()
    assert PASSWORD not in kept


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
        assert box.get("/audit").code == "not_allowed"
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
        stranger.pair(code_in(receiver.link))
        with catalogue(receiver) as rows:  # as an older receiver may have kept it
            rows.execute("UPDATE devices SET name = ?", ("evil\n\x1b[31m\u202e",))
        first = receiver.run("audit", "--data", str(data)).stdout.splitlines()
        assert len(first) == 3
        assert "paired  owner  evil\\x0a\\x1b[31m\\u202e  127.0.0.1" in first[0]
        assert "started" in first[1]
        (line,) = printed(data, "--json", "--what", "paired", "--since", "1h")
        assert json.loads(line)["device_name"] == "evil\n\x1b[31m\u202e"
        assert len(printed(data, "--count", "1")) == 1
        receiver.stop()
        alone = printed(data)
        assert alone[-3:] == first
    for arguments, said in (
        (["--what", "x"], "no entries called"),
        (["--since", "soon"], "--since"),
    ):
        with pytest.raises(StartRefused, match=said):
            printed(data, *arguments)
