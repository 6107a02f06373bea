"""`howdah run`: the engine in the background."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from howdah_desktop.service import notify, unit
from kit.client import PROGRAM, Client
from kit.processes import PATIENCE_SECONDS, spawn
from kit.receiver import RunningReceiver
from kit.units import (
    CONFINED,
    allowed_calls,
    allowed_families,
    exposure,
    manager,
    needs_systemd,
    said,
    skip_without_walls,
)

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "packaging" / "systemd" / "howdah-client.service"


def until(true: Callable[[], bool]) -> None:
    """Asked again and again; each question is a command's whole run, or a step of its own."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline


@pytest.fixture
def source(short_path: Path) -> Path:
    path = short_path / "note.bin"
    path.write_bytes(os.urandom(50_000))
    return path


# -- what it does


def test_it_sends_what_is_given_to_it_and_says_so(paired: Client, source: Path) -> None:
    service = paired.start("run")
    service.wait_for("^Running")
    paired.run("send", source, "--to", "X")
    service.wait_for("^done .* X/note.bin|^done +X/note.bin")
    assert service.stop() == 0
    assert service.stdout.lines[-1] == "Stopping. Everything goes on later."
    assert service.stderr.text == ""


def test_what_was_left_unfinished_goes_on_by_itself(
    paired: Client, source: Path, receiver: RunningReceiver
) -> None:
    receiver.stop()
    paired.run("send", source, "--give-up-after", "0", code=4)
    service = paired.start("run", "--quiet")
    service.wait_for(r"\(offline\)")
    receiver.restart()
    service.wait_for("^receiver: answers again")
    until(lambda: "note.bin" in paired.run("ls").stdout)
    assert not [line for line in service.stdout.lines if not line.startswith("receiver:")]
    assert service.stop() == 0


def test_a_second_one_waits_and_takes_over(paired: Client, source: Path) -> None:
    first = paired.start("run")
    first.wait_for("^Running")
    second = paired.start("run")
    second.wait_for("^Another howdah does the work")
    assert second.running
    assert first.kill() == -signal.SIGKILL
    second.wait_for("^Running")
    paired.run("send", source)
    assert second.stop() == 0


def test_a_stop_takes_less_than_ten_seconds_whatever_hangs(
    paired: Client, source: Path, receiver: RunningReceiver
) -> None:
    service = paired.start("run")
    service.wait_for("^Running")
    receiver.process.send(signal.SIGSTOP)
    try:
        paired.run("send", source, "--give-up-after", "0", code=4)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10
    finally:
        receiver.process.send(signal.SIGCONT)
    paired.run("resume")
    assert "note.bin" in paired.run("ls").stdout


def test_without_a_pairing_it_says_so_and_goes_on_once_there_is_one(
    client: Client, receiver: RunningReceiver, source: Path
) -> None:
    service = client.start("run")
    service.wait_for("^Running")
    service.wait_for(r"\(not_paired\)", seconds=40)
    client.run("pair", receiver.link)
    service.wait_for("^receiver: answers again")
    client.run("send", source, timeout=60)
    assert service.stop() == 0


# -- its manager


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_the_manager_hears_of_ready_and_stopping(
    paired: Client, short_path: Path, kind: str
) -> None:
    address = str(short_path / "notify") if kind == "file" else f"@howdah-client-{os.getpid()}"
    paired.env["NOTIFY_SOCKET"] = address
    with manager(address) as door:
        service = paired.start("run")
        ready = door.recv(4096).decode().splitlines()
        assert ready[0] == "READY=1"
        assert ready[1].startswith("STATUS=Running")
        assert service.stop() == 0
        assert door.recv(4096).decode().splitlines() == ["STOPPING=1", "STATUS=Stopping"]


def test_a_manager_that_does_not_listen_is_no_trouble(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not notify.notify(notify.READY)
    for address in (str(short_path / "nobody"), "vsock:2:1234"):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert not notify.notify(notify.READY)
    assert notify.status("a\nREADY=0") == "STATUS=a READY=0"


def test_the_users_unit_is_written_with_absolute_paths_and_removed_again(
    paired: Client, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = paired.run("run", "--install").stdout
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "systemd/user/howdah.service"
    assert f"Written: {path}" in told
    assert "    systemctl --user enable --now howdah.service" in told.splitlines()
    text = path.read_text()
    assert f"\nExecStart={sys.executable} -m howdah_desktop run\n" in text
    assert f"\nEnvironment=HOWDAH_HOME={paired.home}\n" in text
    assert "Type=notify" in text
    assert f"Removed: {path}" in paired.run("run", "--uninstall").stdout
    assert not path.exists()
    assert "There is none" in paired.run("run", "--uninstall").stdout
    paired.run("run", "--install", "--uninstall", code=2)


def test_a_systemd_that_answers_is_told(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = short_path / "tools"
    tools.mkdir()
    calls = short_path / "calls"
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert unit.install(short_path / "home")[1]
    assert unit.uninstall() == unit.unit_path()
    assert calls.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now howdah.service",
        "--user disable --now howdah.service",
        "--user daemon-reload",
    ]


@needs_systemd
def test_systemd_reads_the_unit_whatever_the_folders_are_called(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = short_path / 'a "strange" 50% $HOME; folder'
    monkeypatch.setenv("HOWDAH_HOME", str(strange))
    copy = short_path / "howdah.service"
    copy.write_text(unit.unit_text(strange))
    assert said("systemd-analyze", "verify", "--user", "--man=false", copy) == ""


# -- the system's unit


@needs_systemd
def test_the_systems_unit_leaves_little_open() -> None:
    assert exposure(UNIT) <= 2.5


@needs_systemd
def test_the_systems_unit_is_valid(short_path: Path) -> None:
    copy = short_path / UNIT.name
    text = UNIT.read_text()
    assert "ExecStart=/opt/howdah/bin/howdah run\n" in text
    copy.write_text(text.replace("/opt/howdah/bin/howdah", "/bin/true"))
    assert said("systemd-analyze", "verify", "--man=false", copy) == ""


@needs_systemd
def test_the_service_works_inside_the_walls_of_its_unit(
    paired: Client, source: Path, short_path: Path
) -> None:
    skip_without_walls()
    order = short_path / "order.json"
    words = {"calls": allowed_calls(UNIT), "families": allowed_families(UNIT)}
    order.write_text(json.dumps(words))
    before: list[str | Path] = [sys.executable, CONFINED, order]
    if os.geteuid() == 0:
        before = ["setpriv", "--no-new-privs", "--bounding-set", "-all", *before]
    with spawn([*before, *PROGRAM, "run"], folder=short_path) as service:
        service.wait_for("^Running")
        paired.run("send", source)
        assert service.stop() == 0
        assert "Traceback" not in service.stderr.text
    assert "note.bin" in paired.run("ls").stdout
