"""A watched folder, an engine and a real receiver: what stands here, and what stands there."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from howdah_desktop.cli.context import connect
from howdah_desktop.engine import kept, surveys
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.transfers import LIVE
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders.default_rules import PROBE_PREFIX
from howdah_desktop.folders.watched import MARKER, FolderSettings
from howdah_desktop.settings import Settings
from kit.native import home

if TYPE_CHECKING:
    import pytest

    from kit.client import Client
    from kit.receiver import RunningReceiver

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05
SETTLE_SECONDS = 0.2

Tree = dict[str, bytes | None]
"""Paths to contents; None: a folder that holds nothing."""


def quick_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settling and pairing of moves as short as a test likes them."""
    monkeypatch.setattr(kept, "GONE_SECONDS", 0.3)
    monkeypatch.setattr(surveys, "AWAY_SECONDS", 0.1)


def tree(folder: Path) -> Tree:
    """What stands in a folder and below it, but for what is Howdah's own."""
    found: Tree = {}
    for path, folders, files in os.walk(folder):
        here = Path(path)
        for name in files:
            one = here / name
            own = name == MARKER or name.startswith(PROBE_PREFIX)
            if not own and stat.S_ISREG(one.lstat().st_mode):
                found[str(one.relative_to(folder))] = one.read_bytes()
        if not folders and not files and here != folder:
            found[str(here.relative_to(folder))] = None
    return found


def make(folder: Path, wanted: Tree) -> None:
    """Files with their contents, and empty folders, as a tree says."""
    for name, content in wanted.items():
        path = folder / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@dataclass
class Watching:
    """An engine that runs in this process. `local` is watched, into `there` at the receiver."""

    engine: Engine
    local: Path
    there: Path
    id: int

    def view(self) -> FolderView:
        (found,) = [one for one in self.engine.watched() if one.id == self.id]
        return found

    def until(self, holds: object, why: str = "", seconds: float = PATIENCE_SECONDS) -> FolderView:
        """Waits for news until `holds(view)`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            view = self.view()
            if holds(view):  # type: ignore[operator]  # a function of a view
                return view
            self.engine._news.wait(self.engine._news.change, 0.05)
        raise AssertionError(f"did not happen: {why} {self.view()}")

    def at_rest(self, seconds: float = PATIENCE_SECONDS) -> FolderView:
        """Everything was compared, and nothing is on its way."""
        self.engine.watch_scan([self.id])
        deadline = time.monotonic() + seconds
        while not self.engine._control.ask(self._rests):
            # Not with each news of thousands of files: the control thread has better things to do.
            time.sleep(LOOK_SECONDS)
            assert time.monotonic() < deadline, f"no rest: {self.view()}"
        return self.view()

    def _rests(self) -> bool:
        """In the control thread: nothing changes between two looks."""
        kept = self.engine._keeper.folders[self.id]
        busy = kept.surveying or kept.tasks or kept.gone or kept.full_due <= time.monotonic()
        live = {state.value for state in LIVE}
        return not busy and not live & set(self.engine._ledger.states_of_root(kept.watched.root))


@contextmanager
def engine_of(client: Client) -> Iterator[Engine]:
    """The engine of a paired client, in this process."""
    settings = Settings(home=client.home)
    engine = Engine(Ledger(client.home), lambda: connect(settings), settings)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


@contextmanager
def watching(
    client: Client,
    receiver: RunningReceiver,
    local: Path,
    *,
    target: str = "copy",
    mirror: bool = False,
    settings: FolderSettings | None = None,
) -> Iterator[Watching]:
    """`client` is paired with `receiver`. A folder that is watched already goes on."""
    with engine_of(client) as engine:
        chosen = settings or FolderSettings(settle_seconds=SETTLE_SECONDS)
        yield watched_by(engine, local, home(receiver), target, mirror=mirror, settings=chosen)


def watched_by(
    engine: Engine,
    local: Path,
    space: Path,
    target: str,
    *,
    mirror: bool,
    settings: FolderSettings,
) -> Watching:
    """A folder, made if need be, that the engine watches from now on. `space`: on the receiver's disk."""
    local.mkdir(exist_ok=True)
    known = [one for one in engine.watched() if one.local == str(local)]
    id_ = known[0].id if known else engine.watch_add(os.fsencode(local), target, mirror, settings)
    return Watching(engine, local, space / target, id_)
