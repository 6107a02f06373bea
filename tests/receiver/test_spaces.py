"""Spaces: made, shared, limited, left and removed; what each role may do, and from when on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.messages import API
from kit.native import Native, random_content
from kit.people import Refused, add_account, add_space, device_of, home_of, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver


@pytest.fixture
def other(shared: RunningReceiver, folder: str) -> Iterator[Native]:
    """A device of an account that no other test uses; it has the folder's name."""
    add_account(shared, folder)
    with device_of(shared, folder) as device:
        yield device


@pytest.fixture
def space(native: Native, folder: str) -> str:
    """A shared space of the owner, with the folder's name."""
    answer = native.post("/spaces", {"name": folder})
    assert answer.status == 201, answer
    return str(answer.json["id"])


def set_role(device: Native, space: str, account: str, role: str) -> Any:
    path = f"{API}/spaces/{space}/members/{account}"
    return device.ask("PUT", path, message={"role": role})


def leave(device: Native, space: str, account: str) -> Any:
    return device.ask("DELETE", f"{API}/spaces/{space}/members/{account}")


def account_of(device: Native) -> str:
    return str(device.get("/account").json["id"])


def test_a_new_space_is_the_account_s_own(native: Native, folder: str) -> None:
    made = native.post("/spaces", {"name": folder, "case_fold": True})
    assert (made.status, made.json["kind"], made.json["role"]) == (201, "shared", "owner")
    assert made.json["case_fold"] is True
    assert native.get(f"/spaces/{made.json['id']}").json == made.json
    assert made.json in native.get("/spaces").json["spaces"]
    assert native.get("/spaces").json["spaces"][0]["kind"] == "home"
    for name in ("", "a\nb", "x" * 101):
        answer = native.post("/spaces", {"name": name})
        assert (answer.status, answer.code) == (422, "bad_name")


def test_what_is_put_in_stands_in_a_folder_of_the_space_s_name(
    native: Native, space: str, folder: str, shared: RunningReceiver
) -> None:
    place = shared.data / "files" / folder
    assert not place.exists()
    native.published("a/b", b"abc", space=space)
    assert (place / "a" / "b").read_bytes() == b"abc"
    renamed = native.ask("PATCH", f"{API}/spaces/{space}", message={"name": f"{folder} else"})
    assert renamed.json["name"] == f"{folder} else"
    native.published("c", b"def", space=space)
    assert (place / "c").read_bytes() == b"def"
    # The next of that name, in whatever case, has a folder of its own.
    second = native.post("/spaces", {"name": folder.upper()}).json["id"]
    native.published("d", b"ghi", space=second)
    assert (shared.data / "files" / f"{folder.upper()} (2)" / "d").read_bytes() == b"ghi"
    assert sorted(path.name for path in place.iterdir()) == ["a", "c"]


def test_a_folder_that_other_hands_have_made_is_left_to_them(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    (shared.data / "files" / folder).mkdir()
    space = native.post("/spaces", {"name": folder}).json["id"]
    native.published("a", b"abc", space=space)
    assert (shared.data / "files" / f"{folder} (2)" / "a").exists()
    assert not any((shared.data / "files" / folder).iterdir())


# -- roles


def abilities(device: Native, space: str, file: str) -> set[str]:
    """What a device can do in a space, tried."""
    content = random_content(3)
    started = device.start(f"{content.data.hex()}", content, space=space)
    tried = {
        "list": device.get("/files", {"space": space}).status == 200,
        "read": device.content(file).status == 200,
        "send": started.status == 201,
        "change": device.make_folder(f"f{content.data.hex()}", space=space).status == 201,
        "members": device.get(f"/spaces/{space}/members").status == 200,
        "manage": device.ask("PATCH", f"{API}/spaces/{space}", message={"quota_bytes": None}).status
        == 200,
        "look": device.get(f"/spaces/{space}").status == 200,
    }
    return {what for what, may in tried.items() if may}


def test_each_role_may_do_what_it_says_and_at_once(
    native: Native, other: Native, space: str, folder: str
) -> None:
    file = native.published("a", b"abc", space=space)["id"]
    account = account_of(other)
    expected = {
        "owner": {"list", "read", "send", "change", "members", "manage", "look"},
        "writer": {"list", "read", "send", "change", "members", "look"},
        "reader": {"list", "read", "members", "look"},
        "sender": {"send", "look"},
    }
    assert abilities(other, space, file) == set()
    for role, may in expected.items():
        answer = set_role(native, space, account, role)
        assert (answer.status, answer.json) == (
            200, {"account": account, "name": folder, "role": role}
        )  # fmt: skip
        assert abilities(other, space, file) == may
    assert leave(native, space, account).status == 204
    assert abilities(other, space, file) == set()


def test_a_sender_sees_its_own_uploads_and_no_figures(
    native: Native, other: Native, space: str
) -> None:
    native.published("a", b"abc", space=space)
    set_role(native, space, account_of(other), "sender")
    assert other.published("b", b"sent", space=space)["path"] == "b"
    found = other.get(f"/spaces/{space}").json
    assert found["role"] == "sender"
    assert not {"used_bytes", "used_files", "quota_bytes"} & found.keys()
    assert native.get(f"/spaces/{space}").json["used_files"] == 2


def test_who_is_taken_out_stops_in_the_middle_of_an_upload(
    native: Native, other: Native, space: str
) -> None:
    account, content = account_of(other), random_content(2 * 65536)
    set_role(native, space, account, "writer")
    upload = other.started("a", content, space=space)
    assert other.stream(upload, content.stream([0])).status == 200
    assert leave(native, space, account).status == 204
    assert other.stream(upload, content.stream([1])).code == "upload_not_found"
    assert other.complete(upload, content).code == "upload_not_found"
    assert other.uploads().json["uploads"] == []
    set_role(native, space, account, "sender")
    assert other.stream(upload, content.stream([1])).status == 200
    assert other.complete(upload, content).status == 201


# -- members


def test_members_are_named_to_each_other_alone(
    native: Native, other: Native, space: str, folder: str, shared: RunningReceiver
) -> None:
    path = f"/spaces/{space}/members"
    assert other.get(path).code == "not_found"
    told(shared, "account.change", account=folder, role="admin")
    assert other.get(path).code == "not_found"  # an admin looks after accounts, not into spaces
    told(shared, "account.change", account=folder, role="member")
    set_role(native, space, folder, "reader")  # a name will do, and so will an address
    members = {one["name"]: one["role"] for one in other.get(path).json["members"]}
    assert members == {"owner": "owner", folder: "reader"}
    set_role(native, space, folder, "sender")
    assert other.get(path).code == "not_allowed"


def test_who_is_not_there_becomes_no_member(
    native: Native, space: str, shared: RunningReceiver, folder: str
) -> None:
    add_account(shared, f"{folder}-off")
    told(shared, "account.change", account=f"{folder}-off", disabled=True)
    for account in ("0" * 32, "nobody", "nobody@example.org", f"{folder}-off"):
        answer = set_role(native, space, account, "reader")
        assert (answer.status, answer.code) == (404, "not_found")
        assert leave(native, space, account).code == "not_found"
    assert set_role(native, space, "owner", "king").code == "bad_request"


def test_the_last_owner_cannot_go(native: Native, other: Native, space: str, folder: str) -> None:
    owner, account = account_of(native), account_of(other)
    for answer in (leave(native, space, owner), set_role(native, space, owner, "reader")):
        assert (answer.status, answer.code) == (409, "last_owner")
    set_role(native, space, account, "writer")
    assert leave(native, space, owner).code == "last_owner"
    set_role(native, space, account, "owner")
    native.published("a", b"abc", space=space)
    assert leave(native, space, owner).status == 204
    assert native.get(f"/spaces/{space}").code == "not_found"
    # It counts for who is left.
    assert other.get("/account").json["used_bytes"] == 3
    assert leave(other, space, account).code == "last_owner"


def test_a_member_may_leave_by_itself_and_take_nobody_along(
    native: Native, other: Native, space: str
) -> None:
    owner, account = account_of(native), account_of(other)
    set_role(native, space, account, "reader")
    assert leave(other, space, owner).code == "not_allowed"
    assert set_role(other, space, account, "owner").code == "not_allowed"
    assert leave(other, space, account).status == 204
    assert leave(other, space, account).code == "not_found"
    assert leave(native, space, account).code == "not_found"


def test_a_home_has_one_member_and_stays(native: Native, other: Native, folder: str) -> None:
    home, account = home_of(other), account_of(other)
    answer = set_role(other, home, "owner", "reader")
    assert (answer.status, answer.code) == (404, "not_allowed")
    assert leave(other, home, account).code == "last_owner"
    assert other.ask("DELETE", f"{API}/spaces/{home}").code == "not_allowed"
    assert native.get(f"/spaces/{home}").code == "not_found"
    renamed = other.ask("PATCH", f"{API}/spaces/{home}", message={"name": "mine"})
    assert renamed.json["name"] == "mine"


def test_an_invitation_into_a_space_is_its_owner_s_to_give(
    native: Native, other: Native, folder: str, shared: RunningReceiver
) -> None:
    theirs = other.post("/spaces", {"name": folder}).json["id"]
    for space in (theirs, home_of(other), "0" * 32):
        assert native.post("/invitations", {"space": space}).code == "not_found"
    assert native.post("/invitations", {"space": home_of(native)}).code == "not_allowed"
    assert other.post("/invitations", {"space": theirs}).code == "not_found"  # it is no admin
    ours = add_space(shared, f"{folder} ours")
    made = native.post("/invitations", {"space": ours, "space_role": "sender"}).json
    assert (made["space"], made["space_role"]) == (ours, "sender")


# -- limits and the end


def test_a_quota_is_set_and_taken_away(native: Native, space: str) -> None:
    path = f"{API}/spaces/{space}"
    found = native.ask("PATCH", path, message={"quota_bytes": 10**12, "quota_files": 0}).json
    assert (found["quota_bytes"], found["quota_files"]) == (10**12, 0)
    found = native.ask("PATCH", path, message={"quota_files": None}).json
    assert found["quota_bytes"] == 10**12
    assert "quota_files" not in found
    for nonsense in (-1, 2**63, "1 GB", 1.5):
        answer = native.ask("PATCH", path, message={"quota_bytes": nonsense})
        assert answer.code == "bad_request"


def test_only_a_space_that_holds_nothing_is_removed(
    native: Native, space: str, folder: str, shared: RunningReceiver
) -> None:
    path = f"{API}/spaces/{space}"

    def refused() -> None:
        answer = native.ask("DELETE", path)
        assert (answer.status, answer.code) == (409, "space_not_empty")

    upload = native.started("a", random_content(3), space=space)
    refused()
    native.cancel(upload)
    native.make_folder("x", space=space)
    refused()
    # What other hands have put into one whose rows know nothing.
    second = native.post("/spaces", {"name": f"{folder} two"}).json["id"]
    outside = shared.data / "files" / f"{folder} two"
    outside.mkdir()
    (outside / "theirs").write_text("x")
    assert native.ask("DELETE", f"{API}/spaces/{second}").code == "space_not_empty"
    (outside / "theirs").unlink()
    with device_of(shared, space=second, send_only=True) as camera:
        cancelled = camera.started("b", random_content(3))
        camera.cancel(cancelled)
        assert native.ask("DELETE", f"{API}/spaces/{second}").status == 204
        assert camera.uploads().code == "not_signed_in"
    assert not outside.exists()
    assert native.get(f"/spaces/{second}").code == "not_found"
    assert native.status(cancelled).code == "upload_not_found"
    assert native.ask("DELETE", f"{API}/spaces/{second}").code == "not_found"


def test_case_folding_waits_until_nothing_clashes(
    native: Native, space: str, shared: RunningReceiver
) -> None:
    native.published("a/Name", b"abc", space=space)
    native.published("a/name", b"def", space=space)
    with pytest.raises(Refused, match="differ by case"):
        told(shared, "space.change", space=space, case_fold=True)
    assert native.get(f"/spaces/{space}").json.get("case_fold", False) is False
    second = native.post("/spaces", {"name": "folds"}).json["id"]
    native.published("a/Name", b"abc", space=second)
    native.published("b/name", b"abc", space=second)
    told(shared, "space.change", space=second, case_fold=True)
    assert native.get(f"/spaces/{second}").json["case_fold"] is True
    third = native.post("/spaces", {"name": "a file and a folder"}).json["id"]
    native.published("NAME", b"abc", space=third)
    native.published("name/a", b"abc", space=third)
    with pytest.raises(Refused, match="differ by case"):
        told(shared, "space.change", space=third, case_fold=True)
