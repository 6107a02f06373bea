"""One transfer at work: the thread's side of it, and what of it stands in memory alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.beneath import BeneathRoot
from howdah_desktop.engine.bandwidth import BURST_SECONDS
from howdah_desktop.engine.change import Remembered
from howdah_desktop.engine.completion import Outcome
from howdah_desktop.engine.limiter import Limiter
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.meter import Meter, Traffic
from howdah_desktop.engine.sender import Sender
from howdah_desktop.engine.source import look
from howdah_desktop.engine.transfers import Kind, Transfer, TransferState
from howdah_desktop.engine.views import ChunksView, Live
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.system import SourceIdentity

if TYPE_CHECKING:
    from howdah_desktop.engine.fetch_ranges import Fetches, FetchProgress, MayCome

FETCH_CONNECTIONS = 4


class Job:
    """Lives as long as its transfer's generation does, over pauses too: what was hashed stays known.

    `note` brings a changed row to the control thread. Everything else is for one working thread and
    its connections, with the lock around what others look at.
    """

    def __init__(
        self,
        transfer: Transfer,
        link: Link,
        connections: int | None,
        note: Callable[[Transfer], None],
        traffic: Traffic,
        remembered: Remembered | None = None,
        limiter: Limiter | None = None,
        keep: Callable[[Transfer], None] | None = None,
        *,
        sent_ahead: bool = False,
    ) -> None:
        """`keep` writes a row down before it returns: what a watched file was when it was sent is to outlive
        the process. `sent_ahead`: see `Sender`."""
        self.id = transfer.id
        self._keep = keep
        self._sent_ahead = sent_ahead
        self._limiter = limiter or Limiter()
        self._link = link
        self._traffic = traffic
        self._remembered = remembered
        self._connections = connections
        self._note = note
        self._sender: Sender | None = None
        self._stop = threading.Event()
        self.cancelled = False
        """By the user: not to be gone on with."""
        self.paused = False
        """By the user: to be gone on with when they say so,"""
        self.paused_until: float | None = None
        """or then, in seconds since 1970."""
        self._lock = threading.Lock()
        # Guarded by the lock:
        self._transfer = transfer
        self._done_bytes = transfer.done_bytes
        self._best_bytes = 0
        self._handed = 0
        """To the line, and not acknowledged yet."""
        self._gone = 0
        """Of these: what had really left at the last `tick`."""
        self._unchecked = 0
        """Of a download: what arrived and was not checked yet."""
        self._arrived = 0
        self._fetched_chunks: ChunksView | None = None
        self._meter = Meter()

    # -- for the control thread

    def prepare(self, transfer: Transfer) -> None:
        """Before a run."""
        self._stop.clear()
        with self._lock:
            self._transfer = transfer
            self._best_bytes = max(self._best_bytes, self._done_bytes)
            self._arrived = 0

    def moves_to(self, row: Transfer) -> None:
        """The same order was given again: it belongs to that group from now on."""
        with self._lock:
            self._transfer = replace(
                self._transfer,
                group=row.group,
                root=row.root,
                if_exists=row.if_exists,
                sha256=row.sha256,
            )

    def stop(self) -> None:
        """End the run soon; it raises `interrupted`."""
        self._stop.set()

    @property
    def transfer(self) -> Transfer:
        with self._lock:
            return self._transfer

    def moved_forward(self) -> bool:
        """Whether this run brought more bytes than any before."""
        with self._lock:
            return self._done_bytes > self._best_bytes

    @property
    def handed_bytes(self) -> int:
        """To the line, and not acknowledged yet: what may wait in this machine is part of it."""
        with self._lock:
            return self._handed

    def tick(self, now: float, unsent_bytes: int) -> None:
        """So it stands at the monotonic time `now`, in seconds; `unsent_bytes` of what was handed to the
        line have not left."""
        with self._lock:
            self._moves(self._handed, self._handed - unsent_bytes)
            self._meter.note(self._done_bytes + self._gone + self._unchecked, now)

    def live(self) -> Live:
        with self._lock:
            in_flight = self._gone + self._unchecked
            left = max(0, (self._transfer.size or 0) - self._done_bytes - in_flight)
            return Live(
                self._done_bytes,
                in_flight,
                self._meter.bytes_per_second,
                self._meter.seconds_left(left),
            )

    def chunks(self) -> ChunksView | None:
        """For any thread. None: nothing is known of them yet."""
        with self._lock:
            unsent = self._handed - self._gone
        found = self._sender.map(unsent) if self._sender else None
        if found is not None:
            return ChunksView(
                self.id,
                found.chunk_bytes,
                found.total_chunks,
                found.received,
                found.in_flight,
                found.known,
            )
        with self._lock:
            return self._fetched_chunks

    # -- the run

    def run(self, receiver: Receiver) -> Outcome:
        """Raises ProblemError."""
        try:
            return self._run(receiver)
        finally:
            self.over()

    def over(self) -> None:
        """Nothing of it is under way any more, and has a speed."""
        with self._lock:
            self._handed = self._gone = self._unchecked = 0
            self._meter = Meter()

    def _run(self, receiver: Receiver) -> Outcome:
        self.check()
        transfer = self.transfer
        if transfer.kind is Kind.FOLDER:
            if transfer.watched is not None and not os.path.isdir(transfer.local):  # noqa: PTH112  # bytes
                raise ProblemError("source_missing")
            receiver.make_folder(transfer.remote)
            return Outcome(TransferState.DONE, stale=not os.path.isdir(transfer.local))  # noqa: PTH112  # bytes
        if transfer.kind is Kind.DOWNLOAD:
            return self._fetch(receiver, transfer)
        if self._sender is None:
            self._sender = Sender(
                transfer,
                self._link,
                self,
                self._connections,
                self._remembered,
                sent_ahead=self._sent_ahead,
            )
        self._sender.expected = transfer.expected
        return self.looked_at(self._sender.run(receiver))

    def looked_at(self, outcome: Outcome) -> Outcome:
        """With what became of a watched file meanwhile: whoever saw it change left it to this run."""
        transfer = self.transfer
        if transfer.watched is None:
            return outcome
        try:
            return replace(outcome, stale=look(transfer.local) != transfer.identity)
        except ProblemError:
            return replace(outcome, stale=True)

    def give_up(self, receiver: Receiver) -> None:
        """Free what the receiver holds. Raises ProblemError."""
        transfer = self.transfer
        if transfer.kind is Kind.UPLOAD and transfer.upload_id:
            receiver.cancel(transfer.upload_id)

    def _fetch(self, receiver: Receiver, transfer: Transfer) -> Outcome:
        found = receiver.list(transfer.remote, per_page=1)
        info = found.items[0] if found.kind == "file" and found.items else None
        if not isinstance(info, FileInfo):
            raise ProblemError("file_not_found", f"It is {transfer.remote}.")
        return self.fetch(receiver, info, self._connections or FETCH_CONNECTIONS, self.may_come)

    def fetch(
        self, receiver: Fetches, info: FileInfo, connections: int, may_come: MayCome
    ) -> Outcome:
        """The file to its place, by itself or as it came with others. Raises ProblemError."""
        from howdah_desktop.engine.fetcher import FetchOutcome, fetch_file  # only for downloads

        transfer = self.transfer
        self._change(size=info.size)
        root = Path(os.fsdecode(transfer.local))
        with BeneathRoot(root) as beneath:
            result = fetch_file(
                receiver,
                info,
                beneath,
                transfer.relative,
                connections=connections,
                progress=self._fetched,
                cancelled=self._stop.is_set,
                if_exists=transfer.if_exists,
                may_come=may_come,
            )
        self._change(size=result.info.size)
        digest = result.info.manifest_digest
        if result.outcome is FetchOutcome.SKIPPED:
            return Outcome(TransferState.SKIPPED, note="exists")
        note = "already there" if result.outcome is FetchOutcome.ALREADY_THERE else ""
        return Outcome(TransferState.DONE, digest, str(root / result.path), note)

    def may_come(self, wanted: int) -> int:
        """Waits until some of so many bytes may be asked for: how many."""
        return self._limiter.down.some(wanted, self.check)

    def comes_slowly(self, size: int) -> bool:
        """Whether so many bytes at once are more than the limit lets come at once."""
        rate = self._limiter.down.bytes_per_second
        return rate is not None and size > rate * BURST_SECONDS

    def _fetched(self, progress: FetchProgress) -> None:
        with self._lock:
            self._done_bytes = progress.checked_bytes
            self._unchecked = progress.unchecked_bytes
            self._traffic.fetched(max(0, progress.arrived_bytes - self._arrived))
            self._arrived = progress.arrived_bytes
            if progress.chunk is not None:
                total = -(-progress.total_bytes // progress.chunk_bytes)
                self._fetched_chunks = ChunksView(
                    self.id, progress.chunk_bytes, total, progress.held
                )

    # -- what the sender tells (see sender.Watch)

    def check(self) -> None:
        if self._stop.is_set():
            raise ProblemError("interrupted")

    def pause(self, seconds: float) -> None:
        self._stop.wait(seconds)
        self.check()

    def begins(self, identity: SourceIdentity, chunk_bytes: int) -> None:
        self._change(identity=identity, chunk_bytes=chunk_bytes, size=identity.size)
        if self.transfer.watched is not None and self._keep is not None:
            self._keep(self.transfer)

    def opened(self, identity: SourceIdentity) -> None:
        """In a batch: the row tells of it when it is through, and not before."""
        with self._lock:
            self._transfer = replace(self._transfer, identity=identity, size=identity.size)

    def began(self, upload_id: str) -> None:
        self._change(upload_id=upload_id)

    def acknowledged(self, done_bytes: int, landed_bytes: int = 0) -> None:
        with self._lock:
            self._done_bytes = done_bytes
            self._moves(self._handed - landed_bytes, self._gone - landed_bytes, landed_bytes)

    def may_leave(self, wanted: int) -> int:
        return self._limiter.up.some(wanted, self.check)

    def leaves(self, count: int) -> None:
        with self._lock:
            self._handed += count

    def lost(self, count: int) -> None:
        with self._lock:
            self._moves(self._handed - count, self._gone - count)

    def finishing(self) -> None:
        self._change(state=TransferState.FINISHING)

    def _moves(self, handed: int, gone: int, landed: int = 0) -> None:
        """With the lock: so much stands with the line now, and so much more has arrived."""
        before = self._gone
        self._handed, self._gone = handed, max(0, min(gone, handed))
        self._traffic.sent(max(0, landed + self._gone - before))

    def _change(self, **changes: object) -> None:
        with self._lock:
            changed = replace(self._transfer, **changes)  # type: ignore[arg-type]  # names of its fields
            if changed == self._transfer:
                return
            self._transfer = changed
        self._note(changed)
