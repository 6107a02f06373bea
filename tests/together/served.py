"""A watched folder that an engine in this process serves, as `howdah run` does: commands find it, and what it
says of itself is asked of it as they ask."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howdah_desktop.cli import queueing, watching
from howdah_desktop.cli.context import connect
from howdah_desktop.cli.explain import explain
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.transfers import LIVE
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.settings import Settings
from kit.watching import SETTLE_SECONDS, tree
from together.carriage import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from kit.client import Client

PATIENCE_SECONDS = 60.0
"""Of a machine that has other things to do as well."""
TARGET = "copy"


@dataclass
class Said:
    """What commands say of a folder, of the queue and of one file, at one moment."""

    folder: dict[str, Any]
    queue: list[dict[str, Any]]
    receiver: dict[str, Any]
    file: dict[str, Any]


@dataclass
class Served:
    """`there`: where the receiver keeps the folder; it may move."""

    engine: Face
    local: Path
    there: Path

    def view(self) -> FolderView:
        (found,) = self.engine.watched()
        return found

    def until(self, holds: Callable[[FolderView], bool], what: str) -> FolderView:
        seen = [self.view()]

        def look() -> bool:
            seen[0] = self.view()
            return holds(seen[0])

        try:
            wait_until(look, what, PATIENCE_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[0]} {self.engine.queue()}") from error
        return seen[0]

    def waits_for(self, code: str) -> FolderView:
        return self.until(lambda view: view.code == code, f"it is held up by {code}")

    def says(self, name: str) -> Said:
        """As `howdah watch list`, `howdah queue` and `howdah explain` print it; `name`: of a file here."""
        folder = _printed(lambda: watching.show(as_json=True))
        queue = _printed(lambda: queueing.show(100, as_json=True))
        file = _printed(lambda: explain(os.fspath(self.local / name), as_json=True))
        return Said(folder[0], queue[:-1], queue[-1]["receiver"], file[0])

    def all_there(self) -> FolderView:
        """By itself: nobody asks for anything. What is here is there, and nothing has failed."""
        self.until(lambda view: not _moves(view) and self._is_there(), "all of it is there")
        view = self.until(lambda view: not _moves(view) and view.code is None, "it is at rest")
        assert view.state == "active"
        assert not view.transfers.get("failed"), view
        return view

    def _is_there(self) -> bool:
        try:
            return tree(self.local).items() <= tree(self.there).items()
        except OSError:
            return False  # it moved while it was read


def _moves(view: FolderView) -> bool:
    return view.surveying or any(state.value in view.transfers for state in LIVE)


def _printed(command: Callable[[], object]) -> list[dict[str, Any]]:
    with redirect_stdout(io.StringIO()) as printed:
        command()
    return [json.loads(line) for line in printed.getvalue().splitlines()]


@contextmanager
def served(client: Client, local: Path, there: Path, *, mirror: bool = False) -> Iterator[Served]:
    """`client` is paired. The folder is watched from now on, and everything in it has arrived."""
    settings = Settings(home=client.home)
    attached = attach(settings, lambda: connect(settings))
    try:
        chosen = FolderSettings(settle_seconds=SETTLE_SECONDS)
        attached.engine.watch_add(os.fsencode(local), TARGET, mirror, chosen)
        folder = Served(attached.engine, local, there)
        folder.until(lambda view: view.compared is not None, "the first comparison")
        folder.all_there()
        yield folder
    finally:
        attached.close()


class ShiftedClock:
    """In the place of the module `time`: the time of day is set, the monotonic clock goes on."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def time(self) -> float:
        return time.time() + self.ahead_seconds

    def time_ns(self) -> int:
        return time.time_ns() + int(self.ahead_seconds * 1e9)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
