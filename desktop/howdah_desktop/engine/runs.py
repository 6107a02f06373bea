"""Transfers at work: begun when there is a slot, and put where they belong when a run is over."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.backoff import FLOOR_SECONDS
from howdah_desktop.engine.batch_run import BatchRun, Found
from howdah_desktop.engine.batches import AT_ONCE, Batches, Taught
from howdah_desktop.engine.completion import Outcome
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_pieces import remembered
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.meter import Traffic, shares
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.scheduler import Candidate, Fullness, Slots, choose, is_small
from howdah_desktop.engine.transfers import (
    ACTIVE,
    UNFINISHED,
    USER,
    Kind,
    Transfer,
    TransferState,
    advance,
)

if TYPE_CHECKING:
    from howdah_desktop.engine.fetch_batch import FetchBatch

S = TransferState

LOOK_AHEAD = 64
"""How many queued rows of a lane are looked at: the first may be held up while others can go."""
PROGRESS_SECONDS = 1.0
CANCEL_SECONDS = 5.0
"""How long an engine that ends waits for the receiver to hear of what was cancelled."""

log = logging.getLogger(__name__)


class Runs:
    """Belongs to the control thread. `on_wait` hears of rows that wait: row, seconds; `on_stale` of rows that
    have ended, of watched files that are not what was sent any more."""

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        rows: Rows,
        presence: Presence,
        slots: Slots,
        connections: int | None,
        on_wait: Callable[[Transfer, float], None],
        link: Link,
        allowance: Allowance,
        on_stale: Callable[[Transfer], None],
        chunk_bytes: Callable[[int], int | None] = lambda id_: None,
    ) -> None:
        """`chunk_bytes`: of a row of which something was sent ahead, how its file was cut for that."""
        self._control = control
        self._ledger = ledger
        self._rows = rows
        self._presence = presence
        self._slots = slots
        self._connections = connections
        self._on_wait = on_wait
        self._allowance = allowance
        self._on_stale = on_stale
        self._chunk_bytes = chunk_bytes
        self._noted_at = 0.0
        self._giving_up = 0
        self.link = link
        self.traffic = Traffic()
        self.fullness = Fullness()
        at_once = min(AT_ONCE, slots.small)
        self.sends, self.fetches = Batches(at_once), Batches(at_once, Kind.DOWNLOAD)
        """Small files that go many in one request."""
        self.jobs: dict[int, Job] = {}
        """Of transfers that have begun and are not at an end; many of them may be waiting."""
        self.running: dict[int, Transfer] = {}

    def start_what_can(self) -> None:
        if not self._allowance.may_move:
            self._halt()
            return
        if not self._presence.reach.up or self._control.stopping.is_set():
            return
        # One that only finishes leaves its lane to the next.
        busy = [
            Candidate(row.id, row.size)
            for row in self.running.values()
            if row.state is not S.FINISHING
            and row.id not in self.sends.rows
            and row.id not in self.fetches.rows
        ]
        alone = self._queued(busy)
        for batches in (self.sends, self.fetches):
            together, alone = batches.take(alone, self.fullness)
            for batch in together:
                self._begin_batch(batches, batch)
        rows = {row.id: row for row in alone}
        waiting = [Candidate(row.id, row.size) for row in rows.values()]
        for id_ in choose(waiting, busy, self._slots, self.fullness, time.monotonic()):
            self._begin(rows[id_])

    def _halt(self) -> None:
        """Nothing may be sent or fetched for now: back into the queue with those that do."""
        for row in self.running.values():
            if row.state is not S.FINISHING:
                self.jobs[row.id].stop()

    def tick(self, now: float) -> None:
        """Look how far those at work are; `now` is of the monotonic clock, in seconds.

        What was handed to the line may still wait in this machine (the kernel takes megabytes). That is
        asked of all connections together: each job has as large a part of it as of what is in flight.
        """
        jobs = [self.jobs[id_] for id_ in self.running]
        handed = [job.handed_bytes for job in jobs]
        unsent = shares(self._presence.unsent_bytes(), handed)
        for job, part in zip(jobs, unsent, strict=True):
            job.tick(now, part)

    def note_progress(self) -> None:
        """Now and then into the ledger, for who looks at it after a kill; nothing builds on it."""
        now = time.monotonic()
        if now - self._noted_at < PROGRESS_SECONDS:
            return
        self._noted_at = now
        for id_, row in self.running.items():
            done_bytes = self.jobs[id_].live().done_bytes
            if done_bytes != row.done_bytes:
                self._presence.heard()
                self.running[id_] = replace(row, done_bytes=done_bytes)
                self._write(self.running[id_])

    def moved(self, rows: list[Transfer]) -> None:
        """Rows that came over from an older group; some may be at work."""
        for row in rows:
            if row.id in self.running:
                job = self.jobs[row.id]
                job.moves_to(row)
                job.paused = False  # ordered again: it goes on
                self.running[row.id] = job.transfer

    def leaving(self) -> set[int]:
        """Rows that are cancelled, but whose thread has not ended yet."""
        return {id_ for id_ in self.running if self.jobs[id_].cancelled}

    # -- orders; each says whether it changed anything

    def cancel(self, row: Transfer) -> bool:
        """One that is at work, or that the receiver has to hear of."""
        if row.id in self.running:
            job = self.jobs[row.id]
            changes, job.cancelled = not job.cancelled, True
            job.stop()  # and then `_ended`
            return changes
        job = self.jobs.get(row.id) or self._job(row)
        self._give_up(job)
        self._end(self._cancelled(row))
        return True

    def pause(self, id_: int, until: float | None = None) -> bool:
        """One that is at work. It counts as paused at once, so that this outlives a kill."""
        job = self.jobs[id_]
        if job.cancelled or (job.paused and job.paused_until == until):
            return False
        job.paused, job.paused_until = True, until
        job.stop()  # and then `_ended`
        self._write(job.transfer)
        return True

    def go_on(self, id_: int) -> bool:
        """One that was paused while it was at work, and still is: it ends that, and begins again."""
        job = self.jobs[id_]
        if not job.paused or job.cancelled:
            return False
        job.paused = False
        done_bytes = job.live().done_bytes
        self._rows.write(replace(job.transfer, state=S.QUEUED, done_bytes=done_bytes))
        return True

    def go_on_due(self, now: float) -> None:
        """Those that were paused until a moment that has come, before their thread had ended."""
        for id_ in list(self.running):
            until = self.jobs[id_].paused_until
            if until is not None and until <= now:
                self.go_on(id_)

    def close(self) -> None:
        """Stop all; everything stays resumable."""
        for id_ in self.running:
            self.jobs[id_].stop()
        deadline = time.monotonic() + CANCEL_SECONDS
        while self._giving_up and time.monotonic() < deadline:
            self._control.hear(0.05)
        self._presence.drop_connections()
        self._control.end_workers()
        for row in self.running.values():
            if self.jobs[row.id].paused:
                self._write(row)
            elif row.state in ACTIVE:
                self._rows.put(row, state=S.QUEUED)

    # -- inside

    def _queued(self, busy: list[Candidate]) -> list[Transfer]:
        """What could run, of the lanes that have a slot."""
        small_busy = sum(is_small(one.size) for one in busy)
        rows: list[Transfer] = []
        both = (self.sends, self.fetches)
        if small_busy < self._slots.small or any(batches.has_room for batches in both):
            small = self._ledger.queued(small=True, limit=LOOK_AHEAD)
            wanted = [b.look_ahead for b in both if b.wants_any(small, self.fullness)]
            if wanted:  # more rows cost more: only for these
                limit = LOOK_AHEAD + sum(wanted)
                small = self._ledger.queued(small=True, limit=limit)
            rows += small
        if len(busy) - small_busy < self._slots.large:
            rows += self._ledger.queued(small=False, limit=LOOK_AHEAD)
        # What has not been written yet stands in the ledger as it was.
        return [row for row in rows if row.id not in self.running and row.id not in self._rows]

    def _begin(self, row: Transfer) -> None:
        job = self._prepared(row)
        self._control.submit(
            lambda: job.run(self._presence.current()), lambda found: self._ended(job, found)
        )

    def _begin_batch(self, batches: Batches, rows: list[Transfer]) -> None:
        jobs = [self._prepared(row) for row in rows]
        batches.begin(rows)
        run: BatchRun | FetchBatch
        if batches is self.fetches:
            from howdah_desktop.engine.fetch_batch import FetchBatch  # only for downloads

            run = FetchBatch(jobs, self._control.check)
        else:
            run = BatchRun(jobs, self._control.check, self._keep, self._ledger.sent_before(rows))
        self._control.submit(
            lambda: run.run(self._presence.current()),
            lambda found: self._batch_ended(batches, run, jobs, found),
        )

    def _batch_ended(
        self, batches: Batches, run: Taught, jobs: list[Job], found: Found | ProblemError
    ) -> None:
        """Each row goes where a run of its own would have put it."""
        batches.ended(run, [job.id for job in jobs])
        for job in jobs:
            self._ended(job, found if isinstance(found, ProblemError) else found[job.id])

    def _prepared(self, row: Transfer) -> Job:
        """At work from now on."""
        if row.chunk_bytes is None:
            row = replace(row, chunk_bytes=self._chunk_bytes(row.id))
        state = S.FETCHING if row.kind is Kind.DOWNLOAD else S.SENDING
        row = self._rows.put(row, state=state, code=None, detail="", next_try=None)
        job = self.jobs.get(row.id)
        if job is None:
            job = self.jobs[row.id] = self._job(row)
        job.prepare(row)
        self.running[row.id] = row
        return job

    def _job(self, row: Transfer) -> Job:
        return Job(
            row,
            self.link,
            self._connections,
            self._note,
            self.traffic,
            partial(_remembered, self._ledger.path.parent),
            self._allowance.limiter,
            lambda row: self._keep([row]),
            sent_ahead=self._chunk_bytes(row.id) is not None,
        )

    def _keep(self, rows: Sequence[Transfer]) -> None:
        """In a working thread: written down when this returns."""

        def keep() -> None:
            for row in rows:
                self._noted(row)
            self._rows.save()

        self._control.ask(keep)

    def _write(self, row: Transfer) -> None:
        """A row at work, as it is to stand in the ledger."""
        job = self.jobs[row.id]
        row = replace(row, done_bytes=job.live().done_bytes)
        if job.paused:
            row = outcomes.put(row, state=S.PAUSED, code=USER, detail="", next_try=job.paused_until)
        self._rows.write(row)

    def _note(self, row: Transfer) -> None:
        """A job's row has changed; called in its thread."""
        self._control.post(lambda: self._noted(row))

    def _noted(self, row: Transfer) -> None:
        if row.id in self.running:
            advance(self.running[row.id].state, row.state)
            self.running[row.id] = row
            self._presence.heard()
            self._write(row)

    def _ended(self, job: Job, found: Outcome | ProblemError) -> None:
        del self.running[job.id]
        row = replace(job.transfer, done_bytes=job.live().done_bytes)
        paused, job.paused = job.paused, False
        if isinstance(found, Outcome):
            self._presence.heard()
            self.fullness.taken(row.size or 0)
            self._end(outcomes.succeeded(row, found, time.time()))
            self._remember(found)
            if job.cancelled:
                self._arrived_nevertheless(row)
            if found.stale:
                self._on_stale(row)
            return
        log.info("transfer %d: %s %s", row.id, found.code, found.detail)
        if job.cancelled:
            self._give_up(job)
            self._end(self._cancelled(row))
            return
        if paused:
            words = {"code": USER, "detail": "", "next_try": job.paused_until}
            self._end(self._rows.put(row, state=S.PAUSED, **words))
            return
        if job.moved_forward():
            row = replace(row, attempt=0)
        self._held_up(job, row, found)

    def _remember(self, found: Outcome) -> None:
        """The pieces of what was sent. Nothing depends on them: without them, more is sent next time."""
        if found.pieces is None or found.file_id is None or found.version is None:
            return
        try:
            self._ledger.keep_pieces(found.file_id, found.version, found.pieces, time.time())
        except ProblemError as problem:
            log.info("pieces of %s: not remembered: %s", found.final_path, problem)

    def _cancelled(self, row: Transfer) -> Transfer:
        was_paused = {"code": None, "detail": ""} if row.state is S.PAUSED else {}
        return self._rows.put(row, state=S.CANCELLED, finished=time.time(), **was_paused)

    def _arrived_nevertheless(self, row: Transfer) -> None:
        self._rows.save()
        self._rows.show_again(row)

    def _held_up(self, job: Job, row: Transfer, problem: ProblemError) -> None:
        step = outcomes.held_up(row, problem, random.random(), time.time())
        if problem.code in FLOOR_SECONDS:
            by_size = problem.code != "too_many_uploads" and problem.extra.get("what") != "files"
            self.fullness.refused((row.size or 0) if by_size else 0, time.monotonic())
        if step.receiver_waits:
            self._presence.lost(problem)
        there = outcomes.became(problem)
        if there is not None and there.path == row.remote:
            # Whatever becomes of the row: what nobody knows of there would stay behind.
            self._ledger.agree_before(row, there)
        if step.new_generation:
            self._give_up(job)
            del self.jobs[job.id]
            step = replace(step, row=self._over_what_is_known(step.row))
        elif step.row.state is S.CANCELLED:
            self._give_up(job)
        # A new generation's client_id is written down before it is sent.
        self._end(step.row, urgent=step.new_generation)
        if step.row.watched is not None and step.row.state in (S.CANCELLED, S.FAILED):
            self._on_stale(step.row)
        if step.wait_seconds is not None:
            self._on_wait(step.row, step.wait_seconds)

    def _over_what_is_known(self, row: Transfer) -> Transfer:
        """What has moved to its place while it was sent is replaced by the next."""
        if row.watched is None or row.kind is not Kind.UPLOAD:
            return row
        known = self._ledger.known(row.watched, row.relative.encode())
        if known is None or known.version is None or known.remote != row.remote:
            return row
        return replace(row, expected=known.version)

    def _end(self, row: Transfer, *, urgent: bool = False) -> None:
        """A run is over; the row stands as it is now."""
        self._rows.write(row, urgent=urgent)
        if row.state not in UNFINISHED:
            self.jobs.pop(row.id, None)
            self.sends.forget(row.id)
            self.fetches.forget(row.id)

    def _give_up(self, job: Job) -> None:
        """Free the receiver's side, in a thread of the pool; what it misses expires there."""

        def told(problem: ProblemError | None) -> None:
            self._giving_up -= 1
            if problem is not None:
                log.info("transfer %d: not cancelled there: %s", job.id, problem.code)

        if job.transfer.upload_id and not self._control.stopping.is_set():
            self._giving_up += 1
            self._control.submit(lambda: job.give_up(self._presence.current()), told)


def _remembered(home: Path, file_id: str) -> tuple[str, bytes] | None:
    """As `ledger_pieces.remembered`. A transfer does not fail for what would only make it shorter."""
    try:
        return remembered(home, file_id)
    except ProblemError as problem:
        log.info("pieces of %s: not read: %s", file_id, problem)
        return None
