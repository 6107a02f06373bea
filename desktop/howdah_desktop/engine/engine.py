"""The engine: works the ledger, one for each ledger.

Control is one thread (`control_thread`): it alone writes the ledger and changes states. Bytes move in a
small pool of threads, each running one `Job`; what they have to say comes back as an event. Every turn
is: hear what happened, write it down in one commit, start what can run, tell who listens.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from howdah_common.problems import ProblemError
from howdah_desktop.engine.additions import Additions
from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.folder_face import FolderFace
from howdah_desktop.engine.following import AT_ONCE, Following
from howdah_desktop.engine.freeing_rounds import FreeingRounds
from howdah_desktop.engine.holding import Holding
from howdah_desktop.engine.keeper import Keeper, MakeHints
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.news import News
from howdah_desktop.engine.orders import Orders
from howdah_desktop.engine.overviews import Overviews
from howdah_desktop.engine.pauses import Pauses
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.reports import Reports
from howdah_desktop.engine.rows import GATHER_SECONDS, Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.scheduler import Slots
from howdah_desktop.engine.transfer_face import TransferFace
from howdah_desktop.engine.views import (
    ChunksView,
    Freeing,
    Overview,
    Snapshot,
)
from howdah_desktop.engine.waits import Waits
from howdah_desktop.engine.wakes import Wakes
from howdah_desktop.freeing.putting_back import Ending, put_back_all
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings
from howdah_desktop.surroundings import Surroundings, of_this_computer

TICK_SECONDS = 0.25
IDLE_SECONDS = 60.0
MORE_THREADS = 8 + AT_ONCE
"""Beside those of the lanes: for listing and surveying, looking whether a file is left alone, asking whether
the receiver is there, cancelling there, freeing; and for what is sent of files while they grow."""


class Engine(TransferFace, FolderFace):
    """`start` it, give it work from any thread, `stop` it. Unfinished transfers go on at the start.

    `connect` makes a Receiver from the pairing as it is kept now; it is called again when the pairing
    may have been renewed. It may raise ProblemError("not_paired"). `clock`: seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        connect: Callable[[], Receiver],
        settings: Settings,
        clock: Callable[[], float] = time.time,
        surroundings: Surroundings | None = None,
        *,
        control: type[ControlThread] = ControlThread,
        hints: MakeHints | None = None,
    ) -> None:
        """`control` and `hints`: how threads work together and who hears of changes, where a test decides."""
        slots = Slots(small=settings.small_files_at_once)
        self._ledger = ledger
        self._home = settings.home
        self._control = control(slots.large + slots.small + MORE_THREADS, self._turn, self._close)
        self._news = News()
        self._rows = Rows(ledger, self._news)
        self._presence = Presence(
            self._control, connect, self._news.something, self._receiver_is_back
        )
        self._wakes = Wakes(IDLE_SECONDS, time.monotonic(), time.time())
        self._make_transfers(settings, slots, clock, surroundings or of_this_computer())
        self._make_orders(clock)
        self._make_folders(hints)

    def _make_transfers(
        self,
        settings: Settings,
        slots: Slots,
        clock: Callable[[], float],
        surroundings: Surroundings,
    ) -> None:
        """What moves bytes, and decides which go next."""
        link = Link(self._ledger.link_memory())
        self._waits = Waits(self._control, self._rows, time.monotonic, clock)
        self._allowance = Allowance(
            self._control, self._home, link, self._news.something, clock, surroundings
        )
        self._runs = Runs(
            self._control,
            self._ledger,
            self._rows,
            self._presence,
            slots,
            settings.connections,
            self._waits.add,
            link,
            self._allowance,
            lambda row: self._keeper.look_again(row),
            lambda id_: self._following.chunk_bytes(id_),
        )
        self._following = Following(
            self._control,
            self._ledger,
            self._rows,
            self._presence,
            self._allowance,
            link,
            self._runs.traffic,
            lambda row: self._keeper.followed_seconds(row),
            self._waits.add,
        )
        self._waits.on_growth = self._following.grows
        self._waits.is_sending = self._following.is_sending

    def _make_orders(self, clock: Callable[[], float]) -> None:
        """What people ask for, and what they are shown."""
        self._reports = Reports(self._ledger, self._news)
        self._holding = Holding(self._ledger, self._rows)
        self._additions = Additions(
            self._control,
            self._ledger,
            self._news,
            self._rows,
            self._runs,
            self._presence,
            self._holding,
            os.path.realpath(os.fsencode(self._home)),
        )
        self._pauses = Pauses(self._ledger, self._news, self._rows, self._runs, clock)
        self._orders = Orders(
            self._ledger,
            self._news,
            self._rows,
            self._runs,
            self._presence,
            self._holding,
            self._additions,
            self._pauses,
            self._allowance,
        )
        self._overviews = Overviews(
            self._ledger, self._news, self._runs, self._presence, self._holding, self._allowance
        )

    def _make_folders(self, hints: MakeHints | None) -> None:
        """What looks after watched folders."""
        self._keeper = Keeper(
            self._control,
            self._ledger,
            self._news,
            self._rows,
            self._waits,
            self._presence,
            self._home,
            self._goes_on,
            hints,
            time.monotonic,
            time.time,
        )
        self._freeing = FreeingRounds(
            self._control,
            self._ledger,
            self._news,
            self._runs,
            self._presence,
            self._keeper,
            time.monotonic,
            time.time,
        )
        self._presence.on_answer = lambda was_up: self._keeper.listen(
            settled=not (was_up and self._runs.running)
        )

    # -- from any thread

    def start(self) -> None:
        self._ledger.wake()
        self._control.post(self._orders.begin)
        self._control.post(self._keeper.begin)
        self._control.post(self._following.begin)
        self._control.post(self._put_back)
        self._control.start()

    def stop(self) -> None:
        """End soon; everything stays resumable. Closes the ledger."""
        self._control.stop()

    @property
    def alive(self) -> bool:
        return self._control.alive

    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot:
        """What changed after change number `since`; waits for a change, up to `wait_seconds`.

        `since` 0: all rows of the group; without a group all that are unfinished or failed.
        """
        if group is not None:
            self._additions.follows(group)
        self._news.wait(since, wait_seconds)
        return self._control.ask(
            lambda: self._reports.snapshot(
                since, group, self._runs.jobs, self._presence.view(), self._allowance.view()
            )
        )

    def overview(
        self, since: int = 0, open_roots: Sequence[int] = (), wait_seconds: float = 0.0
    ) -> Overview:
        """What a window needs to know since change number `since`; waits as `snapshot` does."""
        self._control.post(self._presence.followed)
        self._news.wait(since, wait_seconds, window=True)
        return self._control.ask(lambda: self._overviews.overview(since, open_roots))

    def chunks(self, id_: int) -> ChunksView | None:
        """Which chunks are there of a transfer that has begun."""
        job = self._runs.jobs.get(id_)
        return job.chunks() if job else None

    def nudge(self) -> None:
        """An `overview` that waits returns at once."""
        self._news.nudge()

    def call_window(self, group: int | None = None) -> None:
        """A window comes to the front; it is about `group`."""
        self._news.call_window(group)

    def look(self) -> None:
        """Ask the receiver at once, with the pairing as it is kept now."""
        self._control.post(self._presence.look)

    def begin_freeing(self, freeing: Freeing) -> int:
        """A file is about to be taken away here; gives the number of the intent. Durable."""
        return self._control.ask(lambda: self._ledger.begin_freeing(freeing))

    def end_freeing(self, id_: int, removed: bool) -> int:
        """It is gone, or it stays; gives 1 if there was such an intent."""
        return self._control.ask(lambda: self._ledger.end_freeing(id_, removed))

    def listen(self, listener: Callable[[], None]) -> None:
        """`listener` is called in the control thread when there is something new, at most five times a
        second. It must be quick, and ask the engine nothing itself: it wakes somebody who does."""
        self._reports.listeners.append(listener)

    # -- the control thread

    def _turn(self) -> None:
        self._control.hear(self._until_next())
        if self._wakes.woke(time.monotonic(), time.time()):
            self._woke()
        self._waits.wake()
        self._pauses.wake()
        self._allowance.wake()
        self._keeper.turn()
        self._following.turn()
        self._freeing.turn()
        self._rows.save(at_once=False)
        self._runs.start_what_can()
        self._presence.probe()
        self._runs.note_progress()
        self._reports.tell(self._runs)

    def _until_next(self) -> float:
        """Seconds until something is due by itself."""
        if self._rows.gathering:
            return GATHER_SECONDS
        if self._runs.running or self._additions.listing or self._keeper.surveying:
            return TICK_SECONDS
        now = time.monotonic()
        paused = self._pauses.seconds_left()
        moments = [
            None if paused is None else now + paused,
            self._waits.next_due(),
            self._allowance.next_due(),
            self._presence.next_try(),
            self._reports.next_telling(),
            self._keeper.next_due(),
            self._freeing.next_due(),
            now + IDLE_SECONDS,
        ]
        return max(0.0, min(moment for moment in moments if moment is not None) - now) + 0.001

    def _put_back(self) -> None:
        """What a killed `howdah free` left aside."""
        unfinished = self._ledger.unfinished_freeings()
        if not unfinished:
            return

        def ended(found: list[Ending] | ProblemError) -> None:
            for ending in [] if isinstance(found, ProblemError) else found:
                self._ledger.end_freeing(ending.id, ending.removed)

        self._control.submit(lambda: put_back_all(self._home, unfinished), ended)

    def _woke(self) -> None:
        """The computer has slept, or this program was stopped: lines may be dead, and hints lost."""
        self._presence.drop_connections()
        self._presence.try_now()
        self._presence.look()
        self._waits.all_due()
        self._keeper.compare_all("this computer has slept")

    def _receiver_is_back(self) -> None:
        self._waits.all_due()
        self._keeper.receiver_is_back()
        self._additions.list_roots(self._ledger.roots())

    def _close(self) -> None:
        """Stop the threads, and write down where everything stands."""
        self._keeper.close()
        self._runs.close()
        self._rows.save()
        self._ledger.remember_link(self._runs.link.memory)
        self._ledger.close()
        self._presence.close()
