"""Files of watched folders that are followed: what is complete of them is sent while they grow.

A followed file has an upload of its own kind, *ahead* of it: of unknown size, never completed. Its whole
chunks go there each time the file is looked at, as it settles (see `waits`). Once the file was left alone it
is sent as every other: under another upload, on the same chunks, which the receiver fills with those that it
has already and whose digests are the file's. So what was sent ahead can make a transfer shorter, and never
wrong: whatever became of the file, of this program or of the receiver meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from howdah_common.chunks import MOST_CHUNKS, UNKNOWN_SIZE_CHUNK_BYTES
from howdah_common.problems import Next, ProblemError
from howdah_desktop.engine.ahead_run import AheadRun, SentAhead
from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.backoff import FLOOR_SECONDS
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.ledger import Ledger, new_client_id
from howdah_desktop.engine.ledger_ahead import Ahead
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.meter import Traffic
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.transfers import UNFINISHED, Kind, Transfer, TransferState
from howdah_desktop.engine.verdict import Follow, verdict
from howdah_desktop.remote.receiver import Receiver

S = TransferState

AT_ONCE = 2
LEAST_BYTES = 8 * 1024 * 1024
"""Of less that is new, nothing is sent ahead: it is there a moment after it has settled."""
AGAIN_SECONDS = 60.0
"""Between two tries to free what is of no more use there."""

log = logging.getLogger(__name__)


class Following:
    """Belongs to the control thread. `settle_seconds`: how long a file must be left alone; None: it is not
    followed. `wait`: as `Waits.add`."""

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        rows: Rows,
        presence: Presence,
        allowance: Allowance,
        link: Link,
        traffic: Traffic,
        settle_seconds: Callable[[Transfer], float | None],
        wait: Callable[[Transfer, float, float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._rows = rows
        self._presence = presence
        self._allowance = allowance
        self._link = link
        self._traffic = traffic
        self._settle_seconds = settle_seconds
        self._wait = wait
        self._clock = clock
        self._ahead: dict[int, Ahead] = {}
        self._chunks: dict[int, int] = {}
        """How many of its chunks are there, as far as this engine knows."""
        self._running: dict[int, AheadRun] = {}
        self._refused: set[int] = set()
        """Not to be followed: sent once they have settled, as without it."""
        self._freeing: dict[int, float] = {}
        """Being cancelled there, or not to be tried again before that moment."""

    def begin(self) -> None:
        """After the folders are known. What grew when the last engine ended may still do so: to send it whole
        as it is now would be in vain."""
        self._ahead = {ahead.transfer: ahead for ahead in self._ledger.ahead()}
        for id_ in self._ahead:
            row = self._rows.get(id_)
            # One that was begun may have arrived: that is found out first.
            if row is None or row.state is not S.QUEUED or row.upload_id or row.identity:
                continue
            seconds = self._settle_seconds(row)
            if seconds is not None:
                row = self._rows.put(row, state=S.SETTLING, next_try=time.time() + seconds)
                self._wait(row, seconds, seconds)

    # -- for who waits until files are left alone

    def grows(self, row: Transfer, size: int) -> None:
        """A file that settles has grown, to `size` bytes."""
        if row.id in self._running or len(self._running) >= AT_ONCE or not self._may_send(row):
            return
        ahead = self._ahead.get(row.id) or self._new(row, size)
        chunks = 0 if ahead is None else size // ahead.chunk_bytes
        if ahead is None or chunks > MOST_CHUNKS or chunks <= self._chunks.get(row.id, 0):
            return
        if ahead.remote != row.remote:  # something has moved there: its own upload goes elsewhere
            return
        if row.id not in self._ahead:
            self._ledger.begin_ahead(ahead)
            self._ahead[row.id] = ahead
        limiter = self._allowance.limiter.up
        run = AheadRun(
            ahead,
            row.local,
            chunks,
            self._link,
            limiter.some,
            self._control.check,
            self._traffic.sent,
        )
        self._running[row.id] = run
        self._control.submit(
            lambda: run.run(self._presence.current()), lambda found: self._ran(row.id, found)
        )

    def is_sending(self, row: Transfer) -> bool:
        """It has settled: whether it is still being sent ahead. That soon ends now."""
        run = self._running.get(row.id)
        if run is not None:
            run.enough.set()
        return run is not None

    # -- for who sends them then

    def chunk_bytes(self, id_: int) -> int | None:
        """How the file was cut of which something was sent ahead; None: nothing was."""
        ahead = self._ahead.get(id_)
        return None if ahead is None or id_ in self._freeing else ahead.chunk_bytes

    # -- a turn

    def turn(self) -> None:
        for id_ in list(self._ahead):
            row, run = self._rows.get(id_), self._running.get(id_)
            if run is not None:
                if row is None or row.state is not S.SETTLING or not self._allowance.may_move:
                    run.stop.set()
            elif row is None or row.state not in UNFINISHED:
                self._free(id_)
            elif row.state is S.WAITING and row.code in FLOOR_SECONDS:
                # There is no room for both: the file itself comes first.
                self._refused.add(id_)
                self._free(id_)

    # -- inside

    def _may_send(self, row: Transfer) -> bool:
        return (
            row.kind is Kind.UPLOAD
            and row.id not in self._refused
            and row.id not in self._freeing
            and self._presence.reach.up
            and self._allowance.may_move
            and self._settle_seconds(row) is not None
        )

    def _new(self, row: Transfer, size: int) -> Ahead | None:
        chunk_bytes = UNKNOWN_SIZE_CHUNK_BYTES
        if self._link.memory.carried_bytes is not None:  # the line breaks: finer
            chunk_bytes = min(chunk_bytes, self._link.chunk_bytes(size))
        first = self._agreed_bytes(row) // chunk_bytes
        if size - first * chunk_bytes < max(LEAST_BYTES, chunk_bytes):
            return None
        return Ahead(row.id, new_client_id(), row.remote, time.time_ns(), chunk_bytes, first)

    def _agreed_bytes(self, row: Transfer) -> int:
        """Of a version that is there: what was added to that is sent ahead, and no more."""
        if row.watched is None:
            return 0
        known = self._ledger.known(row.watched, row.relative.encode())
        there = known is not None and known.version is not None and not known.is_dir
        return max(0, known.size or 0) if known is not None and there else 0

    def _ran(self, id_: int, found: SentAhead | ProblemError) -> None:
        del self._running[id_]
        if isinstance(found, SentAhead):
            self._presence.heard()
            self._chunks[id_] = found.chunks
            self._began(id_, found.upload_id)
            return
        if found.code == "interrupted":
            return
        log.info("transfer %d: sent ahead: %s %s", id_, found.code, found.detail)
        if verdict(found, 1).follow is Follow.RECEIVER_WAITS:
            self._presence.lost(found)
        elif found.code in FLOOR_SECONDS or found.problem.next is not Next.RETRY:
            self._refused.add(id_)

    def _began(self, id_: int, upload_id: str) -> None:
        ahead = self._ahead[id_]
        if ahead.upload_id != upload_id:
            self._ledger.ahead_began(id_, upload_id)
            self._ahead[id_] = replace(ahead, upload_id=upload_id)

    def _free(self, id_: int) -> None:
        """What it holds there; what cannot be told expires there."""
        now = self._clock()
        if not self._presence.reach.up or self._freeing.get(id_, now) > now:
            return
        ahead = self._ahead[id_]
        self._freeing[id_] = now + AGAIN_SECONDS

        def freed(problem: ProblemError | None) -> None:
            if problem is not None and problem.code != "upload_not_found":
                log.info("transfer %d: not cancelled there: %s", id_, problem.code)
                return
            self._ledger.end_ahead(id_)
            del self._ahead[id_], self._freeing[id_]
            self._chunks.pop(id_, None)

        self._control.submit(lambda: _cancel(self._presence.current(), ahead), freed)


def _cancel(receiver: Receiver, ahead: Ahead) -> None:
    """Raises ProblemError."""
    if ahead.upload_id is not None:
        receiver.cancel(ahead.upload_id)
        return
    # Nobody was told its id: the answer was lost, or this program killed.
    for upload in receiver.uploads().uploads:
        if upload.client_id == ahead.client_id:
            receiver.cancel(upload.id)
