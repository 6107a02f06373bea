"""Pairing: a code once, for a token; and the local door behind which the codes are made."""

from __future__ import annotations

import re
import socket
import sqlite3
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from kit.native import Native, code_in
from kit.receiver import RunningReceiver, running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stranger(receiver: RunningReceiver) -> Iterator[Native]:
    with Native(receiver.url) as someone:
        yield someone


def expire_codes(receiver: RunningReceiver) -> None:
    """Move the end of every code that has one into the past."""
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute("UPDATE pairing_codes SET expires_ns = 1 WHERE expires_ns IS NOT NULL")


def test_a_link_holds_a_code_of_sixty_bits_for_this_address(receiver: RunningReceiver) -> None:
    for link in (receiver.link, receiver.new_link()):
        parts = urlsplit(link)
        assert (parts.scheme, parts.netloc, parts.path) == (
            "howdah",
            f"127.0.0.1:{receiver.port}",
            "/pair",
        )
        assert parse_qs(parts.query)["tls"] == ["0"]
        assert re.fullmatch(r"([A-Z2-9]{4}-){2}[A-Z2-9]{4}", code_in(link))


def test_a_code_is_good_once(receiver: RunningReceiver, stranger: Native) -> None:
    code = code_in(receiver.link)
    first = stranger.pair(code, "my laptop")
    assert first.status == 201
    assert len(first.json["token"]) >= 43
    assert set(first.json) == {"token", "device", "account", "receiver_name", "catalogue"}
    again = stranger.pair(code)
    assert (again.status, again.code) == (403, "pairing_refused")
    with Native(receiver.url, first.json["token"]) as device:
        answer = device.listing()
    assert answer.status == 200
    assert answer.headers["howdah-catalogue"] == first.json["catalogue"]


def test_a_code_may_be_typed_carelessly(receiver: RunningReceiver, stranger: Native) -> None:
    assert stranger.pair(f"  {code_in(receiver.link).lower()} ").status == 201


def test_a_code_expires(receiver: RunningReceiver, stranger: Native) -> None:
    code = code_in(receiver.new_link())
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue:
        (expires_ns,) = catalogue.execute(
            "SELECT expires_ns FROM pairing_codes WHERE expires_ns IS NOT NULL"
        ).fetchone()
    assert 14 * 60 < expires_ns / 1e9 - time.time() <= 15 * 60
    expire_codes(receiver)
    answer = stranger.pair(code)
    assert (answer.status, answer.code) == (403, "pairing_refused")
    assert stranger.pair(code_in(receiver.link)).status == 201  # the first one does not expire


def test_wrong_used_and_expired_codes_get_the_same_answer(
    receiver: RunningReceiver, stranger: Native
) -> None:
    used, expired = code_in(receiver.link), code_in(receiver.new_link())
    stranger.pair(used)
    expire_codes(receiver)
    answers = [
        stranger.pair(code) for code in ("AAAA-AAAA-AAAA", used, expired, "", "\n", "\0" * 99)
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(403, answers[0].body)}


def test_guessing_is_slowed(receiver: RunningReceiver, stranger: Native) -> None:
    codes = [stranger.pair(f"AAAA-AAAA-AAA{letter}").code for letter in "BCDEFGHJKLM"]
    assert codes == ["pairing_refused"] * 10 + ["too_many_attempts"]
    answer = stranger.pair(code_in(receiver.link))
    assert (answer.status, answer.code) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) == 60


def test_a_device_may_call_itself_anything(receiver: RunningReceiver, stranger: Native) -> None:
    for name in ("", "x" * 1000, "\u202e\n\x1b", "a'b"):
        assert stranger.pair(code_in(receiver.new_link()), name).status == 201


@pytest.mark.parametrize(
    "body", [{}, {"code": 7, "device_name": "x"}, {"code": "x"}, [], "x", {"device_name": "x"}]
)
def test_what_is_no_pairing_is_refused(shared: RunningReceiver, body: object) -> None:
    with Native(shared.url) as someone:
        answer = someone.post("/pair", body)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_the_first_link_is_renewed_at_each_start_until_a_device_has_paired(
    receiver: RunningReceiver,
) -> None:
    first = receiver.link
    receiver.restart()
    second = receiver.link
    assert second != first
    with Native(receiver.url) as someone:
        assert someone.pair(code_in(first)).code == "pairing_refused"
        device = Native(receiver.url, someone.pair(code_in(second)).json["token"])
    receiver.restart()
    with device:
        assert device.listing().status == 200
    with Native.paired_with(receiver, receiver.new_link()) as another:
        assert another.token != device.token
    assert not any(line.startswith("howdah:") for line in receiver.process.stdout.lines)


def test_the_doors_are_for_the_user_alone(receiver: RunningReceiver) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(receiver.data) == 0o700
    assert stat.S_ISSOCK((receiver.data / "control.sock").stat().st_mode)
    assert mode(receiver.data / "control.sock") == 0o600
    assert mode(receiver.data / "lock") == 0o600
    for folder in ("files", "versions", "parts"):
        assert mode(receiver.data / folder) == 0o700


def test_without_a_receiver_there_is_no_link(short_path: Path) -> None:
    nothing = short_path / "nothing"
    assert "There is no data folder" in refusal(command("pair", "--data", nothing))
    assert not nothing.exists()
    with running_receiver(short_path / "data") as receiver:
        receiver.kill()
        # The socket of the one that died is still there.
        assert (receiver.data / "control.sock").exists()
        assert "No receiver is running" in refusal(command("pair", "--data", receiver.data))
        receiver.start()
        assert receiver.new_link().startswith("howdah://")
        receiver.stop()
        assert not (receiver.data / "control.sock").exists()


def test_a_file_in_the_place_of_the_folder_is_a_sentence(short_path: Path) -> None:
    (short_path / "file").write_text("x")
    refusal(command("pair", "--data", short_path / "file"))


def test_the_local_door_takes_no_nonsense(receiver: RunningReceiver) -> None:
    for nonsense in (
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"command": "rm"}\n',
        b"x" * 200_000,
    ):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(20)
            door.connect(str(receiver.data / "control.sock"))
            try:
                door.sendall(nonsense)
                door.shutdown(socket.SHUT_WR)
                assert b"link" not in door.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert receiver.new_link().startswith("howdah://")
