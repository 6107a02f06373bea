"""As a service: what the manager hears, and whether the unit's walls leave room to work."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from configparser import RawConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_receiver import notify
from kit.native import Native, random_content
from kit.processes import PATIENCE_SECONDS, Process
from kit.receiver import PROGRAM
from kit.serving import Served, served
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

if TYPE_CHECKING:
    pass

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "packaging" / "systemd" / "howdah-receiver.service"
SYSUSERS = UNIT.with_suffix(".sysusers")


# -- the unit


@needs_systemd
def test_the_unit_leaves_little_open() -> None:
    assert exposure(UNIT) <= 1.5


@needs_systemd
def test_the_unit_is_valid(short_path: Path) -> None:
    # Nothing is installed here: only the program's path is another.
    copy = short_path / UNIT.name
    text = UNIT.read_text()
    assert "ExecStart=/opt/howdah/bin/howdah-receiver serve\n" in text
    copy.write_text(text.replace("/opt/howdah/bin/howdah-receiver", "/bin/true"))
    assert said("systemd-analyze", "verify", "--man=false", copy) == ""


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers here")
def test_the_user_is_made() -> None:
    told = said("systemd-sysusers", "--dry-run", SYSUSERS)
    assert "howdah" in told


def settings_of_the_unit() -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_waits_for_a_stop_longer_than_that_takes() -> None:
    service = settings_of_the_unit()["Service"]
    assert service["Type"] == "notify"
    assert service["TimeoutStopSec"] == "20"


# -- what the manager hears


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_the_manager_hears_of_ready_alive_and_stopping(short_path: Path, kind: str) -> None:
    address = str(short_path / "notify") if kind == "file" else f"@howdah-test-{os.getpid()}"
    env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with manager(address) as door, served(short_path / "d", env=env) as receiver:
        heard = [door.recv(4096).decode().splitlines()]
        while "READY=1" not in heard[-1]:
            heard.append(door.recv(4096).decode().splitlines())
        # It listened by then.
        socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE_SECONDS).close()
        assert heard[-1] == ["READY=1", f"STATUS=Listening as {receiver.url}"]
        assert door.recv(4096) == b"WATCHDOG=1"
        assert door.recv(4096) == b"WATCHDOG=1"
        assert receiver.stop() == 0
        while "STOPPING=1" not in heard[-1]:
            heard.append(door.recv(4096).decode().splitlines())
        assert heard[-1] == ["STOPPING=1", "STATUS=Stopping"]


def test_without_a_manager_nothing_is_said(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not notify.notify(notify.READY)
    monkeypatch.setenv("NOTIFY_SOCKET", str(short_path / "nobody"))
    assert not notify.notify(notify.READY)
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    assert not notify.notify(notify.READY)


def test_a_status_is_one_line() -> None:
    assert notify.status("a\nREADY=0") == "STATUS=a READY=0"


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    variables: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert notify.watchdog_seconds() == seconds


# -- inside its walls


class Confined(Served):
    """A receiver inside the unit's walls, as far as they can be put up without systemd."""

    def start(self) -> None:
        order = self._output / "order.json"
        order.write_text(
            json.dumps({"calls": allowed_calls(UNIT), "families": allowed_families(UNIT)})
        )
        before: list[str | Path] = [sys.executable, CONFINED, order]
        if os.geteuid() == 0:
            before = ["setpriv", "--no-new-privs", "--bounding-set", "-all", *before]
        serve: list[str | Path] = [
            "serve",
            "--data",
            self.data,
            "--port",
            str(self.port),
            *self._arguments,
        ]
        self.process = Process([*before, *PROGRAM, *serve], folder=self._output, env=self._env)
        try:
            self.url = self.process.wait_for(r"^https?://\S+$")[0]
        except BaseException:
            self.process.close()
            raise


@pytest.fixture
def walls() -> None:
    skip_without_walls()


@needs_systemd
@pytest.mark.usefixtures("walls")
def test_the_walls_hold(short_path: Path) -> None:
    """Or the next test would show nothing."""
    order = short_path / "order.json"
    order.write_text(json.dumps({"calls": allowed_calls(UNIT), "families": allowed_families(UNIT)}))
    tries = (
        "import ctypes, mmap, os, socket\n"
        "def refused(call, *words):\n"
        "    try: call(*words)\n"
        "    except OSError as error: return error.errno\n"
        "print(refused(os.chroot, '/'), refused(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW),\n"
        "    refused(mmap.mmap, -1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,\n"
        "        mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC), refused(socket.socket))"
    )
    assert said(sys.executable, CONFINED, order, sys.executable, "-c", tries) == "1 97 13 None\n"


@needs_systemd
@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_receiver_works_inside_the_walls_of_its_unit(short_path: Path, host: str) -> None:
    receiver = Confined(short_path / "d", "--host", host)
    try:
        if host == "0.0.0.0":
            # Its own certificate is made and shown.
            socket.create_connection(("127.0.0.1", receiver.port), PATIENCE_SECONDS).close()
            assert "&pin=sha256:" in receiver.link
        else:
            _everything(receiver)
        began = time.monotonic()
        assert receiver.stop() == 0
        assert time.monotonic() - began < 10
        assert "Traceback" not in receiver.process.stderr.text
    finally:
        receiver.close()


def _everything(receiver: Served) -> None:
    content = random_content(3_000_000)
    with Native.paired_with(receiver) as device:
        first = device.published("dir/a", content)
        device.published("dir/a", random_content(100))
        device.published("dir/b", content)
        device.digested(first["id"])
        assert {item["path"] for item in device.items("dir")} == {"dir/a", "dir/b"}
        upload = device.sent("c", content)
        receiver.process.kill()
        receiver.process.close()
        receiver.start()
        assert device.received(upload) == set(range(content.total))
        assert device.complete(upload, content).status == 201
