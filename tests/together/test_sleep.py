"""A watched folder while its computer sleeps, or its clock is set: what was under way goes on at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from kit.client import Client
from kit.link import FaultyLink
from kit.processes import spawn
from kit.receiver import RunningReceiver
from kit.watching import SETTLE_SECONDS, engine_of, make, quick_watching, tree
from together.carriage import MB, Carriage, over, wait_until
from together.served import TARGET, ShiftedClock, served

if TYPE_CHECKING:
    from kit.link_parts import Carried, Pipe

YEAR_SECONDS = 365 * 86_400.0
SLOW = 2 * MB
SIZE = 8 * MB

SERVICE = """
import sys
from howdah_desktop.engine import engine, wakes
engine.IDLE_SECONDS, wakes.JUMP_SECONDS = 2.0, 1.0
sys.argv = ["howdah", "run"]
from howdah_desktop.cli import main
main()
"""
"""`howdah run` that takes it for a sleep when 3 s are missing, and not 80."""
SLEEP_SECONDS = 4.0
AWAKE_SECONDS = 20.0
"""Whoever waits for an answer on a dead line gives up after 30 s."""


class DeadLines(FaultyLink):
    """Once they `die`, open connections carry nothing more, and nobody is told; new ones are good."""

    _dead: tuple[Carried, ...] = ()

    def die(self) -> None:
        self._dead = tuple(self.connections)

    async def _send(self, pipe: Pipe, block: bytes, carried: Carried) -> None:
        if any(carried is dead for dead in self._dead):
            await asyncio.Future()
        await super()._send(pipe, block, carried)


def test_after_a_sleep_nothing_waits_for_lines_that_died_meanwhile(
    client: Client, receiver: RunningReceiver, short_path: Path
) -> None:
    local, there = short_path / "watched", receiver.data / "files" / "owner" / TARGET
    make(local, {"a.txt": b"first"})
    link = DeadLines(receiver.port)
    with link:
        client.run("pair", over(link, receiver, receiver.link))
        with engine_of(client) as engine:
            settings = FolderSettings(settle_seconds=SETTLE_SECONDS)
            engine.watch_add(os.fsencode(local), TARGET, settings=settings)
        with spawn([sys.executable, "-c", SERVICE], folder=short_path / "tmp") as service:
            wait_until(lambda: tree(there) == tree(local), "it runs", 60)
            link.rate_bytes_per_second = SLOW
            make(local, {"film.bin": os.urandom(SIZE)})
            begun = link.up_bytes + 2 * MB
            link.wait_for(lambda: link.up_bytes > begun)
            service.send(signal.SIGSTOP)
            link.die()
            make(local, {"later.txt": b"later", "a.txt": b"changed"})
            # There is nothing to look at: what is shown is that time passes.
            threading.Event().wait(SLEEP_SECONDS)
            link.rate_bytes_per_second = None
            service.send(signal.SIGCONT)
            wait_until(lambda: tree(there) == tree(local), "all of it is there", AWAKE_SECONDS)


def test_a_clock_that_is_set_years_ahead_or_back_holds_up_nothing(
    way: Carriage, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_watching(monkeypatch)
    clock = ShiftedClock()
    for name, module in list(sys.modules.items()):
        if name.startswith("howdah_desktop") and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    local = way.folder / "watched"
    make(local, {"a.txt": b"first"})
    with served(way.client, local, way.stored(TARGET)) as folder:
        way.link.rate_bytes_per_second = SLOW
        make(local, {"film.bin": os.urandom(SIZE)})
        for number, years in enumerate((10, -1)):
            begun = way.link.up_bytes + SIZE // 5
            way.link.wait_for(lambda begun=begun: way.link.up_bytes > begun)  # type: ignore[misc]  # at once
            clock.ahead_seconds = years * YEAR_SECONDS
            make(local, {f"later {number}.txt": b"later"})
            folder.until(
                lambda view: (
                    view.compared is not None
                    and abs(view.compared - clock.time()) < YEAR_SECONDS / 2
                ),
                "everything is compared: nobody knows what was missed",
            )
            assert "film.bin" not in tree(folder.there)
        way.link.rate_bytes_per_second = None
        view = folder.all_there()
        assert view.transfers == {"done": 4}
    assert not list((way.receiver.data / "versions").iterdir())
