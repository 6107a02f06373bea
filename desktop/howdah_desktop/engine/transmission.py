"""The bytes of an upload on their way: what is missing, over one or several connections, until all is there.

After every break the receiver is asked what it has: nobody counts by themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from howdah_common.messages import UploadInfo
from howdah_common.problems import Next, ProblemError
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.chunkwork import ChunkWork
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.piece_notes import PieceNotes
from howdah_desktop.engine.recipes import Recipes
from howdah_desktop.engine.scheduler import is_small
from howdah_desktop.engine.source import Source
from howdah_desktop.engine.streams import ChunkStream, new_buffer
from howdah_desktop.engine.watch import Watch
from howdah_desktop.remote.receiver import Receiver

MOST_TRIES_WITHOUT_PROGRESS = 3
MOST_MISMATCHES = 5
"""A chunk that arrives wrong so often is not the line's doing."""
POLL_SECONDS = 1.0


@dataclass(slots=True)
class Tally:
    """What went wrong with one upload, over all its runs."""

    mismatches: dict[int, int] = field(default_factory=dict)
    stuck: int = 0
    sent_any: bool = False


class Transmission:
    """Sends the missing chunks of one upload."""

    def __init__(
        self,
        receiver: Receiver,
        upload_id: str,
        source: Source,
        work: ChunkWork,
        link: Link,
        watch: Watch,
        connections: int | None,
        tally: Tally,
        *,
        recipes: Recipes | None = None,
        notes: Callable[[], PieceNotes | None] = lambda: None,
    ) -> None:
        """`recipes`, `notes`: see `streams.ChunkStream`; it is asked anew for each request who takes note."""
        self._receiver = receiver
        self._upload_id = upload_id
        self._source = source
        self._work = work
        self._link = link
        self._watch = watch
        self._connections = connections
        self._tally = tally
        self._recipes = recipes
        self._notes = notes
        if recipes is not None:
            work.sends(recipes.payload_bytes)
        self._count = 1
        """How many connections the round has."""
        self._lock = threading.Lock()
        self._under_way = 0  # requests; guarded by the lock

    def send_missing(self) -> None:
        """Until the receiver has every chunk, or has published. Raises ProblemError."""
        tries = 0
        while self._work.missing():
            before = self._work.received().count()
            problem = self._round()
            if problem is not None:
                self._weigh(problem)
                if self.resync() is not None:
                    return
            if self._work.received().count() > before:
                tries = 0
                continue
            tries += 1
            if tries >= MOST_TRIES_WITHOUT_PROGRESS:
                self._no_way_through(problem)
            self._watch.pause(tries - 1)

    def _round(self) -> ProblemError | None:
        """Send what is missing, until all is sent or something is in the way: that."""
        small = is_small(self._work.plan.size)
        self._count = count = 1 if small else self._link.connections(self._connections)
        self._work.open_round(self._link.round_bytes())
        connections = [_Connection(self) for _ in range(count)]
        if count == 1:
            connections[0].run()
        else:
            with ThreadPoolExecutor(count, thread_name_prefix="bytes") as pool:
                list(pool.map(lambda connection: connection.run(), connections))
        problems = [c.problem for c in connections if c.problem is not None]
        # A break of the line is asked about anyway; what the receiver said about chunks counts more.
        problems.sort(key=lambda problem: problem.code == "offline")
        return problems[0] if problems else None

    def _weigh(self, problem: ProblemError) -> None:
        """Raises what asking the receiver again does not help with."""
        if problem.code == "chunk_mismatch":
            self._count_mismatches(problem)
            return
        if problem.problem.next is Next.RESYNC or problem.code in ("offline", "request_timeout"):
            return
        raise problem

    def _count_mismatches(self, problem: ProblemError) -> None:
        chunks: Any = problem.extra.get("chunks", [])
        for number in RangeSet(chunks).numbers():
            self._tally.mismatches[number] = self._tally.mismatches.get(number, 0) + 1
            if self._tally.mismatches[number] >= MOST_MISMATCHES:
                detail = f"This happened {MOST_MISMATCHES} times to chunk {number}."
                raise ProblemError("chunk_mismatch", detail, {"gave_up": True}) from problem

    def resync(self) -> UploadInfo | None:
        """Ask what is there. Gives the upload if it was published meanwhile."""
        upload = settled(self._receiver, self._watch, self._receiver.upload(self._upload_id))
        self._work.receiver_says(upload.received)
        tell(self._watch, self._work)
        return upload if upload.state == "published" else None

    def _no_way_through(self, problem: ProblemError | None) -> None:
        """No chunk got through in several tries: smaller ones might, or else the transfer waits."""
        self._tally.stuck += 1
        if problem is None:
            problem = ProblemError("answer_invalid", "It takes chunks, but does not keep them.")
        smaller = self._link.smaller_chunk_bytes(self._work.plan)
        worth_it = not self._work.received() or self._tally.stuck >= MOST_TRIES_WITHOUT_PROGRESS
        line = problem.code in ("offline", "request_timeout")
        extra = {"smaller_chunk_bytes": smaller} if line and smaller and worth_it else {}
        detail = "It answers, but no chunk gets through."
        raise ProblemError(problem.code, detail, {**problem.extra, **extra, "row": True})

    # -- for the connections

    def new_buffer(self) -> memoryview:
        return new_buffer(self._work.plan.size)

    def end_round(self) -> None:
        """Nothing more is handed out: something is in the way."""
        self._work.close_round()

    def send(self, numbers: list[int], buffer: memoryview) -> None:
        """One request. Raises ProblemError."""
        leaving = _Leaving(self._watch)
        stream = ChunkStream(
            self._source,
            self._work,
            numbers,
            buffer,
            leaving,
            recipes=self._recipes,
            notes=self._notes(),
        )
        began = time.monotonic()
        self._counted(1)
        try:
            answer = self._receiver.send_chunks(self._upload_id, stream, stream.length)
        except ProblemError as problem:
            self._watch.lost(stream.sent_bytes)
            if problem.code in ("offline", "request_timeout"):
                self._link.broke(stream.sent_bytes)
            if self._recipes is not None and stream.has_recipes:
                raise self._recipes.none_left(problem, numbers) from problem
            raise
        finally:
            # Towards the end of a round there are fewer, so that this is rather too small.
            sharing = self._counted(-1) + 1
            self._tally.sent_any = self._tally.sent_any or stream.sent_bytes > 0
        if not stream.has_recipes:  # the receiver's work on those tells nothing of the line
            seconds = time.monotonic() - began
            self._link.carried(stream.length, seconds, sharing, leaving.held_seconds)
        self._work.stored(answer.stored, RangeSet([(numbers[0], numbers[-1])]))
        self._watch.acknowledged(self._work.received_bytes, stream.sent_bytes)

    def next_run(self) -> list[int]:
        chunk_bytes = self._work.plan.chunk_bytes
        return self._work.take(self._link.request_bytes(chunk_bytes, self._count))

    def landed(self, numbers: list[int]) -> None:
        self._work.landed(numbers)

    def _counted(self, change: int) -> int:
        with self._lock:
            self._under_way += change
            return self._under_way


class _Leaving:
    """What one request hands to the line, and for how long our own limit held it."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.held_seconds = 0.0

    def __call__(self, wanted: int) -> int:
        began = time.monotonic()
        count = self._watch.may_leave(wanted)
        self.held_seconds += time.monotonic() - began
        self._watch.leaves(count)
        return count


class _Connection:
    """One of several at work on an upload: takes runs of chunks until there are none."""

    def __init__(self, transmission: Transmission) -> None:
        self._transmission = transmission
        self.problem: ProblemError | None = None

    def run(self) -> None:
        transmission = self._transmission
        try:
            buffer = transmission.new_buffer()
            while numbers := transmission.next_run():
                try:
                    transmission.send(numbers, buffer)
                finally:
                    transmission.landed(numbers)
        except ProblemError as problem:
            transmission.end_round()
            self.problem = problem


def settled(receiver: Receiver, watch: Watch, upload: UploadInfo) -> UploadInfo:
    """Open or published; one that is just completing is waited for. Raises upload_not_found.

    So is one in recovery as good as open: what is sent takes it up again.
    """
    while upload.state == "completing":
        watch.pause(receiver.retry_after_seconds or POLL_SECONDS)
        upload = receiver.upload(upload.id)
    if upload.state not in ("open", "expired", "published"):
        raise ProblemError("upload_not_found", f"It was {upload.state}.")
    return upload


def tell(watch: Watch, work: ChunkWork) -> None:
    watch.acknowledged(work.received_bytes)
