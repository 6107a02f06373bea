"""One receiver and one engine for all tests of a module, and the link between them: each watches a folder."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.engine.survey_report import Order, Report
from howdah_desktop.engine.surveying import Surveying
from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.remote import secrets
from kit.native import home
from kit.watching import SETTLE_SECONDS, Watching, engine_of, quick_watching, watched_by
from together.carriage import Carriage, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_desktop.engine.engine import Engine


@dataclass
class Life:
    """An engine that runs in this process, and all that it does there."""

    way: Carriage
    engine: Engine
    surveys: list[Order] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _asked: int = 0

    @contextmanager
    def watching(
        self,
        local: Path,
        *,
        mirror: bool = False,
        settings: FolderSettings | None = None,
    ) -> Iterator[Watching]:
        """A folder that is watched as long as the block, into a place of its own."""
        chosen = settings or FolderSettings(settle_seconds=SETTLE_SECONDS)
        target = f"w{next(self._numbers)}"
        folder = watched_by(
            self.engine, local, home(self.way.receiver), target, mirror=mirror, settings=chosen
        )
        try:
            yield folder
        finally:
            self.engine.watch_remove([folder.id])

    def mark(self) -> None:
        """Count from here on."""
        self.way.mark()
        self.surveys.clear()
        self._asked = len(self.way.link.requests)

    @property
    def requests(self) -> Counter[str]:
        """Since the mark, by method and the first part of the path that tells what it is about."""
        asked = self.way.link.requests[self._asked :]
        return Counter(f"{method} {path.split('?')[0].split('/')[3]}" for method, path in asked)

    def versions(self) -> set[str]:
        """Contents that were replaced, as the receiver keeps them."""
        return {path.name for path in (self.way.receiver.data / "versions").iterdir()}


@pytest.fixture(scope="module")
def life(short_root: Path) -> Iterator[Life]:
    with pytest.MonkeyPatch.context() as patched, lasting(short_root / "life") as way:
        quick_watching(patched)
        surveys: list[Order] = []
        run = Surveying.run

        def counted(self: Surveying, order: Order) -> Report:
            surveys.append(order)
            return run(self, order)

        patched.setattr(Surveying, "run", counted)
        # It is asked for again whenever the line is new, and each test has a home of its own by then.
        patched.setenv("HOWDAH_HOME", str(way.client.home))
        pairing = secrets.load()
        patched.setattr(secrets, "load", lambda: pairing)
        with engine_of(way.client) as engine:
            yield Life(way, engine, surveys)
