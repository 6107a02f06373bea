"""Whether the receiver can be worked with: one waiting state, one probe, for all transfers together."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.scheduler import Reachability
from howdah_desktop.engine.showing import explain_receiver
from howdah_desktop.engine.verdict import NEEDS_USER
from howdah_desktop.engine.views import ReceiverView
from howdah_desktop.log_file import quoted
from howdah_desktop.remote.receiver import Receiver

log = logging.getLogger(__name__)

SILENCE_SECONDS = 15.0
"""While a window shows how the receiver is, it is asked after so long without a word from it."""
WATCHING_SECONDS = 120.0
"""While folders are watched, it is asked after so long without a word from it: whether it is away, or was
restored from a copy, is found out though nothing changes here."""
FOLLOWED_SECONDS = 30.0
"""So long after it last asked, a window counts as there."""


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
        self._look_again = False
        self._followed_until = -math.inf
        self._heard_at: float | None = None
        self._heard_time: float | None = None
        self._checked = False
        self.watching = False
        """Folders are watched."""
        self.on_answer: Callable[[bool], None] = lambda was_up: None
        """Hears of each answer to a question whether it is there."""
        self.reach = Reachability()

    def current(self) -> Receiver:
        """In any thread. Raises ProblemError("not_paired")."""
        with self._lock:
            if self._receiver is None:
                self._receiver = self._connect()
            return self._receiver

    def lost(self, problem: ProblemError) -> None:
        """A request failed for a reason that holds for every transfer."""
        self._checked = True
        if self.reach.code != problem.code:
            log.info("receiver: code=%s detail=%s", problem.code, quoted(problem.detail))
        retry_after = problem.extra.get("retry_after_seconds")
        self.reach.lost(
            problem.code, problem.detail, time.monotonic(), random.random(), retry_after
        )
        self._on_change()

    def heard(self) -> None:
        """It answered some request."""
        self._checked = True
        self._heard_at, self._heard_time = time.monotonic(), time.time()

    def heard_of(self) -> tuple[str, int] | None:
        """Catalogue and count of changes, by the last answer."""
        receiver = self._receiver
        if receiver is None or receiver.catalogue is None or receiver.change is None:
            return None
        return receiver.catalogue, receiver.change

    def followed(self) -> None:
        """A window shows how it is."""
        self._followed_until = time.monotonic() + FOLLOWED_SECONDS

    def try_now(self) -> None:
        """Somebody asks for it: waiting starts from its beginning."""
        if not self.reach.up:
            self.reach.attempt, self.reach.next_try = 0, 0.0

    def look(self) -> None:
        """Ask at once, with the pairing as it is kept now."""
        if self._probing:
            self._look_again = True
            return
        self._submit(renew=True)

    def view(self) -> ReceiverView:
        reach = self.reach
        next_try = None if reach.up else time.time() + max(0.0, reach.next_try - time.monotonic())
        return explain_receiver(reach.code, reach.detail, next_try, self._checked, self._heard_time)

    def next_try(self) -> float | None:
        """When `probe` has something to do (monotonic); None: when something else happens."""
        if self._probing:
            return None
        if not self.reach.up:
            return self.reach.next_try
        now, heard = time.monotonic(), self._heard_at
        due = now if heard is None else max(heard + SILENCE_SECONDS, now)
        if due < self._followed_until:
            return due
        return max(heard + WATCHING_SECONDS, now) if self.watching and heard is not None else None

    def probe(self) -> None:
        """Ask whether it is back, or whether it is still there, if it is time to."""
        due = self.next_try()
        if due is not None and due <= time.monotonic():
            # Where a person had to help, they may have paired again.
            self._submit(renew=self.reach.code in NEEDS_USER)

    def _submit(self, renew: bool) -> None:
        self._probing = True
        self._control.submit(lambda: self._ask(renew), self._asked)

    def _ask(self, renew: bool) -> None:
        """In a thread of the pool. A question that needs to be signed in."""
        if renew:
            self._renew()
        self.current().list("", per_page=1)

    def _renew(self) -> None:
        """Work with the pairing as it is kept now; requests by another one are broken off."""
        try:
            new = self._connect()
        except ProblemError:
            self._take(None)
            raise
        with self._lock:
            old = self._receiver
        if old is not new and old is not None and old.paired == new.paired:
            new.close()
        else:
            self._take(new)

    def _take(self, new: Receiver | None) -> None:
        with self._lock:
            old, self._receiver = self._receiver, new
        if old is not None and old is not new:
            old.close()

    def _asked(self, found: ProblemError | None) -> None:
        self._probing = False
        if found is not None:
            self.lost(found)
        else:
            self._answered()
        if self._look_again:
            self._look_again = False
            self.look()

    def _answered(self) -> None:
        self.heard()
        was_up = self.reach.up
        if not was_up:
            log.info("receiver: answers again")
        self.reach.found()
        self.on_answer(was_up)
        self._on_change()
        if not was_up:
            self._on_found()

    def drop_connections(self) -> None:
        with self._lock:
            receiver = self._receiver
        if receiver is not None:
            receiver.drop_connections()

    def unsent_bytes(self) -> int:
        """What was handed to the line and still waits in this machine."""
        receiver = self._receiver  # without the lock: it is held while a keyring is asked
        return 0 if receiver is None else receiver.unsent_bytes()

    def close(self) -> None:
        self._take(None)
