"""The program as a whole: killed, ended and started twice, as processes."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import RemoteEngine
from kit.client import Client
from kit.engine_bench import ended, seen, until
from kit.window_scene import MB, pair_over
from together.carriage import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.link import FaultyLink
    from kit.processes import Process
    from kit.receiver import RunningReceiver

END_SECONDS = 10.0


@pytest.fixture
def client(receiver: RunningReceiver, link: FaultyLink, own_machine: Path) -> Iterator[Client]:
    """The program with a home that is paired over the link."""
    pair_over(link, receiver)
    client = Client(own_machine / "howdah", {"QT_QPA_PLATFORM": "offscreen"})
    yield client
    client.close()


@contextmanager
def engine_of(client: Client, program: Process) -> Iterator[RemoteEngine]:
    """The engine of a program that has just been started."""
    wait_until(lambda: find_socket(client, program), "an engine answers")
    engine = RemoteEngine(client.home)
    try:
        yield engine
    finally:
        engine.close()


def find_socket(client: Client, program: Process) -> bool:
    assert program.running, program.stderr.text
    try:
        RemoteEngine(client.home).close()
    except ProblemError:
        return False
    return True


@pytest.fixture
def film(own_machine: Path) -> Path:
    path = own_machine / "film.bin"
    path.write_bytes(os.urandom(20 * MB))
    return path


def complaints(program: Process) -> list[str]:
    """But for those of a platform that is no desktop."""
    return [line for line in program.stderr.lines if "This plugin does not" not in line]


def send_by_window(client: Client, path: Path) -> None:
    assert "comes to the front" in client.run("send", "--window", path).stdout


def is_there(receiver: RunningReceiver, film: Path) -> bool:
    stored = receiver.data / "files" / "owner" / film.name
    return stored.exists() and stored.read_bytes() == film.read_bytes()


def test_a_program_that_is_killed_goes_on_where_it_was(
    client: Client, receiver: RunningReceiver, link: FaultyLink, film: Path
) -> None:
    link.rate_bytes_per_second = 10 * MB
    program = client.start()
    with engine_of(client, program):
        send_by_window(client, film)
        link.wait_for(lambda: link.up_bytes > 14 * MB)
    program.kill(signal.SIGKILL)
    assert not is_there(receiver, film)
    link.rate_bytes_per_second = None
    program = client.start()
    with engine_of(client, program) as engine:
        until(engine, None, lambda snapshot: snapshot.counts == {"done": 1} and ended(snapshot))
    assert is_there(receiver, film)
    assert link.up_bytes < 20 * MB + 10 * MB, "what was received does not go twice"
    assert program.stop(END_SECONDS) == 0
    assert complaints(program) == []


def test_sigterm_ends_it_in_good_order_while_it_sends(
    client: Client, link: FaultyLink, film: Path
) -> None:
    link.rate_bytes_per_second = 4 * MB
    program = client.start()
    with engine_of(client, program):
        send_by_window(client, film)
        link.wait_for(lambda: link.up_bytes > 2 * MB)
    assert program.stop(END_SECONDS) == 0
    assert complaints(program) == []
    assert '"state": "paused"' not in client.run("status", "--json").stdout


def test_a_second_start_brings_the_window_to_the_front_and_ends(client: Client) -> None:
    program = client.start()
    with engine_of(client, program) as engine:
        called = seen(engine, lambda overview: overview.calls >= 0).calls
        second = client.run()
        assert "comes to the front" in second.stdout
        seen(engine, lambda overview: overview.calls == called + 1)
        assert program.running
    assert program.stop(END_SECONDS) == 0


def test_what_is_handed_over_is_called_by_its_group(
    client: Client, receiver: RunningReceiver, film: Path
) -> None:
    program = client.start()
    with engine_of(client, program) as engine:
        send_by_window(client, film)
        found = seen(engine, lambda overview: overview.called_group is not None)
        assert found.called_group == 1
        until(engine, 1, ended)
    assert is_there(receiver, film)
    assert program.stop(END_SECONDS) == 0
