"""Devices: listed, named, revoked, limited; and the codes that pair more of them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from howdah_common.messages import API
from kit.native import Native, random_content
from kit.people import add_account, add_space, device_of, home_of, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver


@pytest.fixture
def device(shared: RunningReceiver, folder: str) -> Iterator[Native]:
    """Of an account that no other test uses; it has the folder's name."""
    add_account(shared, folder)
    with device_of(shared, folder) as found:
        yield found


def devices_of(device: Native) -> list[dict[str, Any]]:
    answer = device.get("/devices")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json["devices"]
    return found


def own(device: Native) -> dict[str, Any]:
    return next(one for one in devices_of(device) if one.get("own"))


def test_devices_are_listed_newest_first_and_named(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    (first,) = devices_of(device)
    assert (first["kind"], first["name"], first["own"]) == ("paired", "test", True)
    assert first["address"] == "127.0.0.1"
    assert abs(first["seen_ns"] - time.time_ns()) < 60e9
    with device_of(shared, folder) as second:
        assert [one["id"] for one in devices_of(second)] == [own(second)["id"], first["id"]]
        path = f"{API}/devices/{first['id']}"
        renamed = second.ask("PATCH", path, message={"name": "\u202ekitchen\n", "alarm_hours": 12})
        assert renamed.status == 200
        assert (renamed.json["name"], renamed.json["alarm_hours"]) == ("kitchen", 12)
        kept = second.ask("PATCH", path, message={"alarm_hours": None}).json
        assert kept["name"] == "kitchen"
        assert "alarm_hours" not in kept
        for nonsense in ({"alarm_hours": 0}, {"alarm_hours": 10**9}, {"name": 7}):
            assert second.ask("PATCH", path, message=nonsense).code == "bad_request"


def test_a_revoked_device_is_out_at_once_and_off_the_list(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    content = random_content(2 * 65536)
    with device_of(shared, folder) as lost:
        upload = lost.started("a", content)
        assert lost.stream(upload, content.stream([0])).status == 200
        path = f"{API}/devices/{own(lost)['id']}"
        assert device.ask("DELETE", path).status == 204
        assert lost.stream(upload, content.stream([1])).code == "not_signed_in"
        assert lost.get("/devices").status == 401
    assert len(devices_of(device)) == 1
    assert device.ask("DELETE", path).code == "not_found"
    assert device.ask("PATCH", path, message={"name": "x"}).code == "not_found"
    # The upload is the account's: another of its devices goes on with it.
    assert device.stream(upload, content.stream([1])).status == 200
    assert device.complete(upload, content).status == 201


def test_a_device_may_sign_itself_out(device: Native) -> None:
    assert device.post("/auth/logout").status == 204
    assert device.get("/devices").code == "not_signed_in"


def test_an_admin_sees_to_everybody_s_devices(native: Native, device: Native, folder: str) -> None:
    account = device.get("/account").json["id"]
    found = native.get("/devices", {"account": account}).json["devices"]
    assert [one["account"] for one in found] == [account]
    assert account not in {one["account"] for one in devices_of(native)}
    assert native.get("/devices", {"account": "0" * 32}).code == "not_found"
    owner = native.get("/account").json["id"]
    assert device.get("/devices", {"account": owner}).code == "not_found"
    assert native.ask("DELETE", f"{API}/devices/{found[0]['id']}").status == 204
    assert device.get("/account").status == 401


# -- codes and limits


def limited(receiver: RunningReceiver, device: Native, **limits: Any) -> Native:
    """A device that is paired with a code of the account's own making."""
    made = device.post("/devices/codes", limits)
    assert made.status == 201, made
    assert 14 * 60 < (made.json["expires_ns"] - time.time_ns()) / 1e9 <= 15 * 60
    assert urlsplit(made.json["link"]).netloc == f"127.0.0.1:{receiver.port}"
    assert made.json["code"] in made.json["link"]
    with Native(receiver.url) as stranger:
        paired = stranger.pair(made.json["code"], "camera")
    return Native(receiver.url, paired.json["token"])


def test_an_account_pairs_its_own_devices(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    with limited(shared, device) as another:
        assert another.get("/account").json["name"] == folder
        assert len(devices_of(another)) == 2


def test_a_camera_puts_files_into_one_space_and_sees_nothing(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    space = device.post("/spaces", {"name": folder}).json["id"]
    shown = device.published("shown", b"abc", space=space)["id"]
    with limited(shared, device, space=space, send_only=True) as camera:
        file = camera.published("day/1.jpg", b"picture")  # the space need not be said
        assert file["space"] == space
        listed = device.get("/files", {"space": space, "path": "day"}).json["items"]
        assert [one["path"] for one in listed] == ["day/1.jpg"]
        home = home_of(device)
        assert camera.start("x", random_content(3), space=home).code == "not_found"
        for denied in ("/files", f"/files/{shown}", f"/files/{shown}/content", "/account", "/spaces",
                       f"/spaces/{space}", f"/spaces/{space}/members", "/devices", "/accounts",
                       "/invitations"):  # fmt: skip
            assert camera.get(denied).status == 404, denied
        for path, body in (("/devices/codes", {}), ("/spaces", {"name": "x"}),
                           ("/auth/password", {"new": "four words nobody guesses"}),
                           ("/folders", {"path": "x", "space": space})):  # fmt: skip
            assert camera.post(path, body).status == 404, path
        assert camera.uploads().status == 200
        # It does not see what other devices of its account are sending.
        with closing(device):
            theirs = device.started("theirs", random_content(3), space=space)
            assert camera.status(theirs).code == "upload_not_found"
            assert theirs not in {one["id"] for one in camera.uploads().json["uploads"]}


def test_a_server_that_is_limited_to_a_space_reads_and_writes_there_alone(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    space = device.post("/spaces", {"name": folder}).json["id"]
    home_file = device.published("private", b"abc")["id"]
    with limited(shared, device, space=space) as server:
        file = server.published("dump.sql", b"data")["id"]
        assert server.content(file).body == b"data"
        assert [one["id"] for one in server.get("/spaces").json["spaces"]] == [space]
        assert [one["id"] for one in server.get("/account").json["spaces"]] == [space]
        assert server.file(home_file).code == "file_not_found"
        assert server.get("/files", {"space": home_of(device)}).code == "not_found"
        for path in ("/devices", "/accounts", "/invitations", f"/spaces/{space}/members"):
            assert server.get(path).status == 404
        assert server.ask("DELETE", f"{API}/spaces/{space}").code == "not_allowed"
        # A space that its account is no member of any more is nothing to it, either.
        told(shared, "space.role", space=space, account="owner", role="owner")
        told(shared, "space.role", space=space, account=folder, role=None)
        assert server.content(file).code == "file_not_found"
        assert server.get("/spaces").json["spaces"] == []


def test_a_code_is_made_for_a_space_of_one_s_own_alone(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    read_only = add_space(shared, f"{folder} r", **{folder: "reader"})
    foreign = add_space(shared, f"{folder} f")
    for space, send_only, code in (
        (foreign, False, "not_found"),
        ("0" * 32, True, "not_found"),
        (read_only, True, "not_allowed"),
    ):
        answer = device.post("/devices/codes", {"space": space, "send_only": send_only})
        assert (answer.status, answer.code) == (404, code)
    with limited(shared, device, space=read_only) as reader:
        assert reader.get("/files").status == 200
        assert reader.start("x", random_content(3)).code == "not_allowed"


def test_codes_of_a_disabled_account_are_good_for_nothing(
    shared: RunningReceiver, device: Native, folder: str
) -> None:
    code = device.post("/devices/codes", {}).json["code"]
    told(shared, "account.change", account=folder, disabled=True)
    with Native(shared.url) as stranger:
        assert stranger.pair(code).code == "pairing_refused"


def test_wrong_codes_slow_one_address_and_not_the_others(
    shared: RunningReceiver, device: Native
) -> None:
    with Native(shared.url, source="127.8.0.1") as guesser:
        codes = [guesser.pair(f"AAAA-AAAA-{number:04}").code for number in range(11)]
    assert codes == ["pairing_refused"] * 10 + ["too_many_attempts"]
    code = device.post("/devices/codes", {}).json["code"]
    with Native(shared.url, source="127.8.0.2") as other:
        assert other.pair(code).status == 201
