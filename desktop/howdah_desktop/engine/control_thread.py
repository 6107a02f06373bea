"""One thread that decides, and a small pool of threads that work: how they speak with each other."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from howdah_common.problems import ProblemError

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class ControlThread:
    """Runs `turn` again and again after hearing what was posted; `close` at its end.

    Everything that is posted or asked runs in this one thread, so that what belongs to it needs no lock.
    """

    def __init__(self, workers: int, turn: Callable[[], None], close: Callable[[], None]) -> None:
        self._turn = turn
        self._close = close
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="transfer")
        self._closed = False
        self.stopping = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.post(lambda: None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """For workers: raises ProblemError("interrupted") once the engine is to end."""
        if self.stopping.is_set():
            raise ProblemError("interrupted")

    def post(self, event: Callable[[], None]) -> None:
        """From any thread: `event` is to be run by the control thread."""
        self._events.put(event)

    def ask(self, question: Callable[[], Result]) -> Result:
        """From any other thread: let the control thread answer.

        Raises what `question` raises, and ProblemError("interrupted") if the engine ends first.
        """
        answer: Future[Result] = Future()

        def event() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001  # it belongs to who asked
                answer.set_exception(error)

        self.post(event)
        while True:
            try:
                return answer.result(timeout=1.0)
            except TimeoutError:
                if not self.alive:
                    raise ProblemError("interrupted") from None

    def submit(
        self, work: Callable[[], Result], then: Callable[[Result | ProblemError], None]
    ) -> None:
        """`work` in a thread of the pool; `then` in the control thread, with what came of it.

        Neither, once the workers are ending: what they still ask for leads to no more work.
        """
        if self._closed:
            return

        def run() -> None:
            found: Result | ProblemError
            try:
                found = work()
            except ProblemError as problem:
                found = problem
            except Exception as error:  # a mistake of ours must not leave a row at work for ever
                log.exception("in a working thread")
                found = ProblemError("internal", f"This program made it ({type(error).__name__}).")
            self.post(lambda: then(found))

        self._pool.submit(run)

    def hear(self, seconds: float) -> None:
        """Wait for the first event, but not longer than `seconds`; then run all that are there."""
        try:
            event = self._events.get(timeout=seconds)
            while True:
                event()
                event = self._events.get_nowait()
        except queue.Empty:
            pass

    def end_workers(self) -> None:
        """Until the pool has ended; what its threads post and ask is still heard."""
        self._closed = True
        closing = threading.Thread(target=self._pool.shutdown, name="closing")
        closing.start()
        while closing.is_alive() or not self._events.empty():
            self.hear(0.02)

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._turn()
        finally:
            self.stopping.set()
            self._close()
