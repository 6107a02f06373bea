"""Accounts: signed up for, made by admins, changed, disabled; names and passwords that will do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.names import (
    MOST_FOLDER_BYTES,
    checked_email,
    checked_name,
    folder_name,
)
from howdah_receiver.accounts.passwords import checked_password
from kit.native import Native, random_content
from kit.people import PASSWORD, Refused, add_account, add_space, device_of, told
from kit.receiver import running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.native import Answer
    from kit.receiver import RunningReceiver

GOOD = [
    "four words nobody guesses",
    "kR7#pLq2vX9z",
    "Ümlaute sind auch schön hier",
    "x" * 9 + "qz7!Lm" * 100,
]


@pytest.fixture(scope="module")
def open_one(module_path: Path) -> Iterator[RunningReceiver]:
    """A receiver that everybody may sign up at."""
    with running_receiver(
        module_path / "open", env={"HOWDAH_RECEIVER_SIGN_UP": "open"}
    ) as receiver:
        yield receiver


_sources = iter(range(1, 200))


def sign_up(receiver: RunningReceiver, email: str, password: str = PASSWORD, **more: Any) -> Answer:
    """From an address of its own: it is slowed for each."""
    with Native(receiver.url, source=f"127.6.0.{next(_sources)}") as someone:
        return someone.post("/auth/signup", {"email": email, "password": password, **more})


def log_in(receiver: RunningReceiver, name: str, password: str = PASSWORD) -> Answer:
    with Native(receiver.url) as someone:
        return someone.post("/auth/login", {"email": name, "password": password})


# -- signing up


def test_without_an_invitation_nobody_makes_an_account(shared: RunningReceiver) -> None:
    for email in ("someone@example.org", "nonsense", ""):
        answer = sign_up(shared, email)
        assert (answer.status, answer.code) == (403, "signup_closed")


def test_an_invitation_is_good_for_one_account(shared: RunningReceiver, folder: str) -> None:
    space = add_space(shared, f"space of {folder}")
    (line,) = told(
        shared, "invite", email=None, role="member", space=space, space_role="reader", days=7
    )
    email = f"{folder}@example.org"
    answer = sign_up(shared, email, invitation=line["code"].lower(), device_name="phone")
    assert answer.status == 201
    with Native(shared.url, answer.json["access_token"]) as device:
        found = device.get("/account").json
        assert (found["name"], found["email"], found["role"]) == (folder, email, "member")
        assert {(one["kind"], one["role"]) for one in found["spaces"]} == {
            ("home", "owner"), ("shared", "reader")
        }  # fmt: skip
        assert device.published("a", b"abc")["size"] == 3
    again = sign_up(shared, f"x{email}", invitation=line["code"])
    assert (again.status, again.code) == (403, "invitation_refused")
    assert log_in(shared, email).status == 200


def test_an_invitation_may_be_for_one_address_and_makes_what_it_says(
    shared: RunningReceiver, folder: str
) -> None:
    email = f"{folder}@example.org"
    (line,) = told(shared, "invite", email=email.upper(), role="admin", space_role="reader", days=1)
    refused = sign_up(shared, f"other-{email}", invitation=line["code"])
    assert refused.code == "invitation_refused"
    answer = sign_up(shared, email, invitation=line["code"])
    with Native(shared.url, answer.json["access_token"]) as device:
        assert device.get("/account").json["role"] == "admin"
        assert device.get("/accounts").status == 200


def test_wrong_expired_and_revoked_invitations_get_the_same_answer(
    shared: RunningReceiver, folder: str, native: Native
) -> None:
    def code() -> tuple[str, str]:
        made = native.post("/invitations", {"days": 1})
        assert made.status == 201
        return made.json["id"], made.json["code"]

    revoked_id, revoked = code()
    assert native.ask("DELETE", f"/api/v1/invitations/{revoked_id}").status == 204
    expired_id, expired = code()
    in_catalogue(shared, "UPDATE invitations SET expires_ns = 1 WHERE id = ?", expired_id)
    answers = [
        sign_up(shared, f"{folder}@example.org", invitation=one)
        for one in ("", "nonsense", revoked, expired, "\u00e9" * 100)
    ]
    assert {(answer.status, answer.code, answer.body) for answer in answers} == {
        (403, "invitation_refused", answers[0].body)
    }
    listed = {one["id"] for one in native.get("/invitations").json["invitations"]}
    assert not listed & {revoked_id, expired_id}


def in_catalogue(receiver: RunningReceiver, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute(statement, values)


def test_an_open_receiver_takes_everyone_once(open_one: RunningReceiver) -> None:
    first = sign_up(open_one, "Someone@Example.org")
    assert (first.status, first.json["account"]) == (201, "someone")
    taken = sign_up(open_one, "someone@example.org ")
    assert (taken.status, taken.code) == (409, "email_taken")
    # The same name before another @ gets a number, one that was asked for is refused.
    assert sign_up(open_one, "someone@example.com").json["account"] == "someone 2"
    named = sign_up(open_one, "third@example.org", name="SOMEONE")
    assert (named.status, named.code) == (409, "name_taken")
    assert sign_up(open_one, "third@example.org", name="Somebody Else").status == 201
    with device_of(open_one) as owner:
        roles = {one["name"]: one["role"] for one in owner.get("/accounts").json["accounts"]}
    assert roles == {"owner": "admin", "someone": "member", "someone 2": "member",
                     "Somebody Else": "member"}  # fmt: skip


def test_what_is_no_account_is_refused(open_one: RunningReceiver) -> None:
    email = "refused@example.org"
    for more, code in (
        ({"email": "nonsense"}, "bad_email"),
        ({"password": "short"}, "password_weak"),
        ({"password": "refused2024"}, "password_weak"),
        ({"name": "a@b"}, "bad_name"),
        ({"name": "a\nb"}, "bad_name"),
    ):
        answer = sign_up(open_one, **{"email": email, **more})
        assert (answer.status, answer.code) == (422, code)
    assert sign_up(open_one, email, invitation="AAAA-AAAA").code == "invitation_refused"
    assert sign_up(open_one, email).status == 201


def test_sign_ups_are_slowed(open_one: RunningReceiver) -> None:
    with Native(open_one.url, source="127.7.0.1") as someone:
        codes = [
            someone.post(
                "/auth/signup", {"email": f"n{n}@example.org", "password": PASSWORD}
            ).status
            for n in range(6)
        ]
    assert codes == [201] * 5 + [429]


# -- admins


def test_an_admin_makes_changes_and_disables_accounts(
    shared: RunningReceiver, native: Native, folder: str
) -> None:
    new = {"name": folder, "email": f"{folder}@example.org", "password": PASSWORD}
    made = native.post("/accounts", {**new, "quota_bytes": 1000})
    assert (made.status, made.json["role"], made.json["quota_bytes"]) == (201, "member", 1000)
    account = f"/api/v1/accounts/{made.json['id']}"
    for again, code in (
        ({**new, "email": None}, "name_taken"),
        ({**new, "name": f"{folder} else"}, "email_taken"),
        ({**new, "name": "@"}, "bad_name"),
        ({**new, "name": "x", "email": "x"}, "bad_email"),
        ({**new, "name": "x", "email": None, "password": "x"}, "password_weak"),
    ):
        assert native.post("/accounts", again).code == code
    changed = native.ask("PATCH", account, message={
        "name": f"{folder} b", "email": None, "quota_bytes": None, "quota_files": 7
    })  # fmt: skip
    assert changed.status == 200
    assert changed.json["name"] == f"{folder} b"
    assert changed.json["quota_files"] == 7
    assert not {"email", "quota_bytes"} & changed.json.keys()
    assert native.ask("PATCH", account, message={"name": "owner"}).code == "name_taken"
    assert native.ask("PATCH", account, message={}).json == changed.json
    signed_in = log_in(shared, f"{folder} b").json["access_token"]
    with Native(shared.url, signed_in) as device:
        assert device.get("/account").json["quota_files"] == 7
        assert device.get("/accounts").code == "not_found"
        assert native.ask("PATCH", account, message={"role": "admin"}).status == 200
        assert device.get("/accounts").status == 200
        assert native.ask("DELETE", account).status == 204
        assert device.get("/account").code == "not_signed_in"
        assert log_in(shared, f"{folder} b").code == "login_refused"
        assert native.ask("PATCH", account, message={"disabled": False}).status == 200
        assert device.get("/account").status == 200
    listed = {one["name"]: one for one in native.get("/accounts").json["accounts"]}
    assert listed[f"{folder} b"]["disabled"] is False


def test_a_disabled_account_stops_in_the_middle_of_an_upload(
    shared: RunningReceiver, folder: str
) -> None:
    add_account(shared, folder)
    content = random_content(2 * 65536)
    with device_of(shared, folder) as device:
        upload = device.started("a", content)
        assert device.stream(upload, content.stream([0])).status == 200
        told(shared, "account.change", account=folder, disabled=True)
        assert device.stream(upload, content.stream([1])).status == 401
        assert device.complete(upload, content).status == 401
        told(shared, "account.change", account=folder, disabled=False)
        assert device.received(upload) == {0}


def test_the_last_admin_stays(native: Native, shared: RunningReceiver, folder: str) -> None:
    accounts = native.get("/accounts").json["accounts"]
    admins = [one for one in accounts if one["role"] == "admin" and not one["disabled"]]
    (owner,) = [one for one in admins if one["name"] == "owner"]
    for other in admins:
        if other is not owner:
            told(shared, "account.change", account=other["id"], role="member")
    account = f"/api/v1/accounts/{owner['id']}"
    for change in ({"role": "member"}, {"disabled": True}):
        answer = native.ask("PATCH", account, message=change)
        assert (answer.status, answer.code) == (409, "last_admin")
    assert native.ask("DELETE", account).code == "last_admin"
    add_account(shared, folder, role="admin")
    assert native.ask("PATCH", account, message={"role": "member"}).status == 200
    assert native.get("/accounts").code == "not_found"
    told(shared, "account.change", account="owner", role="admin")


def test_pairing_goes_on_for_whoever_is_admin_once_the_owner_has_another_name(
    short_path: Path,
) -> None:
    with running_receiver(short_path / "data") as receiver:
        with Native.paired_with(receiver) as owner:
            account = owner.get("/account").json["id"]
            renamed = owner.ask("PATCH", f"/api/v1/accounts/{account}", message={"name": "chief"})
            assert renamed.status == 200
        with device_of(receiver) as device:
            assert device.get("/account").json["name"] == "chief"


def test_used_is_the_sum_over_the_spaces_that_count_for_the_account(
    shared: RunningReceiver, folder: str
) -> None:
    add_account(shared, folder)
    with device_of(shared, folder) as device:
        space = device.post("/spaces", {"name": folder}).json["id"]
        device.published("a", b"abc")
        device.published("b", b"defgh", space=space)
        found = device.get("/account").json
        assert (found["used_bytes"], found["used_files"]) == (8, 2)
        told(shared, "space.role", space=space, account="owner", role="owner")
        told(shared, "space.role", space=space, account=folder, role="reader")
        found = device.get("/account").json
        assert (found["used_bytes"], found["used_files"]) == (3, 1)


def test_the_command_refuses_in_the_words_of_the_table(shared: RunningReceiver) -> None:
    for name, more, words in (
        ("owner", {}, "There is an account of this name"),
        ("x", {"email": "x"}, "no e-mail address"),
        ("", {}, "cannot be a name"),
        ("y", {"password": "1234567890"}, "too easy to guess"),
    ):
        with pytest.raises(Refused, match=words):
            add_account(shared, name, **more)


# -- names and passwords


@pytest.mark.parametrize("password", GOOD)
def test_a_long_password_will_do(password: str) -> None:
    assert checked_password(password, own_words=("someone@example.org", None))


@pytest.mark.parametrize(
    ("password", "hint"),
    [
        ("", "10 characters"),
        ("kR7#pLq2v", "10 characters"),
        ("x" * 1025, "1024 bytes"),
        ("\u00e9" * 513, "1024 bytes"),
        ("password1234", "common"),
        ("aaaaaaaaaaaaaaaaaaaa", "repeat"),
        ("abcabcabcabcabcabc", "repeat"),
        ("qwertyuiop", "common"),
        ("someone.surname", ""),
        ("1985-06-23", "dates"),
    ],
)
def test_what_is_guessed_soon_is_refused_with_a_hint(password: str, hint: str) -> None:
    with pytest.raises(ProblemError, match="password_weak") as refused:
        checked_password(password, own_words=("someone.surname@example.org", "Somebody"))
    assert hint.lower() in refused.value.detail.lower()


@pytest.mark.parametrize("email", ["a@example.org", "A.B+c@Example.ORG", " x_y@sub.example.org "])
def test_an_address_is_kept_in_lower_case(email: str) -> None:
    assert checked_email(email) == email.strip().lower()


@pytest.mark.parametrize(
    "email",
    ["", "a", "a@", "@example.org", "a@example", "a b@example.org", "a@exa mple.org", "a@@example.org",
     "a@example.org\nb@example.org", "\u202ea@example.org", "a" * 300 + "@example.org", "a@-x.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ProblemError, match="bad_email"):
        checked_email(email)


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 101, "a\nb", "a\x00b", "a\u202eb", "a\u2028b", "a\x7f", "a@b"]
)
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ProblemError, match="bad_name"):
        checked_name(name, of_account=True)


def test_a_name_is_kept_in_its_composed_form() -> None:
    assert checked_name(" Zoe\u0308 ") == "Zo\u00eb"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Photos", "Photos"),
        ("a/b\\c", "a_b_c"),
        ("..", "space"),
        (".hidden", "hidden"),
        ("../../etc", "_.._etc"),
        ("name. ", "name"),
        ("\u00fcber", "\u00fcber"),
        ("C:*?", "C___"),
        ("\u202e", "_"),
        ("\u00e9" * 100, "\u00e9" * 50),
    ],
)
def test_a_space_s_folder_is_a_safe_name(name: str, folder: str) -> None:
    assert folder_name(name, lambda _: False) == folder


def test_a_folder_that_is_taken_gets_a_number() -> None:
    taken = {"Photos", "Photos (2)", "x" * 100}
    assert folder_name("Photos", taken.__contains__) == "Photos (3)"
    long = folder_name("x" * 200, taken.__contains__)
    assert long == "x" * 96 + " (2)"
    assert len(long.encode()) <= MOST_FOLDER_BYTES
