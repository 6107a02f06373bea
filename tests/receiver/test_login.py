"""Logins: a password for tokens, tokens for others; what ends a login; and passwords under attack."""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from howdah_common.messages import API
from kit.native import Native
from kit.people import PASSWORD, Refused, add_account, device_of, told
from kit.processes import spawn
from kit.raw_http import Raw, RawAnswer
from kit.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.native import Answer
    from kit.receiver import RunningReceiver

TESTS = Path(__file__).parents[1]
OTHER = "another sentence nobody guesses"
WRONG = "a sentence that is wrong"


@pytest.fixture
def stranger(shared: RunningReceiver) -> Iterator[Native]:
    with Native(shared.url) as someone:
        yield someone


@pytest.fixture
def account(shared: RunningReceiver, folder: str) -> str:
    """The name of an account that no other test uses, with the password."""
    add_account(shared, folder, email=f"{folder}@example.org", password=PASSWORD)
    return folder


def log_in(url: str, name: str, password: str = PASSWORD, **more: Any) -> Answer:
    with Native(url) as someone:
        return someone.post("/auth/login", {"email": name, "password": password, **more})


def refresh(stranger: Native, token: str) -> Answer:
    return stranger.post("/auth/refresh", {"refresh_token": token})


def works(receiver: RunningReceiver, access_token: str) -> bool:
    with Native(receiver.url, access_token) as device:
        return device.get("/account").status == 200


def set_in_catalogue(receiver: RunningReceiver, statement: str, *values: object) -> None:
    """As another process that works on the same catalogue would."""
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute(statement, values)


# -- in


def test_a_login_is_a_pair_of_tokens(shared: RunningReceiver, account: str) -> None:
    answer = log_in(shared.url, account, device_name="my laptop")
    assert answer.status == 200
    found = answer.json
    assert found["account"] == account
    claims = jwt.decode(found["access_token"], options={"verify_signature": False})
    assert claims.keys() == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert (claims["iss"], claims["aud"]) == ("howdah", found["catalogue"])
    assert claims["sid"] == found["device"]
    assert claims["exp"] * 10**9 == found["expires_ns"]
    assert claims["exp"] - claims["iat"] <= 15 * 60
    assert jwt.get_unverified_header(found["access_token"]) == {"alg": "HS256", "typ": "at+jwt"}
    with Native(shared.url, found["access_token"]) as device:
        assert device.get("/account").json["id"] == claims["sub"]
        assert device.published("a", b"abc")["size"] == 3
        (listed,) = device.get("/devices").json["devices"]
    assert (listed["kind"], listed["name"], listed["own"]) == ("login", "my laptop", True)
    assert listed["address"] == "127.0.0.1"


@pytest.mark.parametrize("write", ["{}", "{}@example.org", " {}@EXAMPLE.ORG ", "{}@Example.org"])
def test_the_address_or_the_name_will_do(shared: RunningReceiver, account: str, write: str) -> None:
    assert log_in(shared.url, write.format(account.upper())).status == 200


def test_a_wrong_login_never_tells_which_part_was_wrong(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    add_account(shared, f"{account}-none")  # without a password, as the owner of a first start
    disabled = f"{account}-disabled"
    add_account(shared, disabled, password=PASSWORD)
    told(shared, "account.change", account=disabled, disabled=True)
    answers = [
        source_login(shared, f"127.1.0.{number}", name, password)
        for number, (name, password) in enumerate(
            [(account, "wrong"), ("nobody", PASSWORD), (f"{account}-none", ""), (disabled, PASSWORD),
             ("", ""), (account, ""), (account, "x" * 5000), (f"{account}@", PASSWORD),
             ("' OR 1=1 --", "x"), (account, f"{PASSWORD} ")], start=1)
    ]  # fmt: skip
    assert {(answer.status, answer.code, answer.body) for answer in answers} == {
        (401, "login_refused", answers[0].body)
    }
    assert answers[0].headers["www-authenticate"] == "Bearer"


def test_a_login_without_its_members_is_no_login(stranger: Native) -> None:
    nonsense: list[Any] = [{}, {"email": "x"}, {"password": "x"}, {"email": 1, "password": 1}, []]
    for body in nonsense:
        assert stranger.post("/auth/login", body).code == "bad_request"


def test_a_stranger_has_little_to_say(stranger: Native) -> None:
    for path in ("/auth/login", "/auth/signup", "/auth/refresh", "/pair"):
        answer = stranger.post(path, {"email": "x" * 20_000, "password": "x"})
        assert (answer.status, answer.code) == (413, "body_too_large")


def test_no_secret_of_a_login_is_stored_or_logged(short_path: Path) -> None:
    data = short_path / "data"
    with served(data, "--debug") as receiver, Native(receiver.url) as stranger:
        (invitation,) = told(receiver, "invite", role="member", space_role="reader", days=1)
        message = {"email": "someone@example.org", "password": PASSWORD}
        first = stranger.post("/auth/signup", {**message, "invitation": invitation["code"]}).json
        second = log_in(receiver.url, "someone").json
        third = refresh(stranger, second["refresh_token"]).json
        assert log_in(receiver.url, "someone", WRONG).status == 401
        with Native(receiver.url, third["access_token"]) as device:
            assert device.post("/auth/password", {"old": WRONG, "new": OTHER}).status == 403
            assert device.post("/auth/password", {"old": PASSWORD, "new": OTHER}).status == 204
            code = device.post("/devices/codes", {}).json["code"]
        receiver.stop()
        said = receiver.process.stderr.text + receiver.process.stdout.text
    used = [PASSWORD, OTHER, WRONG, invitation["code"], code]
    used += [
        one[kind] for one in (first, second, third) for kind in ("access_token", "refresh_token")
    ]
    assert "someone signed in" in said
    assert "DEBUG" in said
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for secret in used:
        assert secret not in said
        assert secret.encode() not in kept


# -- on


def test_a_refresh_token_is_good_once_and_brings_the_next(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    first = log_in(shared.url, account).json
    second = refresh(stranger, first["refresh_token"])
    assert second.status == 200
    assert second.json["device"] == first["device"]
    third = refresh(stranger, second.json["refresh_token"]).json
    tokens = {one["refresh_token"] for one in (first, second.json, third)}
    assert len(tokens) == 3
    # The access tokens of one login end with it, or by themselves, and not before.
    assert all(works(shared, one["access_token"]) for one in (first, second.json, third))


def test_a_lost_answer_may_be_asked_for_again_once(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    first = log_in(shared.url, account).json
    refresh(stranger, first["refresh_token"])  # whose answer was lost
    again = refresh(stranger, first["refresh_token"])
    assert again.status == 200
    assert refresh(stranger, first["refresh_token"]).code == "login_ended"
    assert refresh(stranger, again.json["refresh_token"]).status == 200


def test_who_shows_a_token_that_was_replaced_ends_the_login_for_both(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    first = log_in(shared.url, account).json
    second = refresh(stranger, first["refresh_token"]).json
    set_in_catalogue(
        shared,
        "UPDATE devices SET rotated_ns = rotated_ns - 61000000000 WHERE id = ?",
        first["device"],
    )
    assert works(shared, second["access_token"])
    stolen = refresh(stranger, first["refresh_token"])
    assert (stolen.status, stolen.code) == (401, "login_ended")
    assert refresh(stranger, second["refresh_token"]).code == "login_ended"
    assert not works(shared, second["access_token"])


def test_who_was_first_with_a_stolen_token_is_found_out(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    first = log_in(shared.url, account).json
    thief = refresh(stranger, first["refresh_token"]).json
    owner = refresh(stranger, first["refresh_token"]).json  # as if its answer had been lost
    assert refresh(stranger, thief["refresh_token"]).code == "login_ended"
    assert refresh(stranger, owner["refresh_token"]).code == "login_ended"
    assert not works(shared, owner["access_token"])


def test_a_login_that_nobody_used_ends(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    first = log_in(shared.url, account).json
    with Native(shared.url, first["access_token"]) as device:
        (listed,) = device.get("/devices").json["devices"]
    days = (listed["expires_ns"] - listed["created_ns"]) / 86400e9
    assert 29 < days <= 30
    set_in_catalogue(shared, "UPDATE devices SET expires_ns = 1 WHERE id = ?", first["device"])
    assert refresh(stranger, first["refresh_token"]).code == "login_ended"


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 10_000, "\u00e9\ud7ff"])
def test_what_is_no_refresh_token_is_refused(stranger: Native, token: str) -> None:
    answer = refresh(stranger, token)
    assert (answer.status, answer.code) == (401, "login_ended")


def test_the_hundred_newest_logins_stand(shared: RunningReceiver, account: str) -> None:
    first = log_in(shared.url, account).json
    rows = [(f"{account}-{n}", first["device"], f"{account}-{n}".encode()) for n in range(100)]
    with closing(sqlite3.connect(shared.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.executemany(
            """INSERT INTO devices (id, account_id, kind, name, token_sha256, created_ns, seen_ns,
                expires_ns, send_only)
            SELECT ?, account_id, kind, name, ?3, created_ns, seen_ns + 1, expires_ns, 0
            FROM devices WHERE id = ?2""",
            rows,
        )
    last = log_in(shared.url, account).json
    with Native(shared.url, last["access_token"]) as device:
        ids = {one["id"] for one in device.get("/devices").json["devices"]}
    assert len(ids) == 100
    assert last["device"] in ids
    assert first["device"] not in ids


# -- out


def test_who_signs_out_is_out_at_once(
    shared: RunningReceiver, account: str, stranger: Native
) -> None:
    one, other = log_in(shared.url, account).json, log_in(shared.url, account).json
    with Native(shared.url, one["access_token"]) as device:
        assert device.post("/auth/logout").status == 204
        assert device.get("/account").status == 401
    assert refresh(stranger, one["refresh_token"]).code == "login_ended"
    assert works(shared, other["access_token"])


def test_a_revocation_in_another_process_holds_within_a_second(
    shared: RunningReceiver, account: str
) -> None:
    found = log_in(shared.url, account).json
    with Native(shared.url, found["access_token"]) as device:
        assert device.get("/account").status == 200
        set_in_catalogue(shared, "UPDATE devices SET revoked_ns = 1 WHERE id = ?", found["device"])
        revoked = time.monotonic()
        while device.get("/account").status == 200:
            assert time.monotonic() - revoked < 2
        assert time.monotonic() - revoked < 1.5


# -- another password


def test_a_new_password_ends_all_other_logins(shared: RunningReceiver, account: str) -> None:
    one, other = log_in(shared.url, account).json, log_in(shared.url, account).json
    with (
        Native(shared.url, one["access_token"]) as device,
        device_of(shared, account) as paired,
        device_of(shared, account) as revoked,
    ):
        wrong = device.post("/auth/password", {"old": "wrong", "new": OTHER})
        assert (wrong.status, wrong.code) == (403, "password_refused")
        assert device.post("/auth/password", {"new": OTHER}).code == "password_refused"
        weak = device.post("/auth/password", {"old": PASSWORD, "new": f"{account}12345"})
        assert (weak.status, weak.code) == (422, "password_weak")
        assert device.post("/auth/password", {"old": PASSWORD, "new": OTHER}).status == 204
        assert device.get("/account").status == 200
        assert not works(shared, other["access_token"])
        assert paired.get("/account").status == 200
        assert log_in(shared.url, account).code == "login_refused"
        assert log_in(shared.url, account, OTHER).status == 200
        # And with the paired devices, but for the one that asks.
        asked = {"old": OTHER, "new": PASSWORD, "devices": True}
        assert paired.post("/auth/password", asked).status == 204
        assert paired.get("/account").status == 200
        assert revoked.get("/account").status == 401
        assert device.get("/account").status == 401


def test_an_account_without_a_password_gets_its_first_from_a_whole_device(
    shared: RunningReceiver, folder: str
) -> None:
    add_account(shared, folder)
    with device_of(shared, folder, send_only=True) as camera:
        assert camera.post("/auth/password", {"new": PASSWORD}).code == "not_allowed"
    with device_of(shared, folder) as device:
        assert device.post("/auth/password", {"new": PASSWORD}).status == 204
    assert log_in(shared.url, folder).status == 200


def test_the_command_sets_a_password_and_ends_the_logins(
    shared: RunningReceiver, account: str
) -> None:
    found = log_in(shared.url, account).json
    told(shared, "account.password", account=account, password=OTHER)
    assert not works(shared, found["access_token"])
    assert log_in(shared.url, account, OTHER).status == 200
    with pytest.raises(Refused, match="too easy to guess"):
        told(shared, "account.password", account=account, password="password123")


def test_a_hash_of_older_parameters_is_made_anew(shared: RunningReceiver, account: str) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    set_in_catalogue(shared, "UPDATE accounts SET password_hash = ? WHERE name = ?", old, account)
    assert log_in(shared.url, account).status == 200
    with closing(sqlite3.connect(shared.data / "catalogue.sqlite3")) as catalogue:
        (new,) = catalogue.execute(
            "SELECT password_hash FROM accounts WHERE name = ?", (account,)
        ).fetchone()
    assert new.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert log_in(shared.url, account).status == 200


# -- under attack. Every address of 127.0.0.0/8 is ours to come from.


def source_login(receiver: RunningReceiver, source: str, name: str, password: str) -> RawAnswer:
    """Log in from that address."""
    body = json.dumps({"email": name, "password": password}).encode()
    with Raw(receiver.url, source=source) as raw:
        raw.head(
            "POST", f"{API}/auth/login", Content_Type="application/json", Content_Length=len(body)
        )
        raw.send(body)
        return raw.answer()


def until_shed(receiver: RunningReceiver, sources: list[str], name: str) -> RawAnswer:
    """The first answer to a wrong password that was not even looked at. On a busy machine a delay may be over
    before the next attempt; then it is twice as long after it."""
    answers = []
    for source in sources:
        answers.append(source_login(receiver, source, name, "wrong"))
        if answers[-1].code != "login_refused":
            break
    codes = [answer.code for answer in answers]
    assert 5 <= codes.count("login_refused") == len(codes) - 1
    assert codes[-1] == "too_many_attempts"
    return answers[-1]


def test_failures_make_an_address_wait_longer_and_longer(
    shared: RunningReceiver, account: str
) -> None:
    shed = until_shed(shared, ["127.2.0.1"] * 12, f"no-{account}")
    assert shed.status == 429
    assert int(shed.headers["retry-after"]) >= 1
    assert source_login(shared, "127.2.0.2", account, PASSWORD).status == 200


def test_an_account_under_attack_lets_in_who_was_there_before(
    shared: RunningReceiver, account: str
) -> None:
    assert source_login(shared, "127.3.0.1", account, PASSWORD).status == 200
    until_shed(shared, [f"127.3.1.{number}" for number in range(1, 13)], account)
    assert source_login(shared, "127.3.0.1", account, PASSWORD).status == 200
    # Nobody learns from it whether there is such an account.
    until_shed(shared, [f"127.3.2.{number}" for number in range(1, 13)], f"no-{account}")


def test_a_thousand_wrong_logins_keep_nobody_else_out(
    shared: RunningReceiver, account: str
) -> None:
    """50 at a time, from four addresses, on one account that is there and one that is not."""
    assert source_login(shared, "127.4.0.1", account, PASSWORD).status == 200
    alone = max(timed(shared, "127.4.0.1", account) for _ in range(3))
    before = resident_bytes(shared)
    command = [sys.executable, "-m", "kit.attack", shared.url, "1000", "50", "127.4.1", account]
    with spawn(command, env={"PYTHONPATH": str(TESTS)}) as attack:
        attack.wait_for("^begun$")
        times = []
        while attack.running:
            times.append(timed(shared, "127.4.0.1", account))
            new = len(times)  # a name and an address that nobody has come with before
            times.append(timed(shared, f"127.4.2.{new + 1}", f"new-{new}", wrong=True))
        assert attack.wait() == 0, attack.stderr.text
        codes = json.loads(attack.stdout.lines[-1])
    assert sum(codes.values()) == 1000
    assert codes.keys() == {"login_refused", "too_many_attempts"}
    assert codes["login_refused"] <= 4 * 8  # hashed; all others were shed before
    # The median, as other programs of this machine may want its processors too.
    median = statistics.median(times)
    print(
        f"1,000 wrong logins: {codes}; others log in within {median:.2f} s (median), {max(times):.2f} s"
    )
    assert median < max(1.0, 6 * alone), (times, alone)
    # Two hashes of 64 MiB at once, and what 1,000 connections leave.
    assert resident_bytes(shared) - before < 200 * 1024 * 1024


def test_an_unknown_name_takes_as_long_as_a_wrong_password(shared: RunningReceiver) -> None:
    known, unknown = [], []
    timed(shared, "127.5.0.1", "the first of all", wrong=True)
    for one in range(8):
        add_account(shared, f"known-{one}", password=PASSWORD)
        for number in range(3):
            known.append(
                timed(shared, f"127.5.1.{one * 3 + number + 1}", f"known-{one}", wrong=True)
            )
            unknown.append(
                timed(shared, f"127.5.2.{one * 3 + number + 1}", f"un-{one}", wrong=True)
            )
    ratio = statistics.median(known) / statistics.median(unknown)
    print(f"known {statistics.median(known):.3f} s, unknown {statistics.median(unknown):.3f} s")
    assert 0.7 < ratio < 1.4, (known, unknown)


def timed(receiver: RunningReceiver, source: str, name: str, *, wrong: bool = False) -> float:
    """Seconds that a login takes."""
    began = time.perf_counter()
    answer = source_login(receiver, source, name, "wrong" if wrong else PASSWORD)
    took = time.perf_counter() - began
    assert answer.status == (401 if wrong else 200), answer
    return took


def resident_bytes(receiver: RunningReceiver) -> int:
    with open(f"/proc/{receiver.process.pid}/status") as status:
        (line,) = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024
