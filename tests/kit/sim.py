"""A simulation: a real engine with its ledger and real files, and everything else by a seed: the clock, whose
turn it is, what becomes of the folder, what tells of that, the receiver and its troubles.

`Simulation(...).run()` gives the log; `check` raises Wrong where the end is not right.
"""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from howdah_desktop.engine import jobs, presence, runs
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.transfers import LIVE, Transfer
from howdah_desktop.folders.directory import Ground
from howdah_desktop.folders.hints import Hint, Hints
from howdah_desktop.folders.watched import FolderSettings, FolderState
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings
from kit import sim_clock, sim_disk
from kit.sim_changes import Step, changes, grow
from kit.sim_clock import SimClock
from kit.sim_disk import CurrentDisk, SimDisk
from kit.sim_hints import SimHints
from kit.sim_plan import Plan
from kit.sim_receiver import SimReceiver
from kit.sim_threads import SimControl, SimEvent, SimScheduler

if TYPE_CHECKING:
    import pytest

TARGET = "copy"
PATIENCE_SECONDS = 3_600.0
"""Of simulated time: rest comes sooner than the next full comparison."""
SLOW_SECONDS = 0.5
MOST_TURNS = 20_000
TROUBLE = 0.06
MEANWHILE = 0.03
OTHERS = 0.3
GAPS_SECONDS = (0.0, 0.0, 0.01, 0.1, 0.5, 1.0, 3.0, 7.0)
"""Between two steps of what happens to the folder."""


class Wrong(AssertionError):
    """The end of a simulation is not right; the message says how."""


class Stage:
    """What all simulations of a test share: the modules' clock, disk, chance and threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = sim_clock.install(monkeypatch)
        self.disk: CurrentDisk = sim_disk.install(monkeypatch)
        self.chance = random.Random(0)
        self.switch: Callable[[], None] = lambda: None
        self.look: Callable[[], None] = lambda: None
        """Before a directory is listed."""
        drawn = SimpleNamespace(random=lambda: self.chance.random())
        monkeypatch.setattr(runs, "random", drawn)
        monkeypatch.setattr(presence, "random", drawn)
        monkeypatch.setattr(jobs, "threading", SimpleNamespace(Event=SimEvent, Lock=_Lock))
        opened = Ground.entries

        def entries(ground: Ground, folder: bytes) -> object:
            self.look()
            found = opened(ground, folder)
            self.switch()
            # The order of a listing is the disk's affair.
            return sorted(found, key=lambda entry: entry.name)

        monkeypatch.setattr(Ground, "entries", entries)


class _Lock:
    """Only one thread runs at any moment."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class Simulation:
    def __init__(self, stage: Stage, plan: Plan, base: Path) -> None:
        self.plan = plan
        self.stage = stage
        self.clock: SimClock = stage.clock
        self.clock.now = 0.0
        self.clock.on_sleep = self._sleep
        self.chance = stage.chance = random.Random(plan.noise)
        self.log: list[str] = []
        self.home, self.root = base / "home", base / "watched"
        self.home.mkdir(parents=True)
        self.root.mkdir()
        self.disk = stage.disk.disk = SimDisk(self.root, self.clock, self.chance)
        self.disk.changed = self._changed
        self.disk.closed = self._closed
        stage.switch = self._switch
        slow_disk, slow_line = self.chance.random() < 0.3, self.chance.random() < 0.3
        stage.look = self._slowly if slow_disk else self._switch
        self.receiver = SimReceiver(
            self.chance, self._slowly if slow_line else self._switch, self._say
        )
        self.receiver.meanwhile = self._meanwhile
        self.others: dict[str, bytes] = {}
        """What somebody else put there, by where."""
        self.engine: Engine | None = None
        self.hints: SimHints | None = None
        self.scheduler: SimScheduler | None = None
        self.folder = 0
        self._written = ""
        """The file that changed last."""
        self._numbers: deque[int] = deque()
        self._steps: Iterator[Step] = iter(())
        self._next_step = 0.0
        self._happening = False

    # -- the course

    def run(self) -> list[str]:
        chance, plan = self.chance, self.plan
        grow(self.disk, plan.tree)
        self.receiver.trouble = TROUBLE
        self.start()
        self.watch()
        self.go_on(chance.random() * 30)
        self._change(plan.first)
        self.until(lambda: not self._changing)
        self.go_on(chance.random() * 10)
        self.stop(killed=plan.killed)
        self._change(plan.second)
        self.clock.advance(chance.random() * 5)
        self.happen()
        self.start()
        self.until(lambda: not self._changing)
        self.go_on(chance.random() * 10)
        self.receiver.trouble, self.receiver.away = 0.0, False
        self.until(self.at_rest)
        return self.log

    def watch(self) -> None:
        self.folder = self.engine_now.watch_add(
            os.fsencode(self.root), TARGET, self.plan.mirror, FolderSettings()
        )

    def end(self) -> None:
        if self.engine is not None:
            self.stop(killed=True)

    def start(self) -> None:
        self.scheduler = SimScheduler(self.clock, self.chance, self)
        SimControl.scheduler = SimEvent.scheduler = self.scheduler
        ledger = Ledger(self.home)
        saved = ledger.save

        def save(transfers: list[Transfer]) -> None:
            for row in transfers:
                self._say(f"{row.relative}: {row.state.value} {row.code or ''} {row.detail}")
            saved(transfers)

        ledger.save = save  # type: ignore[method-assign, assignment]
        self.engine = Engine(
            ledger,
            lambda: cast("Receiver", self.receiver),
            Settings(home=self.home),
            control=cast("type[ControlThread]", SimControl),
            hints=self._make_hints,
        )
        self.engine.start()

    def stop(self, *, killed: bool) -> None:
        self._say("killed" if killed else "stopped")
        scheduler, engine = self.scheduler, self.engine
        assert scheduler is not None
        assert engine is not None
        if killed:
            scheduler.kill()
            engine._ledger.close()
        else:
            engine.stop()
        errors, self.engine, self.scheduler, self.hints = scheduler.errors, None, None, None
        if errors:
            raise Wrong(errors[0])

    @property
    def engine_now(self) -> Engine:
        assert self.engine is not None
        return self.engine

    # -- time

    def _turn(self) -> None:
        control = cast("SimControl", self.engine_now._control)
        control.turn()
        if self.scheduler is not None and self.scheduler.errors:
            raise Wrong(self.scheduler.errors[0])
        self._answer()

    def go_on(self, seconds: float) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            self._turn()

    def until(self, holds: Callable[[], bool]) -> None:
        limit = self.clock.now + PATIENCE_SECONDS
        for _ in range(MOST_TURNS):
            self._turn()
            if holds():
                return
            if self.clock.now > limit:
                break
        raise Wrong(f"no rest after {self.clock.now:.0f} s: {self._unrest()}")

    def _answer(self) -> None:
        """Somebody says yes to what the folder asks, a while later."""
        kept = self.engine_now._keeper.folders.get(self.folder)
        asks = kept is not None and kept.watched.state is FolderState.ASKING and not kept.yes
        if asks and self.chance.random() < 0.1:
            self._say("yes")
            self.engine_now.watch_resume([self.folder])

    def at_rest(self) -> bool:
        return not self._unrest()

    def _unrest(self) -> str:
        """What is still to be done; empty: nothing."""
        engine = self.engine_now
        control = cast("SimControl", engine._control)
        if self._changing or not control.idle or engine._rows.gathering:
            return "something runs"
        if self.hints is not None and self.hints.next_moment() is not None:
            return "hints are on the way"
        kept = engine._keeper.folders[self.folder]
        if kept.watched.state is not FolderState.ACTIVE:
            return str(kept.watched.state)
        if kept.tasks or kept.gone or kept.surveying or kept.quiet.next_due() is not None:
            return f"tasks {kept.tasks}, gone {kept.gone}"
        if kept.full_due <= self.clock.now:
            return "a comparison is due"
        states = engine._ledger.states_of_root(kept.watched.root)
        live = {state.value for state in LIVE} & set(states)
        return f"transfers {live}" if live else ""

    # -- what happens beside the engine

    def happen(self) -> None:
        if self._happening:
            return
        self._happening = True
        try:
            while self._changing and self._next_step <= self.clock.now:
                self._take_step()
            if self.hints is not None:
                self.hints.deliver()
        finally:
            self._happening = False

    def next_moment(self) -> float | None:
        moments = [self._next_step] if self._changing else []
        if self.hints is not None and (due := self.hints.next_moment()) is not None:
            moments.append(due)
        return min(moments, default=None)

    @property
    def _changing(self) -> bool:
        return bool(self._numbers) or self._step is not None

    _step: Step | None = None

    def _change(self, numbers: tuple[int, ...]) -> None:
        self._numbers.extend(numbers)
        self._next_step = self.clock.now

    def _take_step(self) -> None:
        if self._step is not None:
            self._step()
        elif self.plan.others and self.chance.random() < OTHERS:
            self._others()
        self._step = next(self._steps, None)
        while self._step is None and self._numbers:
            number = self._numbers.popleft()
            self._steps = changes(self.disk, number)
            self._step = next(self._steps, None)
        if self.chance.random() < 0.1:
            self.receiver.away = not self.receiver.away
        gap = self.chance.choice(GAPS_SECONDS)
        self._next_step = self.clock.now + gap * self.chance.random()

    def _others(self) -> None:
        """Somebody else puts a content of their own over a file there, or beside it; as often as not where
        somebody just wrote here too."""
        path = f"{TARGET}/{self._written}"
        if path not in self.receiver.files or self.chance.random() < 0.5:
            path = self.chance.choice([*sorted(self.receiver.files), f"{TARGET}/theirs"])
        content = b"somebody else's %d" % len(self.others)
        if self.receiver.others_write(path, content):
            self.others[path] = content

    def _meanwhile(self, remote: str) -> None:
        """Sometimes a file changes, or goes, just while it is being sent."""
        if self.receiver.trouble and self.chance.random() < MEANWHILE:
            path = remote.removeprefix(f"{TARGET}/")
            if self.chance.random() < 0.2:
                self.disk.delete(path)
            else:
                self.disk.append(path, b"meanwhile")

    def _make_hints(self, root: bytes, heard: Callable[[Hint], None]) -> Hints:
        self.hints = SimHints(self.clock, self.chance, heard)
        return cast("Hints", self.hints)

    def _changed(self, folder: str) -> None:
        if self.hints is not None:
            self.hints.changed(folder)

    def _closed(self, path: str) -> None:
        self._written = path
        if self.hints is not None:
            self.hints.closed(path)

    def _switch(self) -> None:
        if self.scheduler is not None:
            self.scheduler.switch()

    def _slowly(self) -> None:
        self._sleep(self.chance.random() * SLOW_SECONDS)
        self.happen()

    def _sleep(self, seconds: float) -> None:
        if self.scheduler is not None:
            self.scheduler.sleep(seconds)

    def _say(self, what: str) -> None:
        self.log.append(f"{self.clock.now:.3f} {what}")
