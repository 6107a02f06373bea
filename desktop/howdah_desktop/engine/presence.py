"""Whether the receiver can be worked with: one waiting state, one probe, for all transfers together."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.scheduler import Reachability
from howdah_desktop.engine.verdict import NEEDS_USER
from howdah_desktop.remote.receiver import Receiver


class Presence:
    """Belongs to the control thread, but for `current`."""

    def __init__(
        self,
        control: ControlThread,
        connect: Callable[[], Receiver],
        on_change: Callable[[], None],
        on_found: Callable[[], None],
    ) -> None:
        self._control = control
        self._connect = connect
        self._on_change = on_change
        self._on_found = on_found
        self._lock = threading.Lock()
        self._receiver: Receiver | None = None  # guarded by the lock
        self._probing = False
        self.reach = Reachability()

    def current(self) -> Receiver:
        """In any thread. Raises ProblemError("not_paired")."""
        with self._lock:
            if self._receiver is None:
                self._receiver = self._connect()
            return self._receiver

    def lost(self, problem: ProblemError) -> None:
        """A request failed for a reason that holds for every transfer."""
        retry_after = problem.extra.get("retry_after_seconds")
        self.reach.lost(
            problem.code, problem.detail, time.monotonic(), random.random(), retry_after
        )
        self._on_change()

    def try_now(self) -> None:
        """Somebody asks for it: waiting starts from its beginning."""
        if not self.reach.up:
            self.reach.attempt, self.reach.next_try = 0, 0.0

    def next_try(self) -> float | None:
        """When `probe` has something to do (monotonic); None: when something else happens."""
        return None if self.reach.up or self._probing else self.reach.next_try

    def probe(self) -> None:
        """Ask whether it is back, if it is time to."""
        if self._probing or not self.reach.probe_due(time.monotonic()):
            return
        self._probing = True
        # Where a person had to help, they may have paired again.
        renew = self.reach.code in NEEDS_USER
        self._control.submit(lambda: self._ask(renew), self._asked)

    def _ask(self, renew: bool) -> None:
        """In a thread of the pool. A question that needs to be signed in."""
        if renew:
            with self._lock:
                old, self._receiver = self._receiver, None
            if old is not None:
                old.close()
        self.current().list("", per_page=1)

    def _asked(self, found: ProblemError | None) -> None:
        self._probing = False
        if found is not None:
            self.lost(found)
            return
        self.reach.found()
        self._on_change()
        self._on_found()

    def drop_connections(self) -> None:
        with self._lock:
            receiver = self._receiver
        if receiver is not None:
            receiver.drop_connections()

    def close(self) -> None:
        with self._lock:
            receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()
