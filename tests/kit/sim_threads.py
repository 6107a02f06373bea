"""The engine's threads as a simulation has them: one at a time, and chance decides whose turn it is.

Each piece of work has a thread of its own, so that it can stop anywhere and go on later, but a baton lets
only one of them, or the control, run at any moment. What they do depends on the seed alone.
"""

from __future__ import annotations

import queue
import random
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

from howdah_common.problems import ProblemError
from kit.sim_clock import SimClock

Result = TypeVar("Result")

YIELDS = 0.25
"""How often a place where another could go on is used."""
STEP_SECONDS = 0.02


class Killed(BaseException):
    """In a thread of an engine that was killed."""


class Outside(Protocol):
    """What happens beside the engine as time goes on."""

    def happen(self) -> None:
        """All that is due now."""

    def next_moment(self) -> float | None:
        """When something is due next."""


class _Work:
    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run
        self.baton = threading.Lock()
        self.baton.acquire()
        self.wakes = 0.0
        self.blocked = False
        """It waits for an answer."""
        self.over = False


class SimScheduler:
    """Whose turn it is; lives as long as one engine does."""

    def __init__(self, clock: SimClock, chance: random.Random, outside: Outside) -> None:
        self.clock = clock
        self.chance = chance
        self.outside = outside
        self.works: list[_Work] = []
        self.errors: list[str] = []
        self.killed = False
        self._running: _Work | None = None
        self._control = threading.Lock()
        self._control.acquire()

    # -- in a thread of work

    def switch(self) -> None:
        """Others may go on here."""
        if self.killed:
            raise Killed
        self.outside.happen()
        work = self._running
        if work is not None and self.chance.random() < YIELDS:
            self._pass_on(work)

    def sleep(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """So long, or until something holds."""
        work = self._running
        if work is None:
            self.clock.advance(seconds)
            return
        end = self.clock.now + seconds
        while self.clock.now < end and not until():
            work.wakes = min(end, self.clock.now + 1.0)
            self._pass_on(work)

    def block(self, answered: Callable[[], bool]) -> None:
        """Until whoever answers says so."""
        work = self._running
        assert work is not None
        while not answered():
            work.blocked = True
            self._pass_on(work)

    def unblock_all(self) -> None:
        for work in self.works:
            work.blocked = False

    @property
    def in_work(self) -> bool:
        return self._running is not None

    def _pass_on(self, work: _Work) -> None:
        if self.killed:
            raise Killed
        self._control.release()
        work.baton.acquire()
        if self.killed:
            raise Killed

    # -- in the control

    def begin(self, run: Callable[[], None]) -> None:
        work = _Work(run)
        self.works.append(work)

        _threads.run(lambda: self._run(work))

    def _run(self, work: _Work) -> None:
        work.baton.acquire()
        try:
            if not self.killed:
                work.run()
        except Killed:
            pass
        except BaseException:  # noqa: BLE001  # a test must hear of it, whatever it is
            self.errors.append(traceback.format_exc())
        finally:
            work.over = True
            self._control.release()

    def step(self, until: float) -> bool:
        """Let one of those who can go on for a while, or time pass to when somebody can; not beyond `until`.
        False: nobody could."""
        self.outside.happen()
        able = [w for w in self.works if not w.blocked and w.wakes <= self.clock.now]
        if able:
            self._let(self.chance.choice(able))
            self.clock.advance(self.chance.random() * STEP_SECONDS)
            return True
        moments = [w.wakes for w in self.works if not w.blocked]
        if (moment := self.outside.next_moment()) is not None:
            moments.append(moment)
        self.clock.now = max(self.clock.now, min([*moments, until]))
        self.outside.happen()
        return self.clock.now < until

    def kill(self) -> None:
        self.killed = True
        for work in list(self.works):
            self._let(work)
        assert not self.works

    def _let(self, work: _Work) -> None:
        self._running = work
        work.baton.release()
        self._control.acquire()
        self._running = None
        if work.over:
            self.works.remove(work)


class _Threads:
    """Used again, as a simulation needs a hundred one after the other."""

    def __init__(self) -> None:
        self._resting: list[queue.SimpleQueue[Callable[[], None]]] = []

    def run(self, work: Callable[[], None]) -> None:
        if self._resting:
            self._resting.pop().put(work)
            return
        works: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        works.put(work)
        threading.Thread(target=self._work, args=(works,), name="simulated", daemon=True).start()

    def _work(self, works: queue.SimpleQueue[Callable[[], None]]) -> None:
        while True:
            works.get()()
            self._resting.append(works)


_threads = _Threads()


class SimEvent:
    """In place of threading.Event: waiting is for the scheduler."""

    scheduler: SimScheduler

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float) -> bool:
        self.scheduler.sleep(seconds, self.is_set)
        return self._set


class SimControl:
    """In place of ControlThread. `scheduler` is that of the engine that is made."""

    scheduler: SimScheduler

    def __init__(self, workers: int, turn: Callable[[], None], close: Callable[[], None]) -> None:
        self.turn = turn
        self._close = close
        self._scheduler = self.scheduler
        self._events: deque[Callable[[], None]] = deque()
        self.stopping = SimEvent()

    def start(self) -> None:
        """Whoever runs the simulation calls `turn`."""

    def stop(self) -> None:
        self.stopping.set()
        self._close()

    @property
    def alive(self) -> bool:
        return not self.stopping.is_set()

    @property
    def idle(self) -> bool:
        return not self._events and not self._scheduler.works

    def check(self) -> None:
        self._scheduler.switch()
        if self.stopping.is_set():
            raise ProblemError("interrupted")

    def post(self, event: Callable[[], None]) -> None:
        self._events.append(event)

    def ask(self, question: Callable[[], Result]) -> Result:
        if not self._scheduler.in_work:
            self._run_events()
            return question()
        answers: list[Result] = []
        problems: list[BaseException] = []

        def event() -> None:
            try:
                answers.append(question())
            except BaseException as error:  # noqa: BLE001  # it belongs to who asked
                problems.append(error)
            self._scheduler.unblock_all()

        self.post(event)
        self._scheduler.block(lambda: bool(answers or problems))
        if problems:
            raise problems[0]
        return answers[0]

    def submit(
        self, work: Callable[[], Result], then: Callable[[Result | ProblemError], None]
    ) -> None:
        def run() -> None:
            found: Result | ProblemError
            try:
                self._scheduler.switch()
                found = work()
            except ProblemError as problem:
                found = problem
            except Exception:  # noqa: BLE001  # the test hears of it
                self._scheduler.errors.append(traceback.format_exc())
                found = ProblemError("internal")
            self.post(lambda: then(found))

        self._scheduler.begin(run)

    def hear(self, seconds: float) -> None:
        until = self._scheduler.clock.now + seconds
        while not self._events and self._scheduler.clock.now < until:
            self._scheduler.step(until)
        self._run_events()

    def end_workers(self) -> None:
        while not self.idle:
            self.hear(1.0)

    def _run_events(self) -> None:
        while self._events:
            self._events.popleft()()
