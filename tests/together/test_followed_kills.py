"""A followed file arrives as it is, and little of it twice, though both sides die while it grows."""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from kit.watching import engine_of
from together.carriage import MIB, Carriage, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 8 * MIB
WHOLE = 32 * MIB + 777
SETTLE_SECONDS = 1.0
REQUESTS = 500_000


@dataclass
class Growing:
    way: Carriage
    path: Path
    content: bytearray = field(default_factory=bytearray)

    def grow(self) -> None:
        """By 1 MiB, and once it is whole by a byte: it never rests."""
        data = secrets.token_bytes(max(1, min(MIB, WHOLE - len(self.content))))
        self.content += data
        with self.path.open("ab", buffering=0) as file:
            file.write(data)

    def parts_bytes(self) -> int:
        """What the largest unfinished upload takes on the receiver's disk."""
        parts = (self.way.receiver.data / "parts").iterdir()
        return max((part.stat().st_blocks * 512 for part in parts), default=0)

    def until(self, holds: Callable[[], bool], why: str) -> None:
        def grown() -> bool:
            self.grow()
            return holds()

        wait_until(grown, why, 60)

    def is_there(self) -> bool:
        there = self.way.stored("copy/film")
        return there.exists() and there.read_bytes() == self.content


@pytest.mark.parametrize("victims", ["client", "receiver", "both", "client twice"])
def test_a_followed_file_arrives_whole_though_somebody_is_killed_while_it_grows(
    way: Carriage, victims: str
) -> None:
    local = way.folder / "watched"
    local.mkdir()
    with engine_of(way.client) as engine:
        settings = FolderSettings(settle_seconds=SETTLE_SECONDS, follow=True)
        engine.watch_add(os.fsencode(local), "copy", False, settings)
    service = way.client.start("run")
    way.mark()
    growing = Growing(way, local / "film")
    for times in range(1, 3 if victims == "client twice" else 2):
        growing.until(lambda: growing.parts_bytes() >= times * CHUNK, "something is sent ahead")  # noqa: B023
        if victims != "receiver":
            service.kill()
        if victims in ("receiver", "both"):
            way.receiver.kill()
            growing.grow()
            way.receiver.restart()
        if victims != "receiver":
            service = way.client.start("run")
    growing.until(lambda: growing.parts_bytes() >= 3 * CHUNK, "it goes on")
    assert not way.stored("copy/film").exists(), "nothing is published while it grows"
    wait_until(growing.is_there, "it is there", 60)
    parts = way.receiver.data / "parts"
    wait_until(lambda: not list(parts.iterdir()), "nothing else of it is left there", 30)
    print(f"{victims}: {len(growing.content):,} bytes, {way.up:,} on the line")
    kills = 2 if victims == "client twice" else 1
    assert way.up < len(growing.content) + kills * CHUNK + REQUESTS, "but for what was under way"
    assert service.running


def test_a_followed_file_that_has_settled_arrives_whole_though_the_client_is_killed_then(
    way: Carriage,
) -> None:
    chance = random.Random(secrets.randbits(32))
    local = way.folder / "watched"
    local.mkdir()
    with engine_of(way.client) as engine:
        settings = FolderSettings(settle_seconds=SETTLE_SECONDS, follow=True)
        engine.watch_add(os.fsencode(local), "copy", False, settings)
    service = way.client.start("run")
    way.mark()
    growing = Growing(way, local / "film")
    growing.until(lambda: growing.parts_bytes() >= 2 * CHUNK, "something is sent ahead")
    way.link.rate_bytes_per_second = 8 * MIB
    for _ in range(3):
        moment = chance.uniform(0.5, 2.5)
        try:
            wait_until(growing.is_there, "it is there", moment)
        except AssertionError:
            print(f"killed after {moment:.2f} s")
        service.kill()
        service = way.client.start("run")
    wait_until(growing.is_there, "it is there", 40)
    parts = way.receiver.data / "parts"
    wait_until(lambda: not list(parts.iterdir()), "nothing else of it is left there", 30)
    assert [path.name for path in way.stored("copy").iterdir()] == ["film"]
    assert way.up < len(growing.content) + 4 * CHUNK + REQUESTS
    assert service.running
