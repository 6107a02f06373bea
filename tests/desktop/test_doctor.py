"""The doctor says what is wrong, and what to do about it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from howdah_desktop.doctor import line, machine, own
from howdah_desktop.doctor.finding import Finding, Level
from howdah_desktop.remote import secrets
from howdah_desktop.remote.answers import clock_ahead_seconds
from howdah_desktop.remote.secrets import TokenPlace
from howdah_desktop.service.unit import unit_path
from howdah_desktop.settings import Settings
from howdah_desktop.system import exclusive_lock
from kit.client import Client
from kit.receiver import RunningReceiver
from kit.serving import served


def findings(client: Client, code: int = 0) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for text in client.run("doctor", "--json", code=code).stdout.splitlines():
        one = json.loads(text)
        assert one["event"] == "finding"
        assert one["level"] == "ok" or one["remedy"], one
        found.setdefault(one["about"], []).append(one)
    return found


@pytest.fixture
def settings(own_machine: Path) -> Settings:
    return Settings(own_machine / "howdah")


def only(found: Iterator[Finding]) -> Finding:
    (one,) = found
    return one


def test_where_all_is_well_it_says_so(paired: Client, short_path: Path) -> None:
    (short_path / "x").write_bytes(b"x")
    paired.run("send", short_path / "x")
    found = findings(paired)
    assert set(found) == {
        "program", "folder", "ledger", "engine", "token", "pairing", "receiver", "clock", "watching", "room",
    }  # fmt: skip
    bad = [one for group in found.values() for one in group if one["level"] == "problem"]
    assert bad == []
    assert "1 transfers" in found["ledger"][0]["sentence"]
    assert "on this machine, without TLS" in found["receiver"][0]["sentence"]
    assert found["token"][0]["level"] == "warning"
    assert str(paired.home / "token") in found["token"][0]["sentence"]
    lines = paired.run("doctor").stdout.splitlines()
    assert lines[0].startswith("ok       program   howdah ")


def test_pairing_says_where_the_token_is(client: Client, receiver: RunningReceiver) -> None:
    told = client.run("pair", receiver.link).stdout
    assert f"No keyring works here: its token is in {client.home / 'token'}, unencrypted" in told
    assert secrets.told(TokenPlace.KEYRING) == "Its token is in the desktop's keyring."


def test_a_running_engine_answers(paired: Client) -> None:
    service = paired.start("run")
    service.wait_for("^Running")
    assert findings(paired)["engine"][0]["sentence"] == "One runs and answers."
    assert service.stop() == 0


def test_without_a_pairing_it_is_the_pairing_that_is_wrong(client: Client) -> None:
    found = findings(client, code=1)
    assert found["pairing"][0]["level"] == "problem"
    assert "receiver" not in found


def test_a_receiver_that_is_away_is_a_problem(paired: Client, receiver: RunningReceiver) -> None:
    receiver.stop()
    found = findings(paired, code=1)
    assert found["receiver"][0]["level"] == "problem"
    assert "clock" not in found


def test_another_certificate_than_the_one_paired_with_is_a_problem(
    client: Client, short_path: Path
) -> None:
    with served(short_path / "d", "--host", "0.0.0.0") as receiver:
        client.run("pair", receiver.link.replace("0.0.0.0", "127.0.0.1"))
        assert "certificate that was paired" in findings(client)["receiver"][0]["sentence"]
        record = client.home / "receiver.json"
        kept = json.loads(record.read_text())
        record.write_text(json.dumps(kept | {"pin": "0" * 64}))
        found = findings(client, code=1)["receiver"][0]
    assert "another certificate" in found["sentence"]


def test_rights_that_let_others_read_are_a_problem(paired: Client) -> None:
    (paired.home / "token").chmod(0o644)
    found = findings(paired, code=1)["folder"]
    assert "token" in found[0]["sentence"]
    assert found[0]["remedy"] == f"Run: chmod -R go= {paired.home}"


def test_a_damaged_ledger_is_a_problem(paired: Client, short_path: Path) -> None:
    paired.run("send", "/etc/hostname")
    with (paired.home / "ledger.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    assert findings(paired, code=1)["ledger"][0]["level"] == "problem"


def test_an_engine_that_does_not_answer_is_a_problem(settings: Settings) -> None:
    settings.home.mkdir(exist_ok=True)
    with exclusive_lock(settings.home / "lock"):
        found = only(own.engine(settings))
    assert found.level is Level.PROBLEM
    assert "End it" in found.remedy


def test_a_ledger_of_a_newer_version_is_a_problem(paired: Client) -> None:
    import sqlite3
    from contextlib import closing

    paired.run("send", "/etc/hostname")
    with closing(sqlite3.connect(paired.home / "ledger.sqlite3")) as db:
        db.execute("PRAGMA user_version = 99")
        db.commit()
    assert "newer version" in findings(paired, code=1)["ledger"][0]["sentence"]


@pytest.mark.parametrize(
    ("ahead", "level"), [(0.4, "ok"), (-290.0, "ok"), (301.0, "warning"), (-90_000.0, "warning")]
)
def test_clocks_that_are_apart_are_told_and_no_problem(ahead: float, level: str) -> None:
    assert only(line._clock(ahead)).level.value == level


@pytest.mark.parametrize("date", ["", "soon", "Sun, 99 Nov 2026 10:00:00 GMT"])
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    assert clock_ahead_seconds(httpx.Headers({"Date": date})) is None


def test_what_is_watched_is_counted_against_the_limit(
    settings: Settings, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    before = machine.used_of_user()
    descriptor = libc.inotify_init1(0o2000000)
    assert descriptor >= 0
    try:
        for number in range(3):
            folder = short_path / f"w{number}"
            folder.mkdir()
            assert libc.inotify_add_watch(descriptor, os.fsencode(folder), 0x100) >= 0
        used = machine.used_of_user()
        assert used.instances > before.instances or used.watches >= before.watches + 3
        limits = short_path / "limits"
        limits.mkdir()
        (limits / "max_user_watches").write_text("3\n")
        (limits / "max_user_instances").write_text("1000\n")
        monkeypatch.setattr(machine, "LIMITS", limits)
        found = only(machine.watches(settings))
    finally:
        os.close(descriptor)
    assert found.level is Level.WARNING
    assert "sudo sysctl fs.inotify.max_user_watches=524288" in found.remedy


def test_limits_that_cannot_be_read_are_said(
    settings: Settings, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "LIMITS", short_path)
    assert only(machine.watches(settings)).level is Level.WARNING


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "level"), [(2_000_000_000, "ok"), (900_000_000, "warning"), (1_000, "problem")]
)
def test_room_is_told(
    settings: Settings, free: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free))
    assert only(machine.room(settings)).level.value == level


def test_the_kind_of_a_file_system_is_known() -> None:
    assert own.file_system(Path("/proc/self")) == "proc"
    assert own.file_system(Path("/")) != ""


def test_a_service_whose_program_is_gone_is_a_problem(paired: Client, settings: Settings) -> None:
    assert list(own.service(settings)) == []
    paired.run("run", "--install")
    assert only(own.service(settings)).level is Level.OK
    path = unit_path()
    path.write_text(path.read_text().replace("ExecStart=", "ExecStart=/nowhere"))
    assert only(own.service(settings)).level is Level.PROBLEM
