"""One batch of small files, from opened files to the receiver's answer for each: the thread's side of it.

Each file is read whole, and hashed in the same pass; it is opened without following links, and looked at
before and after, as every file that is sent. What it comes to is each row's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from howdah_common.chunks import KIB, MIB, default_chunk_bytes
from howdah_common.digests import BLAKE3, DIGEST_BYTES, digest
from howdah_common.file_frames import FileHead, file_head
from howdah_common.manifest import manifest_of
from howdah_common.messages import FileInfo
from howdah_common.messages_batch import outcome_of
from howdah_common.problems import Next, ProblemError
from howdah_desktop.engine.completion import Outcome, published
from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.source import source_of
from howdah_desktop.engine.standing import changed_since, what_arrived, wire_time
from howdah_desktop.engine.transfers import IfExists, Transfer
from howdah_desktop.engine.verdict import RECEIVER_WIDE
from howdah_desktop.remote.receiver import Receiver

MOST_FILE_BYTES = 512 * KIB
"""A file that has grown beyond this since it was queued goes by itself."""
MOST_READ_BYTES = 16 * MIB
"""Held at once, whatever has grown."""
NOT_KNOWN = frozenset({"not_found", "method_not_allowed"})
"""What a receiver answers that is older than batches."""

Found = dict[int, Outcome | ProblemError]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that was read, and did not change meanwhile."""

    job: Job
    data: bytes
    digest: bytes
    head: bytes

    @property
    def length(self) -> int:
        return len(self.head) + len(self.data) + DIGEST_BYTES


class BatchRun:
    """For one working thread; what it taught is for whoever began it, afterwards."""

    def __init__(
        self,
        jobs: Sequence[Job],
        check: Callable[[], None],
        keep: Callable[[Sequence[Transfer]], None],
        before: Mapping[int, str],
    ) -> None:
        """`check` raises ProblemError (interrupted) once the engine is to end. `keep` writes rows down before
        it returns. `before`: by id of the transfer, the manifest digest of what last went to its place."""
        self._jobs = jobs
        self._before = before
        self._check = check
        self._keep = keep
        self.single: set[int] = set()
        """Ids of those that are to go by themselves."""
        self.not_known_there = False
        self.broke = False
        """The line did, while it was sent."""
        self.sent = False

    def run(self, receiver: Receiver) -> Found:
        """What each file came to, by the id of its transfer."""
        found: Found = {}
        ready = self._read(receiver, found)
        if watched := [one.job.transfer for one in ready if one.job.transfer.watched is not None]:
            self._keep(watched)
        if ready:
            found |= self._send(receiver, ready)
        return found

    # -- reading

    def _read(self, receiver: Receiver, found: Found) -> list[_Ready]:
        ready: list[_Ready] = []
        total = 0
        for job in self._jobs:
            try:
                self._check()
                job.check()
                if total > MOST_READ_BYTES:
                    raise ProblemError("interrupted")  # the next batch takes it
                one = self._read_one(receiver, job)
            except ProblemError as problem:
                found[job.id] = what_arrived(receiver, job.transfer, problem)
            else:
                total += one.length
                ready.append(one)
        return ready

    def _read_one(self, receiver: Receiver, job: Job) -> _Ready:
        transfer = job.transfer
        with source_of(transfer) as source:
            identity = source.identity
            if transfer.identity is not None and transfer.identity != identity:
                raise changed_since(receiver, transfer)
            if identity.size > MOST_FILE_BYTES:
                self.single.add(job.id)
                raise ProblemError("interrupted")
            buffer = bytearray(identity.size)
            source.read_into(memoryview(buffer), 0)
            source.check_unchanged()
        data = bytes(buffer)
        if job.id in self._before and self._before[job.id] == _manifest_digest(
            data, BLAKE3, default_chunk_bytes(len(data))
        ):
            # Nothing of it needs to go again, unless it is not there any more: by itself it finds out.
            self.single.add(job.id)
            raise ProblemError("interrupted")
        job.opened(identity)
        head = FileHead(
            client_id=transfer.client_id or "",
            path=transfer.remote,
            size=len(data),
            modified_ns=wire_time(identity.modified_ns),
            if_version=transfer.expected,
            if_exists="keep_both" if transfer.if_exists is IfExists.KEEP_BOTH else "version",
        )
        try:
            return _Ready(job, data, digest(BLAKE3, data), file_head(head))
        except ValueError:
            # A version that does not look like one of ours goes as JSON, where any text does.
            self.single.add(job.id)
            raise ProblemError("interrupted") from None

    # -- sending

    def _send(self, receiver: Receiver, ready: Sequence[_Ready]) -> Found:
        handed: list[_Ready] = []
        try:
            answer = receiver.batch(_blocks(ready, handed), sum(one.length for one in ready))
            if len(answer.items) != len(ready):
                raise ProblemError("answer_invalid", "It answers for other files.")
        except ProblemError as problem:
            for one in handed:
                one.job.lost(len(one.data))
            return self._failed(ready, problem)
        self.sent = True
        found: Found = {}
        for one, item in zip(ready, answer.items, strict=True):
            outcome = outcome_of(item)
            if isinstance(outcome, FileInfo):
                one.job.acknowledged(len(one.data), len(one.data))
                confirmed = _confirmed(one, outcome)
                found[one.job.id] = (
                    one.job.looked_at(confirmed) if isinstance(confirmed, Outcome) else confirmed
                )
            else:
                one.job.lost(len(one.data))
                found[one.job.id] = self._refused(one, outcome)
        return found

    def _refused(self, one: _Ready, problem: ProblemError) -> ProblemError:
        if problem.code == "version_conflict" and one.job.transfer.watched is not None:
            # Somebody else has changed it there: by itself it finds out how both can stay.
            self.single.add(one.job.id)
            return ProblemError("interrupted")
        return problem

    def _failed(self, ready: Sequence[_Ready], problem: ProblemError) -> Found:
        """None of them counts, as far as is known; the same client_ids find out."""
        ids = [one.job.id for one in ready]
        if problem.code in NOT_KNOWN:
            self.not_known_there = True
            problem = ProblemError("interrupted")
        elif problem.problem.next in (Next.USER, Next.RESYNC) and problem.code not in RECEIVER_WIDE:
            # Something about one of them, or about batches: each by itself finds out which.
            self.single.update(ids)
            problem = ProblemError("interrupted")
        self.broke = problem.code == "offline"
        return dict.fromkeys(ids, problem)


def _blocks(ready: Sequence[_Ready], handed: list[_Ready]) -> Iterator[memoryview]:
    for one in ready:
        one.job.leaves(len(one.data))
        handed.append(one)
        whole = memoryview(b"".join((one.head, one.data, one.digest)))
        while whole:
            count = one.job.may_leave(len(whole))
            yield whole[:count]
            whole = whole[count:]


def _confirmed(one: _Ready, file: FileInfo) -> Outcome | ProblemError:
    """It counts if it is of the bytes that were read."""
    try:
        ours = _manifest_digest(one.data, file.digest_algorithm, file.chunk_bytes)
    except ValueError:
        ours = ""
    if file.manifest_digest != ours:
        return ProblemError("answer_invalid", "It confirms another file.")
    return published(file)


def _manifest_digest(data: bytes, algorithm: str, chunk_bytes: int) -> str:
    """In hex. Raises ValueError."""
    return manifest_of(data, chunk_bytes, algorithm).digest().hex()
