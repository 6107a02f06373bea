"""Speed, time left and what is under way count what has left this machine, not what its kernel took."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpcore
import pytest

from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.meter import Traffic
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer, TransferState
from howdah_desktop.remote import secrets
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.remote.trust import PinnedBackend
from howdah_desktop.settings import Settings
from kit.client import Client
from kit.link import FaultyLink
from kit.receiver import RunningReceiver

MB = 1_000_000
PATIENCE_SECONDS = 20.0

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="no other system says it")


# -- one transfer, with a clock of its own


@dataclass
class Sent:
    """A job of a file of 8 MB, and what it says of itself."""

    job: Job
    traffic: Traffic

    @property
    def bytes(self) -> tuple[int, int, int]:
        """Done, in flight, and over the line, in MB."""
        live = self.job.live()
        return live.done_bytes // MB, live.in_flight_bytes // MB, self.traffic.up // MB


@pytest.fixture
def sent() -> Sent:
    transfer = Transfer(
        id=1,
        group=1,
        kind=Kind.UPLOAD,
        state=TransferState.SENDING,
        local=b"/film",
        remote="film",
        if_exists=IfExists.VERSION,
        size=8 * MB,
    )
    traffic = Traffic()
    return Sent(Job(transfer, Link(), None, lambda changed: None, traffic), traffic)


def test_what_waits_in_the_kernel_is_not_in_flight(sent: Sent) -> None:
    sent.job.leaves(3 * MB)
    assert sent.bytes == (0, 0, 0), "nobody has looked yet"
    sent.job.tick(0.0, 3 * MB)
    assert sent.bytes == (0, 0, 0)
    sent.job.tick(1.0, 2 * MB)
    assert sent.bytes == (0, 1, 1)
    sent.job.acknowledged(3 * MB, 3 * MB)
    assert sent.bytes == (3, 0, 3)


def test_what_a_broken_line_took_is_not_in_flight_and_never_went_over_it(sent: Sent) -> None:
    sent.job.leaves(3 * MB)
    sent.job.tick(0.0, 2 * MB)
    sent.job.lost(3 * MB)
    assert sent.bytes == (0, 0, 1)
    sent.job.tick(1.0, 0)
    assert sent.bytes == (0, 0, 1)
    sent.job.leaves(3 * MB)
    sent.job.tick(2.0, 0)
    assert sent.bytes == (0, 3, 4), "the first of them was sent twice"


def test_the_speed_is_the_lines_while_the_kernel_takes_all_at_once(sent: Sent) -> None:
    sent.job.tick(0.0, 0)
    sent.job.leaves(4 * MB)
    for quarter in range(1, 13):
        sent.job.tick(quarter / 4, 4 * MB - quarter * MB // 8)
    live = sent.job.live()
    assert live.bytes_per_second == pytest.approx(MB / 2)
    assert live.seconds_left == pytest.approx((8 - 1.5) * 2)


# -- a connection


@only_linux
def test_a_connection_knows_what_has_not_reached_the_other_side() -> None:
    backend = PinnedBackend(None, tls=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        stream = backend.connect_tcp("127.0.0.1", server.getsockname()[1], 5.0)
        peer, _ = server.accept()
        with peer:
            assert backend.unsent_bytes() == 0
            with pytest.raises(httpcore.WriteTimeout):
                stream.write(bytes(64 * MB), 0.05)
            waiting = backend.unsent_bytes()
            assert 0 < waiting < 64 * MB
            peer.settimeout(PATIENCE_SECONDS)
            before = waiting
            while backend.unsent_bytes() >= before:
                peer.recv(MB)
        stream.close()
    assert backend.unsent_bytes() == 0, "nobody asks a socket that is closed"


# -- the whole, over a line of 500 KB/s


@only_linux
def test_a_slow_line_shows_its_speed_and_when_a_file_is_there(
    paired: Client,
    receiver: RunningReceiver,
    short_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOWDAH_HOME", str(paired.home))
    source = short_path / "film"
    source.write_bytes(os.urandom(4 * MB))
    with FaultyLink(receiver.port, rate_bytes_per_second=MB / 2, round_trip_seconds=0.02) as link:
        there = replace(secrets.load(), address=f"http://127.0.0.1:{link.port}")
        engine = Engine(Ledger(paired.home), lambda: Receiver(there), Settings(home=paired.home))
        engine.start()
        try:
            engine.add_sends([os.fsencode(source)])
            follow_and_compare(engine, link)
        finally:
            engine.cancel()
            engine.stop()


def follow_and_compare(engine: Engine, link: FaultyLink) -> None:
    """A busy machine may make the line slower than it is meant to be: what counts is what it carries."""
    link.wait_for(lambda: link.up_bytes > 20_000)
    began, before, now, since = time.monotonic(), link.up_bytes, 0.0, 0
    speeds = []
    while True:
        told = engine.overview(since, (), 0.1)
        since, now = told.change, time.monotonic() - began
        [film] = told.transfers or (None,)
        if film is None:
            continue
        speeds += [film.bytes_per_second or 0, told.up_bytes_per_second or 0]
        if now >= 3:
            break
    carried = link.up_bytes - before
    rate = carried / now
    print(f"line {rate:,.0f} B/s, shown {film.bytes_per_second:,.0f}, most {max(speeds):,.0f}")
    assert film.bytes_per_second == pytest.approx(rate, rel=0.3)
    assert told.up_bytes_per_second == pytest.approx(rate, rel=0.3)
    assert max(speeds) < 2 * rate
    assert abs(film.done_bytes + film.in_flight_bytes - carried) < 0.5 * MB
    left = (4 * MB - carried) / rate
    assert film.seconds_left is not None
    assert left / 2 < film.seconds_left < left * 2
    assert told.seconds_left is not None
    assert told.seconds_left >= film.seconds_left
