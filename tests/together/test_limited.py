"""Limits over a real receiver: what the line carries, in both directions and over several connections."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from howdah_desktop.engine.bandwidth import BURST_SECONDS
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.remote import secrets
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings
from kit.client import Client
from kit.engine_bench import ended, until
from kit.link import FaultyLink
from kit.receiver import RunningReceiver

MB = 1_000_000
AROUND = 1.05
"""Requests have heads, and chunks frames."""


class Recorded:
    """What a line carried, when: looked at some fifty times a second."""

    def __init__(self, link: FaultyLink) -> None:
        self._link = link
        self._ended = threading.Event()
        self.samples: list[tuple[float, int, int]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            link = self._link
            self.samples.append((time.monotonic(), link.up_bytes, link.down_bytes))

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def most(self, way: int, seconds: float) -> float:
        """The most that was carried within any interval of that length. `way`: 1 up, 2 down."""
        found, first = 0.0, 0
        for sample in self.samples:
            while self.samples[first + 1][0] <= sample[0] - seconds:
                first += 1
            # Measured from just before the interval, and so rather too much.
            found = max(found, sample[way] - self.samples[first][way])
        return found

    def rate(self, way: int) -> float:
        """Between a tenth and nine tenths of all of it."""
        whole = self.samples[-1][way]
        middle = [s for s in self.samples if whole * 0.1 <= s[way] <= whole * 0.9]
        return (middle[-1][way] - middle[0][way]) / (middle[-1][0] - middle[0][0])


@pytest.fixture
def line(
    paired: Client, receiver: RunningReceiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Engine, FaultyLink]]:
    monkeypatch.setenv("HOWDAH_HOME", str(paired.home))
    with FaultyLink(receiver.port, round_trip_seconds=0.01) as link:
        there = replace(secrets.load(), address=f"http://127.0.0.1:{link.port}")
        engine = Engine(
            Ledger(paired.home),
            lambda: Receiver(there, connections=12),
            Settings(home=paired.home),
        )
        engine.start()
        yield engine, link
        engine.stop()


@contextmanager
def recorded(link: FaultyLink) -> Iterator[Recorded]:
    found = Recorded(link)
    try:
        yield found
    finally:
        found.end()


def keeps_to(found: Recorded, way: int, limit: float, bursts: int = 1) -> None:
    """Never more, by any second; and not much less, though a busy machine may be slow."""
    rate = found.rate(way)
    print(
        f"limit {limit:,.0f} B/s, carried {rate:,.0f} B/s, {found.most(way, 1.0):,.0f} in a second"
    )
    # A look may come late, and then an interval is longer than it is thought to be.
    late = max(b[0] - a[0] for a, b in pairwise(found.samples))
    allowed = limit * (1.0 + late + bursts * BURST_SECONDS) * AROUND
    assert found.most(way, 1.0) <= allowed
    assert rate <= limit * 1.1
    assert rate >= limit * 0.6


def test_what_is_sent_over_several_connections_keeps_to_the_limit(
    line: tuple[Engine, FaultyLink], short_path: Path
) -> None:
    engine, link = line
    engine.set_limits(Limits(up=3 * MB))
    (short_path / "film").write_bytes(os.urandom(9 * MB))
    for number in range(6):
        (short_path / f"{number}").write_bytes(os.urandom(MB // 4))

    with recorded(link) as found:
        paths = [os.fsencode(short_path / "film")]
        paths += [os.fsencode(short_path / str(number)) for number in range(6)]
        group = engine.add_sends(paths)
        link.wait_for(lambda: link.up_bytes > 3 * MB)
        most_open = link.open_connections
        assert until(engine, group, ended).counts == {"done": 7}
    keeps_to(found, 1, 3 * MB)
    assert most_open >= 4, "a limit is no reason for fewer connections"


def test_what_is_fetched_over_several_connections_keeps_to_the_limit(
    line: tuple[Engine, FaultyLink], short_path: Path
) -> None:
    engine, link = line
    content = os.urandom(10 * MB)
    (short_path / "film").write_bytes(content)
    until(engine, engine.add_sends([os.fsencode(short_path / "film")]), ended)
    engine.set_limits(Limits(down=3 * MB))
    before = link.down_bytes
    with recorded(link) as found:
        group = engine.add_fetches(["film"], os.fsencode(short_path / "back"))
        assert until(engine, group, ended).counts == {"done": 1}
    assert (short_path / "back" / "film").read_bytes() == content
    found.samples = [(at, up, down - before) for at, up, down in found.samples]
    # What was allowed is asked for, and may then come a little later, all at once.
    keeps_to(found, 2, 3 * MB, bursts=3)


def test_many_small_files_that_are_fetched_keep_to_the_limit(
    line: tuple[Engine, FaultyLink], short_path: Path
) -> None:
    engine, link = line
    tree = short_path / "tree"
    tree.mkdir()
    for number in range(160):
        (tree / str(number)).write_bytes(os.urandom(40_000))
    until(engine, engine.add_sends([os.fsencode(tree)]), ended)
    engine.set_limits(Limits(down=MB))
    before = link.down_bytes
    with recorded(link) as found:
        group = engine.add_fetches(["tree"], os.fsencode(short_path / "back"))
        assert until(engine, group, ended).counts == {"done": 160}
    for number in range(160):
        name = str(number)
        assert (short_path / "back/tree" / name).read_bytes() == (tree / name).read_bytes()
    found.samples = [(at, up, down - before) for at, up, down in found.samples]
    # What may come within a quarter of a second, and what was saved up by then, comes all at once.
    keeps_to(found, 2, MB, bursts=4)


def test_another_limit_holds_for_what_is_under_way_within_a_second(
    line: tuple[Engine, FaultyLink], short_path: Path
) -> None:
    engine, link = line
    engine.set_limits(Limits(up=4 * MB))
    with open(short_path / "film", "wb") as file:
        file.write(os.urandom(12 * MB))
    group = engine.add_sends([os.fsencode(short_path / "film")])
    link.wait_for(lambda: link.up_bytes > MB)
    requests = engine._runs.jobs
    assert requests
    engine.set_limits(Limits(up=MB // 5))
    changed = time.monotonic()
    with recorded(link) as found:
        link.wait_for(lambda: time.monotonic() > changed + 3.0 or link.up_bytes > 11 * MB)
    found.samples = [sample for sample in found.samples if sample[0] > changed + 1.0]
    slow = found.samples[-1][1] - found.samples[0][1]
    took = found.samples[-1][0] - found.samples[0][0]
    print(f"{slow:,} B in {took:.1f} s after the limit fell to {MB // 5:,} B/s")
    assert slow <= MB / 5 * (took + 2 * BURST_SECONDS) * AROUND
    engine.set_limits(Limits())
    assert until(engine, group, ended).counts == {"done": 1}
    assert time.monotonic() - changed < 40, "at the low limit it would take a minute"
