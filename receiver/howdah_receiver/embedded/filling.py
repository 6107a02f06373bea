"""The way of chunks from the face to the disk, and of a whole upload to its file.

The bytes of a chunk are waited for outside of `Calls`: who brings them slowly holds up nobody's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import msgspec

from howdah_common.chunks import ChunkPlan, Span
from howdah_common.digests import Buffer, hasher
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.embedded.bodies import Data, blocks_of, length_of
from howdah_receiver.embedded.calls import Calls
from howdah_receiver.embedded.looking import Looking, Standing, digest_in, plan_of, span_of
from howdah_receiver.embedded.results import PublishedFile
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.states import LIVE, UploadState


class _Taker(Protocol):
    """Who takes the bytes of a chunk (`uploads.writers`)."""

    def write(self, blocks: Sequence[Buffer], /) -> None: ...
    def finish(self, digest: bytes, /) -> None: ...
    def abandon(self) -> None: ...


class _Comparing:
    """Takes the bytes of a chunk of a file that is published: an answer that was lost is asked for again."""

    def __init__(self, algorithm: str, number: int, received: bytes) -> None:
        self._state = hasher(algorithm)
        self._number = number
        self._received = received

    def write(self, blocks: Sequence[Buffer]) -> None:
        for block in blocks:
            self._state.update(block)

    def finish(self, digest: bytes) -> None:
        """Raises ProblemError: chunk_mismatch, chunk_conflict."""
        arrived = self._state.digest()
        if arrived != digest:
            raise ProblemError("chunk_mismatch", extra={"chunks": [self._number]})
        if arrived != self._received:
            raise ProblemError("chunk_conflict", extra={"chunks": [self._number]})

    def abandon(self) -> None:
        """Nothing was begun."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A chunk that may come now. `session` is None where the upload is published."""

    row: UploadRow
    plan: ChunkPlan
    span: Span
    taker: _Taker
    session: Session | None


class Filling:
    """Thread-safe."""

    def __init__(
        self,
        receiver: Receiver,
        caller: Caller,
        looking: Looking,
        calls: Calls,
        *,
        auto_complete: bool,
    ) -> None:
        self._receiver = receiver
        self._uploads = receiver.uploads
        self._caller = caller
        self._looking = looking
        self._calls = calls
        self._auto_complete = auto_complete

    # -- a chunk

    def chunk(self, upload_id: str, number: int, data: Data, expected_hash: str | None) -> Standing:
        """Take a chunk; it counts on return. See `EmbeddedReceiver.upload_chunk`."""
        with ExitStack() as stack:
            with self._calls:
                begun = self._begin(stack, upload_id, number, length_of(data))
            try:
                digest = self._take(begun, data)
                if expected_hash is not None:
                    digest = digest_in(expected_hash)
                with self._calls:
                    begun.taker.finish(digest)
                    return self._counted(begun, number)
            finally:
                begun.taker.abandon()

    def _begin(self, stack: ExitStack, upload_id: str, number: int, length: int | None) -> _Begun:
        row = self._uploads.find(self._caller, upload_id)
        plan = plan_of(row)
        span = span_of(plan, number)
        if length is not None:
            _check_length(number, length, span)  # before it stops one that may be right
        while row.state is not UploadState.PUBLISHED:
            try:
                session = stack.enter_context(self._uploads.session(self._caller, upload_id))
                return _Begun(row, plan, span, session.begin(number, span.length), session)
            except ProblemError as problem:
                row = self._settled(upload_id, problem)
        received = self._looking.digest_in_file(row, number)
        return _Begun(row, plan, span, _Comparing(row.algorithm, number, received), None)

    def _settled(self, upload_id: str, problem: ProblemError) -> UploadRow:
        """The upload, where it takes no chunks just because it is being completed: once that is through."""
        if problem.code != "upload_not_open":
            raise problem
        row = self._uploads.find(self._caller, upload_id)
        if row.state is UploadState.PUBLISHED:
            return row
        if row.state not in LIVE:
            raise ProblemError("upload_not_open", extra={"state": row.state.value}) from problem
        if not self._auto_complete or self.complete_if_whole(upload_id) is None:
            raise problem
        return self._uploads.find(self._caller, upload_id)

    def _take(self, begun: _Begun, data: Data) -> bytes:
        """Write all of `data`; the digest of what was given."""
        state, count = hasher(begun.row.algorithm), 0
        for block in blocks_of(data):
            count += len(block)
            if count > begun.span.length:
                break
            state.update(block)
            with self._calls:
                begun.taker.write([block])
        _check_length(begun.span.offset // begun.plan.chunk_bytes, count, begun.span)
        return state.digest()

    def _counted(self, begun: _Begun, number: int) -> Standing:
        """The chunk's digest held: let it count."""
        if begun.session is None:
            received = RangeSet().missing(begun.plan.total_chunks)
            return Standing(begun.plan, received, self._looking.published(begun.row))
        begun.session.commit([number])
        if begun.session.wants_sync:
            self._receiver.sessions.sync_soon()
        return Standing(begun.plan, begun.session.received())

    # -- the upload as a whole

    def standing(self, row: UploadRow) -> Standing:
        """How an upload stands that is to be gone on with. One that is whole is completed.

        Raises ProblemError: upload_not_open, and what `complete` raises.
        """
        plan = plan_of(row)
        self._take_up(row)
        view = self._uploads.view(self._caller, row.id)
        if view.row.state is UploadState.PUBLISHED:
            return Standing(plan, view.received, self._looking.published(view.row))
        if view.row.state not in LIVE:
            raise ProblemError("upload_not_open", extra={"state": view.row.state.value})
        return self.completed(row.id, Standing(plan, view.received))

    def completed(self, upload_id: str, standing: Standing) -> Standing:
        """As it stands, or published where it is whole and completes itself."""
        if standing.result is not None or standing.missing or not self._auto_complete:
            return standing
        return Standing(standing.plan, standing.received, self.complete_if_whole(upload_id))

    def complete_if_whole(self, upload_id: str) -> PublishedFile | None:
        """The file, or None while a chunk is on its way still: whoever brings that one completes."""
        row, chunks = self._uploads.chunks(self._caller, upload_id)
        if row.state is not UploadState.PUBLISHED and len(chunks) < plan_of(row).total_chunks:
            return None
        return self.complete(upload_id, None)

    def complete(self, upload_id: str, sha256: str | None) -> PublishedFile:
        """See `EmbeddedReceiver.complete_upload`."""
        wanted = None if sha256 is None else digest_in(sha256).hex()
        self._take_up(self._uploads.find(self._caller, upload_id))
        row, chunks = self._uploads.chunks(self._caller, upload_id)
        if row.state is not UploadState.PUBLISHED:
            missing = RangeSet.of(chunk.number for chunk in chunks).missing(
                plan_of(row).total_chunks
            )
            if row.state not in LIVE:
                raise ProblemError("upload_not_open", extra={"state": row.state.value})
            if missing:
                raise ProblemError("upload_incomplete", extra={"missing": missing.pairs()})
            digests = b"".join(chunk.digest for chunk in chunks)
            self._publish(row, digests, wanted)
            row = self._uploads.find(self._caller, upload_id)
        _check_words(row, wanted)
        return self._looking.published(row)

    def _take_up(self, row: UploadRow) -> None:
        """One in recovery is open again. Raises ProblemError: upload_not_open where it is gone meanwhile."""
        if row.state is UploadState.EXPIRED:
            with self._uploads.session(self._caller, row.id):
                pass

    def _publish(self, row: UploadRow, digests: bytes, sha256: str | None) -> None:
        """Whoever else completes it meanwhile does so with the same words, and both get the same answer."""
        manifest = Manifest(plan_of(row).size, row.chunk_bytes, row.algorithm, digests)
        asked = Complete(size=manifest.size, manifest_digest=manifest.digest().hex(), sha256=sha256)
        self._receiver.endings.complete(self._caller, row.id, asked)
        self._receiver.whole_digests.wake()


def _check_length(number: int, length: int, span: Span) -> None:
    if length != span.length:
        raise ProblemError(
            "chunk_out_of_range", f"Chunk {number} has {span.length} bytes; other than that came."
        )


def _check_words(row: UploadRow, sha256: str | None) -> None:
    """Whether a completion that is asked for again is the one that was carried out."""
    done = msgspec.json.decode(row.completion_body or b"{}", type=_Words)
    if sha256 not in (None, done.sha256):
        raise ProblemError("completion_conflict")


class _Words(msgspec.Struct):
    """What of a completion's words matters here."""

    sha256: str | None = None
