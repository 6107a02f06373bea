"""The engine: works the ledger, one for each ledger.

Control is one thread (`control_thread`): it alone writes the ledger and changes states. Bytes move in a
small pool of threads, each running one `Job`; what they have to say comes back as an event. Every turn
is: hear what happened, write it down in one commit, start what can run, tell who listens.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence

from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.orders import Orders
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.reports import Reports
from howdah_desktop.engine.rows import GATHER_SECONDS, Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.scheduler import Slots
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.engine.views import ChunksView, Snapshot
from howdah_desktop.engine.waits import Waits
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings

TICK_SECONDS = 0.25
IDLE_SECONDS = 60.0
MORE_THREADS = 3
"""Beside those of the lanes: for listing, asking whether the receiver is back, cancelling there."""


class Engine:
    """`start` it, give it work from any thread, `stop` it. Unfinished transfers go on at the start.

    `connect` makes a Receiver from the pairing as it is kept now; it is called again when the pairing
    may have been renewed. It may raise ProblemError("not_paired").
    """

    def __init__(self, ledger: Ledger, connect: Callable[[], Receiver], settings: Settings) -> None:
        slots = Slots(small=settings.small_files_at_once)
        workers = slots.large + slots.small + MORE_THREADS
        self._ledger = ledger
        self._control = ControlThread(workers, self._turn, self._close)
        self._reports = Reports(ledger)
        self._rows = Rows(ledger, self._reports)
        self._presence = Presence(
            self._control, connect, self._reports.receiver_changed, self._receiver_is_back
        )
        self._waits = Waits(self._rows)
        self._runs = Runs(
            self._control,
            ledger,
            self._rows,
            self._presence,
            slots,
            settings.connections,
            self._waits.add,
        )
        self._orders = Orders(
            self._control,
            ledger,
            self._rows,
            self._runs,
            self._waits,
            self._presence,
            os.path.realpath(os.fsencode(settings.home)),
        )

    # -- from any thread

    def start(self) -> None:
        self._ledger.wake()
        self._control.post(lambda: self._orders.list_roots(self._ledger.roots()))
        self._control.start()

    def stop(self) -> None:
        """End soon; everything stays resumable. Closes the ledger."""
        self._control.stop()

    @property
    def alive(self) -> bool:
        return self._control.alive

    def add_sends(
        self,
        paths: Sequence[bytes],
        to: str = "",
        if_exists: IfExists = IfExists.VERSION,
        sha256: bool = False,
    ) -> int:
        """Queue files and folders for the folder `to`; gives the number of the group. Durable."""
        return self._control.ask(lambda: self._orders.add_sends(paths, to, if_exists, sha256))

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int:
        """Queue files and folders of the receiver for the local folder `to`. Durable."""
        return self._control.ask(lambda: self._orders.add_fetches(remotes, to, if_exists))

    def resume(self) -> int:
        """Try everything again that failed or waits; gives how many that are."""
        return self._control.ask(self._orders.resume)

    def cancel(self, ids: Sequence[int] | None = None) -> int:
        """Cancel these, or all that are not at an end; gives how many that were."""
        return self._control.ask(lambda: self._orders.cancel(ids))

    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot:
        """What changed after change number `since`; waits for a change, up to `wait_seconds`.

        `since` 0: all rows of the group; without a group all that are unfinished or failed.
        """
        if group is not None:
            self._orders.follows(group)
        self._reports.wait(since, wait_seconds)
        return self._control.ask(
            lambda: self._reports.snapshot(since, group, self._runs.jobs, self._presence.reach)
        )

    def chunks(self, id_: int) -> ChunksView | None:
        """Which chunks the receiver has of a transfer that has begun."""
        job = self._runs.jobs.get(id_)
        return job.chunks() if job else None

    def runnable(self, without_groups: Iterable[int] = ()) -> int:
        """How many transfers of other groups could go on now."""
        without = set(without_groups)
        return self._control.ask(lambda: self._orders.runnable(without))

    def listen(self, listener: Callable[[], None]) -> None:
        """`listener` is called in the control thread when there is something new, at most five times a
        second. It must be quick, and ask the engine nothing itself: it wakes somebody who does."""
        self._reports.listeners.append(listener)

    # -- the control thread

    def _turn(self) -> None:
        self._control.hear(self._until_next())
        self._waits.wake()
        self._rows.save(at_once=False)
        self._runs.start_what_can()
        self._presence.probe()
        self._runs.note_progress()
        self._reports.tell(self._runs.jobs, self._runs.running)

    def _until_next(self) -> float:
        """Seconds until something is due by itself."""
        if self._rows.gathering:
            return GATHER_SECONDS
        if self._runs.running or self._orders.listing:
            return TICK_SECONDS
        now = time.monotonic()
        moments = [self._waits.next_due(), self._presence.next_try(), now + IDLE_SECONDS]
        return max(0.0, min(moment for moment in moments if moment is not None) - now) + 0.001

    def _receiver_is_back(self) -> None:
        self._waits.all_due()
        self._orders.list_roots(self._ledger.roots())

    def _close(self) -> None:
        """Stop the threads, and write down where everything stands."""
        self._runs.close()
        self._rows.save()
        self._ledger.remember_link(self._runs.link.memory)
        self._ledger.close()
        self._presence.close()
