"""An engine with a receiver in memory, and how a test waits for what it does."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from howdah_common.problems import ProblemError
from howdah_desktop.engine import backoff, outcomes
from howdah_desktop.engine.backoff import DELAYS_SECONDS
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.views import Overview, Snapshot, TransferView
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings
from howdah_desktop.surroundings import Surroundings
from kit.scripted_receiver import ScriptedReceiver

if TYPE_CHECKING:
    import pytest

PATIENCE_SECONDS = 45.0


def quick_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as long as a test likes them; how long they are is tested where they are decided."""
    monkeypatch.setattr(
        "howdah_desktop.engine.backoff.DELAYS_SECONDS", (0.01,) * len(DELAYS_SECONDS)
    )
    for code in backoff.FLOOR_SECONDS:
        monkeypatch.setitem(backoff.FLOOR_SECONDS, code, 0.05)
    monkeypatch.setattr(outcomes, "FIRST_QUIET_SECONDS", 0.05)
    monkeypatch.setattr(outcomes, "QUIET_SECONDS", 0.05)


class Bench:
    """An engine with a receiver in memory."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "howdah"
        self.home.mkdir(exist_ok=True)
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.receiver = ScriptedReceiver()
        self.settings = Settings(home=self.home)

    def connect(self) -> Receiver:
        return cast("Receiver", self.receiver)

    @contextmanager
    def engine(
        self,
        *,
        away: bool = False,
        clock: Callable[[], float] = time.time,
        surroundings: Surroundings | None = None,
    ) -> Iterator[Engine]:
        """`away`: what is added is queued, and stays so; not even asking whether it is back is news."""
        engine = Engine(Ledger(self.home), self.connect, self.settings, clock, surroundings)
        if away:
            lose(engine)
        engine.start()
        try:
            yield engine
        finally:
            engine.stop()

    def file(self, name: str, content: bytes = b"content") -> bytes:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return os.fsencode(path)

    def folder(self, name: str, files: int) -> bytes:
        """A folder with so many files."""
        for number in range(files):
            self.file(f"{name}/{number}", b"%d" % number)
        return os.fsencode(self.files / name)


def lose(engine: Engine) -> None:
    """In its control thread: the receiver is away, and nobody asks whether it is back."""
    engine._presence.lost(ProblemError("offline"))
    engine._presence.reach.next_try = math.inf


def until(engine: Face, group: int | None, holds: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot that `holds`; waits for news, not for time."""
    deadline, since = time.monotonic() + PATIENCE_SECONDS, 0
    while time.monotonic() < deadline:
        snapshot = engine.snapshot(since, group, 0.2)
        if holds(engine.snapshot(0, group)):
            return engine.snapshot(0, group)
        since = snapshot.change
    raise AssertionError(f"did not happen: {engine.snapshot(0, group)}")


def seen(engine: Face, holds: Callable[[Overview], bool]) -> Overview:
    """The first overview that `holds`, each of all that changed since the engine began."""
    deadline, since, first = time.monotonic() + PATIENCE_SECONDS, 0, engine.overview().change
    while time.monotonic() < deadline:
        overview = engine.overview(first, (), 0.0)
        if holds(overview):
            return overview
        since = engine.overview(since, (), 0.2).change
    raise AssertionError(f"did not happen: {engine.overview(first)}")


def ended(snapshot: Snapshot) -> bool:
    over = {"done", "failed", "skipped", "cancelled"}
    return not snapshot.listing and set(snapshot.counts) <= over and bool(snapshot.counts)


def row(snapshot: Snapshot) -> TransferView:
    assert len(snapshot.transfers) == 1
    return snapshot.transfers[0]
