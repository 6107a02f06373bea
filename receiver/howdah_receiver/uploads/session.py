"""The chunks of one upload as they come: one writer each, checked on the disk, then counted.

A chunk is *received* when the digest of what stands in the part file was checked and its row is
committed; it is *durable* after a later successful fdatasync on a descriptor that was open before its
write. After a failed fsync the kernel calls the pages clean and forgets the error, so nothing since the
last good one is trusted: those chunks are asked for again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from howdah_common.chunks import Span
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.catalogue import quotas
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import ChunkRow, UploadRow
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.activity import Activity
from howdah_receiver.uploads.admission import Limits
from howdah_receiver.uploads.sniffing import HEAD_BYTES, sniff
from howdah_receiver.uploads.type_rules import FileType
from howdah_receiver.uploads.writers import ChunkChecker, ChunkWriter, Claim

_REFUSALS = frozenset({"quota_exceeded", "type_refused"})

SYNC_AFTER_BYTES = 256 * 1024 * 1024
"""So much is written again at most after a power cut; also keeps write-back going early."""


class Session:
    """One upload being worked on. Thread-safe. Holds one descriptor of its part file."""

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Parts,
        upload: UploadRow,
        limits: Limits,
        activity: Activity,
        on_counted: Callable[[UploadRow, int], None],
    ) -> None:
        """The upload is open, and its chunks were checked after an unclean stop (see `recovery`).

        `on_counted` hears of each commit, and how many bytes it made count.
        """
        self.upload = upload
        self._catalogue = catalogue
        self._parts = parts
        self._limits = limits
        self._activity = activity
        self._on_counted = on_counted
        self._lock = threading.RLock()
        # Guarded by the lock:
        self._claims: dict[int, Claim] = {}
        self._pending: list[ChunkRow] = []
        self._in_commit: list[ChunkRow] = []
        self._unsafe: list[int] = []
        self._unsafe_bytes = 0
        self._doubtful: set[int] = set()
        self._sniffed: tuple[bytes, str | None] | None = None
        # Why chunks that were checked do not count, where that is not the disk's fault.
        self._refusal: ProblemError | None = None
        self._closing = False
        self._name_synced = False
        with disk_errors():
            if not parts.exists(upload.id):
                parts.create(upload.id, upload.size)
            self._descriptor = parts.open(upload.id)
        with catalogue.read() as connection:
            known = rows.all_chunks(connection, upload.id)
        self._received = RangeSet.of(row.number for row in known)
        self._last_number = _short_chunk(known, upload.chunk_bytes)
        self.counted_bytes = sum(row.length for row in known)
        for row in known:
            if not row.durable:
                self._note_unsafe(row)
        # Taken before the lock, in this order:
        self._syncing = threading.Lock()
        self._committing = threading.Lock()

    # -- chunks

    def span(self, number: int, length: int) -> Span:
        """Where a chunk of that number and length goes. Raises ProblemError (chunk_out_of_range)."""
        plan = self.upload.plan
        if plan is None:
            return self._span_of_unknown_size(number, length)
        if number >= plan.total_chunks or plan.span(number).length != length:
            raise ProblemError("chunk_out_of_range", f"Chunk {number}, {length} bytes.")
        return plan.span(number)

    def _span_of_unknown_size(self, number: int, length: int) -> Span:
        chunk_bytes = self.upload.chunk_bytes
        short = length < chunk_bytes
        with self._lock:
            last = self._last_number
            behind = max((last for _, last in self._received), default=-1)
            beyond = (last is not None and number > last) or (short and number < behind)
        if not 0 < length <= chunk_bytes or number >= 65_536 or beyond:
            raise ProblemError("chunk_out_of_range", f"Chunk {number}, {length} bytes.")
        return Span(number * chunk_bytes, length)

    def begin(self, number: int, length: int) -> ChunkWriter | ChunkChecker:
        """Who takes the bytes of a chunk: a writer, or, where it was received before, a checker.

        A writer of the same chunk that is still at work is stopped; on return it has stopped.
        Raises ProblemError: chunk_out_of_range, upload_not_open; where the size is not known, also
        upload_too_large, quota_exceeded and storage_full.
        """
        span = self.span(number, length)
        if self.upload.size is None:  # what has a size has its room
            self._check_growth(number, span)
        while True:
            with self._lock:
                if self._closing:
                    raise ProblemError("upload_not_open")
                if number in self._received:
                    return ChunkChecker(self, number)
                older = self._claims.get(number)
                if older is None:
                    claim = self._claims[number] = Claim(number)
                    return ChunkWriter(self, claim, span)
                older.stopped = True
            # Not under the lock: the older one may need it to end its turn.
            with older.turn, self._lock:
                if self._claims.get(number) is older:
                    del self._claims[number]

    def _check_growth(self, number: int, span: Span) -> None:
        """Before the bytes of a chunk come; its commit looks again, and then it counts."""
        with self._lock:
            if number in self._received:
                return
            coming = sum(row.length for row in (*self._pending, *self._in_commit))
        self._limits.check_size(span.end)
        with disk_errors():
            self._parts.check_room(span.length)
            with self._catalogue.read() as connection:
                quotas.check_bytes(connection, self.upload.space_id, coming + span.length)

    def digest_of(self, number: int) -> bytes | None:
        """Digest of a received chunk."""
        with self._lock:
            for row in (*self._pending, *self._in_commit):
                if row.number == number:
                    return row.digest
        with self._catalogue.read() as connection:
            there = rows.chunk(connection, self.upload.id, number)
        return None if there is None else there.digest

    def commit(self, numbers: Sequence[int] = ()) -> None:
        """Make the chunks that were checked since the last commit count; on return, `numbers` do.

        Writers go on meanwhile. Raises ProblemError: upload_not_open where the upload was completed or
        cancelled meanwhile, storage_full, storage_failed, type_refused, quota_exceeded.
        """
        with self._committing:
            self._drop_doubtful()
            with self._lock:
                self._in_commit, self._pending = self._pending, []
            try:
                if self._in_commit:
                    self._write_rows(self._in_commit)
                    self._refusal = None
            except BaseException as error:
                with self._lock:
                    self._unreceive(row.number for row in self._in_commit)
                if isinstance(error, ProblemError) and error.code in _REFUSALS:
                    self._refusal = error
                raise
            finally:
                self._in_commit = []
        with self._lock:
            all_count = all(number in self._received for number in numbers)
        if not all_count:
            with self._catalogue.read() as connection:
                still_open = rows.is_open(connection, self.upload.id)
            if not still_open:  # and another commit took them along, and was told so
                raise ProblemError("upload_not_open")
            if (refusal := self._refusal) is not None:
                raise ProblemError(refusal.code, refusal.detail, refusal.extra)
            raise ProblemError("storage_failed", "Chunks were lost on their way to the catalogue.")

    def _write_rows(self, pending: list[ChunkRow]) -> None:
        media_type = None
        for row in pending:
            if row.number == 0:  # what is refused need not come as a whole
                media_type = self.type_at(self.upload.path, row.length).media_type
        with disk_errors(), self._catalogue.write() as connection:
            if not rows.is_open(connection, self.upload.id):
                raise ProblemError("upload_not_open")
            rows.put_chunks(connection, self.upload.id, pending)
            count = sum(row.length for row in pending)
            more = count if self.upload.size is None else 0
            rows.note_arrival(connection, self.upload.id, time.time_ns(), media_type, more)
            if more:
                quotas.check_bytes(connection, self.upload.space_id)
        with self._lock:
            for row in pending:
                self._note_unsafe(row)
            self.counted_bytes += count
        self._on_counted(self.upload, count)

    def _unreceive(self, numbers: Iterable[int]) -> None:
        """Called with the lock held."""
        for number in numbers:
            self._received.remove(number)
            if number == self._last_number:
                self._last_number = None

    @property
    def has_uncommitted(self) -> bool:
        return bool(self._pending)

    def received(self) -> RangeSet:
        with self._lock:
            return self._received.copy()

    def type_at(self, path: str, length: int) -> FileType:
        """What it is, as its first bytes tell, if it is to stand at `path`; so many bytes are there.

        Raises ProblemError: type_refused, storage_failed.
        """
        with disk_errors():
            head = os.pread(self._descriptor, min(HEAD_BYTES, length), 0)
        if self._sniffed is None or self._sniffed[0] != head:  # once, and not again to complete it
            self._sniffed = head, sniff(head)
        return self._limits.types.judge(path, self._sniffed[1])

    # -- used by the writers

    def came(self, count: int) -> None:
        self._activity.came(self.upload.id, count)

    def record(self, claim: Claim, span: Span, digest: bytes) -> None:
        """A chunk's digest held. Called in the claim's turn.

        Raises ProblemError (chunk_out_of_range) where the end of an upload of unknown size came meanwhile.
        """
        with self._lock:
            try:
                self.span(claim.number, span.length)
            except ProblemError:
                self.drop(claim)
                raise
            self._pending.append(ChunkRow(claim.number, span.length, digest, durable=False))
            self._received.add(claim.number)
            if self.upload.size is None and span.length < self.upload.chunk_bytes:
                self._last_number = claim.number
            self.drop(claim)

    def drop(self, claim: Claim) -> None:
        with self._lock:
            if self._claims.get(claim.number) is claim:
                del self._claims[claim.number]

    def _note_unsafe(self, row: ChunkRow) -> None:
        self._unsafe.append(row.number)
        self._unsafe_bytes += row.length

    # -- durability

    @property
    def wants_sync(self) -> bool:
        return self._unsafe_bytes >= SYNC_AFTER_BYTES

    def sync(self) -> None:
        """Make what was received durable. Raises ProblemError (storage_failed): see the module."""
        with self._syncing:
            with self._committing:
                self._drop_doubtful()
            if not self._unsafe or self._descriptor < 0:
                return
            covered = self._flush()
            with self._catalogue.write() as connection:
                rows.set_durable(connection, self.upload.id, covered)

    def sync_whole(self) -> None:
        """As `sync`, with the part's length and time, for a completion: its rows go with that."""
        with self._syncing:
            self._flush()

    def _flush(self) -> list[int]:
        """The chunks that are on the disk now. Called with `_syncing` held.

        So is the part's name: that it is gone will say that it was renamed (see `storage.tree`).
        """
        with self._lock:
            # Only these: what is received from here on may not be on its way to the disk yet.
            covered, self._unsafe, self._unsafe_bytes = self._unsafe, [], 0
        try:
            with disk_errors():
                os.fsync(self._descriptor)
                if not self._name_synced:
                    self._parts.sync_names()
                    self._name_synced = True
        except ProblemError:
            self._distrust(covered)
            raise
        return covered

    def _distrust(self, covered: list[int]) -> None:
        """A failed fsync: forget every chunk that no earlier one made safe, and every write on its way."""
        with self._lock:
            was_closing, self._closing = self._closing, True
        self._stop_writers()
        with self._committing:
            with self._lock, disk_errors():
                doubtful = {*covered, *self._unsafe, *(row.number for row in self._pending)}
                self._doubtful |= doubtful
                self._unreceive(doubtful)
                self._pending, self._unsafe, self._unsafe_bytes = [], [], 0
                self._closing = was_closing
                # A fresh descriptor reports what happens from here on.
                fresh = self._parts.open(self.upload.id)
                os.close(self._descriptor)
                self._descriptor = fresh
            self._drop_doubtful()

    def _drop_doubtful(self) -> None:
        """Where the catalogue failed with the disk, its rows still call them received: no commit, no sync
        and no completion before that is put right. Called with `_committing` held.
        """
        with self._lock:
            doubtful = set(self._doubtful)
        if doubtful:
            with disk_errors(), self._catalogue.write() as connection:
                rows.drop_chunks(connection, self.upload.id, doubtful)
                self.counted_bytes = rows.received_bytes(connection, self.upload.id)
            with self._lock:
                self._doubtful -= doubtful

    # -- the end

    def stop(self) -> None:
        """Stop every writer for good; on return no byte is written any more. What was whole counts."""
        with self._lock:
            self._closing = True
        self._stop_writers()
        self.commit()

    def discard(self) -> None:
        """As `stop`, for a cancelled upload: nothing counts any more."""
        with self._lock:
            self._closing = True
        self._stop_writers()
        with self._lock:
            self._pending, self._unsafe, self._unsafe_bytes = [], [], 0

    def rest(self) -> None:
        """As `stop`, for an upload that is not open any more but keeps what it has: that becomes durable.

        Raises ProblemError (storage_failed): what was in doubt is forgotten.
        """
        with self._lock:
            self._closing = True
        self._stop_writers()
        with self._committing, self._lock:
            self._unreceive([row.number for row in self._pending])
            self._pending = []
        self.sync()

    def forget(self, damaged: RangeSet) -> None:
        """Chunks that were read again and did not hold: to be sent again."""
        with self._lock, disk_errors(), self._catalogue.write() as connection:
            rows.drop_chunks(connection, self.upload.id, damaged.numbers())
            self.counted_bytes = rows.received_bytes(connection, self.upload.id)
            self._unreceive(damaged.numbers())

    def go_on(self) -> None:
        """A completion that did not come about: chunks are taken again."""
        with self._lock:
            self._closing = False

    def _stop_writers(self) -> None:
        with self._lock:
            claims = list(self._claims.values())
            for claim in claims:
                claim.stopped = True
        for claim in claims:
            with claim.turn:
                self.drop(claim)

    @property
    def idle(self) -> bool:
        with self._lock:
            busy = self._claims or self._pending or self._unsafe or self._doubtful
            return not (busy or self._closing)

    @property
    def algorithm(self) -> str:
        return self.upload.algorithm

    @property
    def closing(self) -> bool:
        """Whether no chunk is taken any more."""
        with self._lock:
            return self._closing

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def close(self) -> None:
        """Let go of the part file. The session is not used after this."""
        with self._syncing, self._lock:
            self._closing = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


def _short_chunk(known: Sequence[ChunkRow], chunk_bytes: int) -> int | None:
    return next((row.number for row in known if row.length < chunk_bytes), None)
