"""Where the window's orders are carried out: in threads of their own, the answers through the mailbox.

No order is given from the GUI thread: an engine may be busy, another process may be asked, a disk may hang.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from howdah_common.problems import ProblemError
from howdah_desktop.window.mailbox import Mailbox

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Desk:
    """Work is done one after the other by up to `threads` threads. What may hang, on a disk or a line, gets
    one of its own: it must not hold up the pause of another transfer."""

    def __init__(self, mailbox: Mailbox, threads: int = 4) -> None:
        self._mailbox = mailbox
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._most = threads
        self._lock = threading.Lock()
        self._threads = 0  # guarded by the lock
        self._idle = 0  # guarded by the lock

    def ask(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], None] | None = None,
        failed: Callable[[ProblemError], None] | None = None,
        *,
        may_hang: bool = False,
    ) -> None:
        """`work` in another thread; then `then` or `failed` in the GUI thread."""

        def run() -> None:
            try:
                found = work()
            except ProblemError as error:
                problem = error
            except Exception as error:  # a mistake of ours is told, and does not end the thread
                log.exception("in an order")
                problem = ProblemError(
                    "internal", f"This program made it ({type(error).__name__})."
                )
            else:
                if then is not None:
                    self._mailbox.put(lambda: then(found))
                return
            if failed is not None:
                self._mailbox.put(lambda: failed(problem))

        if may_hang:
            threading.Thread(target=run, name="order", daemon=True).start()
            return
        self._work.put(run)
        with self._lock:
            if self._idle or self._threads >= self._most:
                return
            self._threads += 1
        threading.Thread(target=self._run, name="orders", daemon=True).start()

    def close(self) -> None:
        """No thread is waited for: one may hang on a disk."""
        for _ in range(self._most):
            self._work.put(None)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            work = self._work.get()
            with self._lock:
                self._idle -= 1
            if work is None:
                return
            work()
