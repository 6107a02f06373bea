"""One upload, from an opened file to the receiver's 201.

`Sender.run` reads as the outline: start, compare what is there with the file, ask what need not be sent,
send the rest, or how it is made of what was sent before, look whether the file is still the same, complete.
It may be run again after any problem: what the receiver has is asked anew each time, and what was hashed
is remembered as long as the file is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from howdah_common.chunks import MIB, MOST_CHUNKS, ChunkPlan
from howdah_common.digests import BLAKE3
from howdah_common.messages import (
    MOST_HAVE_DIGESTS,
    Complete,
    FileInfo,
    Have,
    StartUpload,
    UploadInfo,
)
from howdah_common.problems import Next, ProblemError
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.change import LEAST_BYTES, Change, Remembered
from howdah_desktop.engine.chunkwork import ChunkMap, ChunkWork
from howdah_desktop.engine.completion import (
    Outcome,
    check_place,
    finish,
    finish_agreed,
    published,
)
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.scheduler import is_small
from howdah_desktop.engine.source import Source, source_of, whole_sha256
from howdah_desktop.engine.standing import (
    changed_since,
    same_grid,
    standing_at,
    what_arrived,
    wire_time,
)
from howdah_desktop.engine.streams import new_buffer
from howdah_desktop.engine.transfers import IfExists, Transfer, TransferState
from howdah_desktop.engine.transmission import Tally, Transmission, settled, tell
from howdah_desktop.engine.watch import Watch
from howdah_desktop.remote.receiver import Receiver

MOST_COMPLETIONS = 10
FIRST_HAVE_DIGESTS = 64
"""The first page of `have` is short: it shows whether hashing before sending pays."""
HAVE_BYTES = 512 * MIB
"""About what a later page speaks of, so that one sees it move."""


class Sender:
    """Sends one generation of one transfer."""

    _receiver: Receiver

    def __init__(
        self,
        transfer: Transfer,
        link: Link,
        watch: Watch,
        connections: int | None,
        remembered: Remembered | None = None,
        *,
        sent_ahead: bool = False,
    ) -> None:
        """`remembered`: the pieces of what was sent before, where they are known. `sent_ahead`: the receiver
        has chunks of the file while it grew, somewhere in it (see `following`)."""
        self._transfer = transfer
        self._link = link
        self._watch = watch
        self._connections = connections
        self.expected = transfer.expected
        """As `Transfer.expected`; another one when what is known changes between two runs."""
        self._upload_id = transfer.upload_id or ""
        self._identity = transfer.identity
        self._chunk_bytes = transfer.chunk_bytes
        self._work: ChunkWork | None = None
        self._tally = Tally()
        self._there: FileInfo | None = None
        self._change = Change(remembered)
        self._sent_ahead = sent_ahead

    def run(self, receiver: Receiver) -> Outcome:
        """Until it is done or skipped. Raises ProblemError."""
        self._receiver = receiver
        try:
            with source_of(self._transfer) as source:
                return self._carry(source)
        except ProblemError as problem:
            found = what_arrived(receiver, self._as_begun(), problem)
            if found is problem:
                raise
            if isinstance(found, ProblemError):
                raise found from problem
            return found

    def _carry(self, source: Source) -> Outcome:
        self._check_generation(source)
        if outcome := self._look_first(source):
            return outcome
        upload = self._start(source)
        work = self._work_for(upload, source)
        if upload.state == "published":
            return self._published(upload, work, source)
        self._look_back(upload, source)
        self._compare(work, source)
        if upload.known and not self._tally.sent_any:
            self._ask_have(work, source)
        return self._send_and_complete(work, source)

    def map(self, unsent_bytes: int) -> ChunkMap | None:
        """For any thread: which chunks are where, once there are any; see `ChunkWork.map`."""
        work = self._work
        return None if work is None else work.map(unsent_bytes)

    # -- before the bytes

    def _check_generation(self, source: Source) -> None:
        """A file that is not what it was when its upload began starts another."""
        if self._identity is not None and self._identity != source.identity:
            raise changed_since(self._receiver, self._as_begun())
        self._identity = source.identity

    def _as_begun(self) -> Transfer:
        return replace(self._transfer, upload_id=self._upload_id or None, identity=self._identity)

    def _look_first(self, source: Source) -> Outcome | None:
        """What stands at the target already may decide before anything is begun there."""
        transfer = self._transfer
        careful = transfer.if_exists in (IfExists.SKIP, IfExists.FAIL)
        # A small file costs no more to begin than to ask about.
        if self._upload_id or (is_small(source.identity.size) and not careful):
            return None
        there = standing_at(self._receiver, transfer.remote)
        if there is None:
            return None
        if transfer.if_exists is IfExists.FAIL:
            raise ProblemError("target_exists", f"It is {transfer.remote}.")
        if transfer.if_exists is IfExists.SKIP:
            return Outcome(TransferState.SKIPPED, note="exists")
        if not isinstance(there, FileInfo):
            return None
        self._there = there
        return self._look_at(there, source)

    def _look_at(self, there: FileInfo, source: Source) -> Outcome | None:
        """The very same file is not sent at all, not even to find out; another one keeps its grid."""
        identity = source.identity
        plan = same_grid(there, identity.size)
        if plan is None:
            return None
        if self._chunk_bytes is None and self._link.takes(plan):
            self._chunk_bytes = plan.chunk_bytes
        if (there.size, there.modified_ns) != (identity.size, wire_time(identity.modified_ns)):
            return None
        self._work = work = ChunkWork(plan, BLAKE3)
        buffer = new_buffer(plan.size)
        if not self._is_same(there, plan, lambda n: self._hash(work, source, n, buffer)):
            return None
        source.check_unchanged()
        self._watch.begins(identity, plan.chunk_bytes)
        return published(there, "already there")

    def _is_same(self, there: FileInfo, plan: ChunkPlan, digest_of: Callable[[int], bytes]) -> bool:
        """Whether the chunks of the source are those of `there`, on the same grid."""
        manifest = self._receiver.file_manifest(there.id)
        return manifest.version == there.version and all(
            digest_of(number) == manifest.digests[32 * number : 32 * number + 32]
            for number in range(plan.total_chunks)
        )

    def _has_content_of(self, there: FileInfo, source: Source) -> bool:
        plan = same_grid(there, source.identity.size)
        if plan is None or there.size != source.identity.size:
            return False
        buffer = new_buffer(plan.size)
        return self._is_same(there, plan, lambda n: source.digest(plan.span(n), BLAKE3, buffer))

    def _start(self, source: Source) -> UploadInfo:
        transfer, identity = self._transfer, source.identity
        if self._chunk_bytes is None or -(-identity.size // self._chunk_bytes) > MOST_CHUNKS:
            # Once: the same upload is begun with the same words, whatever the line has taught since.
            self._chunk_bytes = self._link.chunk_bytes(identity.size)
        self._watch.begins(identity, self._chunk_bytes)
        upload = self._receiver.start(
            StartUpload(
                client_id=transfer.client_id or "",
                path=transfer.remote,
                size=identity.size,
                modified_ns=wire_time(identity.modified_ns),
                digest_algorithm=BLAKE3,
                chunk_bytes=self._chunk_bytes,
            )
        )
        self._upload_id = upload.id
        self._watch.began(upload.id)
        return settled(self._receiver, self._watch, upload)

    def _work_for(self, upload: UploadInfo, source: Source) -> ChunkWork:
        """The chunks of this upload. What an earlier run hashed is kept."""
        size = source.identity.size
        if upload.size != size or upload.digest_algorithm != BLAKE3:
            raise ProblemError("answer_invalid", "It speaks of another upload.")
        try:
            plan = ChunkPlan(size, upload.chunk_bytes)
        except ValueError as error:
            raise ProblemError(
                "answer_invalid", "Its chunks are of no size that can be."
            ) from error
        if self._work is None or self._work.plan != plan:
            self._work = ChunkWork(plan, BLAKE3)
        self._work.receiver_says(upload.received)
        tell(self._watch, self._work)
        return self._work

    def _look_back(self, upload: UploadInfo, source: Source) -> None:
        """Whether something was sent before that this is a change of."""
        size = source.identity.size
        if self._there is None and upload.known and size >= LEAST_BYTES:
            there = standing_at(self._receiver, self._transfer.remote)
            self._there = there if isinstance(there, FileInfo) else None
        self._change.begin(size, self._there, watched=self._transfer.watched is not None)

    def _compare(self, work: ChunkWork, source: Source) -> None:
        """What arrived before this run must be what the file holds. Raises chunk_conflict."""
        unknown = [n for n in work.received().numbers() if work.hashed(n) is None]
        if not unknown:
            return
        there = self._receiver.upload_manifest(self._upload_id)
        numbers = list(RangeSet(there.received).numbers())
        if len(there.digests) != 32 * len(numbers) or there.chunk_bytes != work.plan.chunk_bytes:
            raise ProblemError("answer_invalid", "Its manifest does not fit its ranges.")
        work.receiver_says(there.received)
        buffer = new_buffer(work.plan.size)
        for at, number in enumerate(numbers):
            if self._hash(work, source, number, buffer) != there.digests[32 * at : 32 * at + 32]:
                raise ProblemError("chunk_conflict", "What arrived before is not in the file now.")
        tell(self._watch, work)

    def _ask_have(self, work: ChunkWork, source: Source) -> None:
        """Let the receiver fill in what it has; stops where that does not pay."""
        buffer = new_buffer(work.plan.size)
        later = max(1, min(MOST_HAVE_DIGESTS, HAVE_BYTES // work.plan.chunk_bytes))
        first, count, found = 0, min(FIRST_HAVE_DIGESTS, later), False
        while first < work.plan.total_chunks:
            numbers = range(first, min(first + count, work.plan.total_chunks))
            digests = b"".join(self._hash(work, source, n, buffer) for n in numbers)
            answer = self._receiver.have(self._upload_id, Have(first=first, digests=digests))
            missing = RangeSet(answer.missing)
            there, before = RangeSet.of(n for n in numbers if n not in missing), work.received()
            found = found or bool(there)
            work.filled(RangeSet.of(n for n in there.numbers() if n not in before))
            tell(self._watch, work)
            if not found and first > 0 and not self._sent_ahead:
                return
            first, count = first + count, later

    def _hash(self, work: ChunkWork, source: Source, number: int, buffer: memoryview) -> bytes:
        known = work.hashed(number)
        if known is None:
            self._watch.check()
            with self._change.reading(work.plan.span(number).offset) as seen:
                known = source.digest(work.plan.span(number), work.algorithm, buffer, seen)
            work.note(number, known)
        return known

    # -- the bytes

    def _plan(self, work: ChunkWork, source: Source) -> None:
        """Where pieces of what was sent before are known: read what is missing, to find them in it."""
        if not self._change.may_save:
            return
        buffer = new_buffer(work.plan.size)
        for number in work.missing().numbers():
            self._hash(work, source, number, buffer)
        self._change.plan(work.plan, source, self._watch.check)

    def _send_and_complete(self, work: ChunkWork, source: Source) -> Outcome:
        self._plan(work, source)
        transmission = Transmission(
            self._receiver,
            self._upload_id,
            source,
            work,
            self._link,
            self._watch,
            self._connections,
            self._tally,
            recipes=self._change.recipes,
            notes=lambda: self._change.notes_over(self._link),
        )
        for _ in range(MOST_COMPLETIONS):
            transmission.send_missing()
            self._change.finish(source, self._watch.check)
            sha256 = (
                whole_sha256(source, new_buffer(work.plan.size)) if self._transfer.sha256 else None
            )
            source.check_unchanged()
            self._watch.finishing()
            try:
                return self._complete(work, source, sha256)
            except ProblemError as problem:
                if problem.problem.next is not Next.RESYNC:
                    raise
            if published_meanwhile := transmission.resync():
                return self._published(published_meanwhile, work, source)
        raise ProblemError("answer_invalid", "It takes every chunk, but not their completion.")

    def _complete(self, work: ChunkWork, source: Source, sha256: str | None) -> Outcome:
        words = Complete(
            size=source.identity.size,
            manifest_digest=work.manifest().digest().hex(),
            sha256=sha256,
            if_version=self.expected,
        )
        outcome = self._finish(words, source)
        nothing_sent = work.plan.size > 0 and not self._tally.sent_any
        if nothing_sent and outcome.state is TransferState.DONE and not outcome.note:
            outcome = replace(outcome, note="already there")
        return replace(outcome, pieces=self._change.pieces)

    def _finish(self, words: Complete, source: Source) -> Outcome:
        transfer, receiver = self._transfer, self._receiver
        if transfer.watched is None:
            return finish(
                receiver,
                self._upload_id,
                words,
                transfer.remote,
                transfer.if_exists,
                self._watch.pause,
            )
        return finish_agreed(
            receiver,
            self._upload_id,
            words,
            transfer.remote,
            self._watch.pause,
            lambda: standing_at(receiver, transfer.remote),
            lambda there: self._has_content_of(there, source),
        )

    def _published(self, upload: UploadInfo, work: ChunkWork, source: Source) -> Outcome:
        """A completion whose answer was lost: it counts if it is of the bytes that the file has."""
        if upload.file is None:
            raise ProblemError("upload_not_found", "Its file is gone.")
        buffer = new_buffer(work.plan.size)
        for number in range(work.plan.total_chunks):
            self._hash(work, source, number, buffer)
        if work.manifest().digest().hex() != upload.file.manifest_digest:
            detail = "What was published is not in the file now."
            raise ProblemError("chunk_conflict", detail, {"became": upload.file})
        source.check_unchanged()
        if self._transfer.watched is not None:
            check_place(upload.file.path, self._transfer.remote)
        return published(upload.file)
