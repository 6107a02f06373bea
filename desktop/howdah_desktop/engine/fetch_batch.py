"""One batch of small files, from one question to the name of each here: the thread's side of it.

What comes is held against the digests of its upload, and then written by the very code that writes a file
which is fetched by itself. Whatever is in doubt about one of them, it is fetched by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from os import fsdecode
from pathlib import Path

from howdah_common.content_frames import ContentFrame, is_whole
from howdah_common.manifest import manifest_of
from howdah_common.messages import FileInfo, FileManifest
from howdah_common.messages_batch import FetchFiles, WantedFile, outcome_of
from howdah_common.problems import Next, ProblemError
from howdah_desktop.beneath import BeneathRoot
from howdah_desktop.engine.batch_run import NOT_KNOWN, Found
from howdah_desktop.engine.completion import Outcome
from howdah_desktop.engine.fetch_ranges import all_of_it
from howdah_desktop.engine.jobs import Job
from howdah_desktop.engine.verdict import RECEIVER_WIDE
from howdah_desktop.remote.receiver import Receiver

WRITERS = 4
"""Each waits for the disk, file by file; the line goes on meanwhile."""
ASK_AFTER_SECONDS = 0.25
"""Under a limit: what may come by then is asked for, and the rest later."""


class FetchBatch:
    """For one working thread; what it taught is for whoever began it, afterwards."""

    def __init__(self, jobs: Sequence[Job], check: Callable[[], None]) -> None:
        """`check` raises ProblemError (interrupted) once the engine is to end."""
        self._jobs = jobs
        self._check = check
        self.single: set[int] = set()
        """Ids of those that are to go by themselves."""
        self.not_known_there = False
        self.broke = False
        """The line did, while it was answered."""
        self.sent = False
        """The receiver answered for all that it was asked for."""
        self._found: Found = {}

    def run(self, receiver: Receiver) -> Found:
        """What each file came to, by the id of its transfer."""
        waiting = deque(self._new_here())
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="fetched") as pool:
            while waiting and not (self.broke or self.not_known_there):
                asked = self._may_come(waiting)
                if asked and not self._fetch(receiver, asked, pool):
                    break
        self._put_back(waiting)
        return self._found

    def _new_here(self) -> list[Job]:
        """Those in whose place nothing stands. What does may be the same: a file that goes by itself finds
        that out without its bytes."""
        new: list[Job] = []
        with ExitStack() as stack:
            roots: dict[bytes, BeneathRoot] = {}
            for job in self._jobs:
                transfer = job.transfer
                try:
                    self._check()
                    job.check()
                    if transfer.local not in roots:
                        root = BeneathRoot(Path(fsdecode(transfer.local)))
                        roots[transfer.local] = stack.enter_context(root)
                    if roots[transfer.local].stat(transfer.relative) is None:
                        new.append(job)
                    else:
                        self._goes_alone(job)
                except ProblemError as problem:
                    self._in_doubt(job, problem)
        return new

    def _may_come(self, waiting: deque[Job]) -> list[Job]:
        """What may be asked for by now: all of it where nothing is limited."""
        asked: list[Job] = []
        began = time.monotonic()
        while waiting and (not asked or time.monotonic() - began < ASK_AFTER_SECONDS):
            job = waiting.popleft()
            left = job.transfer.size or 0
            try:
                self._check()
                job.check()
                if job.comes_slowly(left):
                    self._goes_alone(job)  # piece by piece
                    continue
                while left:
                    left -= job.may_come(left)
            except ProblemError as problem:
                self._in_doubt(job, problem)
            else:
                asked.append(job)
        return asked

    def _fetch(self, receiver: Receiver, asked: Sequence[Job], pool: ThreadPoolExecutor) -> bool:
        """Whether it was answered for all."""
        left = deque(asked)
        writing: dict[int, Future[Outcome | ProblemError]] = {}
        files = [WantedFile(path=job.transfer.remote) for job in asked]
        try:
            with receiver.fetch_files(FetchFiles(files=files)) as frames:
                for frame in frames:
                    self._check()
                    job = left.popleft()
                    file = _file_in(frame, job)
                    if file is None:
                        self._goes_alone(job)
                    else:
                        writing[job.id] = pool.submit(_written, job, file, frame.data)
            if left:
                raise ProblemError("answer_invalid", "It answers for fewer files.")
            self.sent = True
        except ProblemError as problem:
            self._failed(left, problem)
        # What came whole counts, whatever became of the others.
        self._found |= {id_: written.result() for id_, written in writing.items()}
        return not left

    def _failed(self, left: Sequence[Job], problem: ProblemError) -> None:
        if problem.code in NOT_KNOWN:
            self.not_known_there = True
            self._put_back(left)
            return
        about_files = problem.problem.next in (Next.USER, Next.RESYNC)
        if problem.code == "answer_invalid" or (about_files and problem.code not in RECEIVER_WIDE):
            # Something about one of them, or about batches: each by itself finds out which.
            for job in left:
                self._goes_alone(job)
            return
        self.broke = problem.code == "offline"
        self._found |= {job.id: problem for job in left}

    def _goes_alone(self, job: Job) -> None:
        self.single.add(job.id)
        self._put_back([job])

    def _put_back(self, jobs: Sequence[Job]) -> None:
        self._found |= {job.id: ProblemError("interrupted") for job in jobs}

    def _in_doubt(self, job: Job, problem: ProblemError) -> None:
        if problem.code == "interrupted":
            self._put_back([job])
        else:
            self._goes_alone(job)


def _file_in(frame: ContentFrame, job: Job) -> FileInfo | None:
    """The file that was asked for, if these are its bytes."""
    file = outcome_of(frame.item)
    if not isinstance(file, FileInfo) or file.path != job.transfer.remote:
        return None
    return file if is_whole(file, frame.data) else None


def _written(job: Job, file: FileInfo, data: bytes) -> Outcome | ProblemError:
    try:
        job.check()
        return job.fetch(_Arrived(file, data), file, 1, all_of_it)
    except ProblemError as problem:
        return problem
    finally:
        job.over()


class _Arrived:
    """A file that came whole, as whoever writes it asks a receiver for one."""

    def __init__(self, info: FileInfo, data: bytes) -> None:
        self._info = info
        self._data = data

    def file(self, file_id: str) -> FileInfo:
        return self._info

    def file_manifest(self, file_id: str) -> FileManifest:
        info = self._info
        manifest = manifest_of(self._data, info.chunk_bytes, info.digest_algorithm)
        return FileManifest(
            version=info.version,
            size=info.size,
            chunk_bytes=info.chunk_bytes,
            digest_algorithm=info.digest_algorithm,
            manifest_digest=info.manifest_digest,
            digests=manifest.digests,
        )

    @contextmanager
    def content(
        self, file_id: str, version: str, first: int, last: int
    ) -> Iterator[Iterator[bytes]]:
        yield iter((self._data[first : last + 1],))
