"""What an upload can go through once at a time: completion, cancelling, being read again.

Synchronous; called from threads. What `complete` promises is in docs/protocol.md; how it is kept is the
order of the steps in `_complete`.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from howdah_common.chunks import ChunkPlan, ChunkPlanError
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import quotas, spaces
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import ChunkRow, UploadRow
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.intents import Publication
from howdah_receiver.storage.modes import PLAIN, Modes
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.reading import chunk_digest, read_content
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.expiry import taken_up
from howdah_receiver.uploads.service import checked_path, own_upload
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.states import UploadState
from howdah_receiver.uploads.turns import Turns
from howdah_receiver.uploads.type_rules import FileType

_ALREADY_OVER = frozenset({UploadState.CANCELLED, UploadState.REJECTED, UploadState.GONE})
_REJECTING = frozenset({"sha256_mismatch", "type_refused"})
"""After these nothing can be made of the upload."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verified:
    checked_bytes: int
    damaged: RangeSet


class Endings:
    """Thread-safe: an upload is ended by one call at a time. An account ends its own uploads only."""

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Parts,
        tree: Tree,
        sessions: Sessions,
        turns: Turns,
        modes: Modes = PLAIN,
    ) -> None:
        self._catalogue = catalogue
        self._parts = parts
        self._tree = tree
        self._sessions = sessions
        self._turns = turns
        self._modes = modes

    def complete(self, caller: Caller, upload_id: str, request: Complete) -> None:
        """Publish the upload; durable on return.

        Raises ProblemError: upload_not_found, upload_not_open, completion_conflict, upload_incomplete,
        size_mismatch, manifest_mismatch, sha256_mismatch, type_refused, quota_exceeded, upload_too_large,
        version_conflict, path_conflict, bad_path, storage_full, storage_failed.
        """
        body = msgspec.json.encode(request)
        with self._end(caller, upload_id) as row:
            if row.state is UploadState.COMPLETING:
                row = self._settled(row)
            if row.state is UploadState.PUBLISHED:
                if row.completion_body != body:
                    raise ProblemError("completion_conflict")
                return
            if row.state is not UploadState.OPEN:
                raise ProblemError("upload_not_open", extra={"state": row.state.value})
            with self._sessions.of(row) as session:
                try:
                    session.stop()
                    self._complete(session, request, body, caller)
                except BaseException:
                    session.go_on()
                    raise
            self._sessions.drop(row.id)

    def _complete(self, session: Session, request: Complete, body: bytes, caller: Caller) -> None:
        upload = session.upload
        manifest = self._manifest(upload, request)
        path = checked_path(request.path) if request.path is not None else upload.path
        with self._catalogue.write() as connection:
            rows.advance(
                connection, upload.id, UploadState.OPEN, UploadState.COMPLETING,
                completion_body=body,
            )  # fmt: skip
            quotas.check_completion(connection, upload, path)
        try:
            kind = session.type_at(path, manifest.size)
            sha256 = self._check_whole(session, manifest, request.sha256)
            self._make_durable(session, manifest, upload.modified_ns)
            self._publish(upload, path, manifest, sha256, request.if_version, caller, kind)
        except BaseException as error:
            code = error.code if isinstance(error, ProblemError) else ""
            self._step_back(upload, rejected=code if code in _REJECTING else None)
            raise
        _log.info("published %r, %d bytes", path, manifest.size)

    def _manifest(self, upload: UploadRow, request: Complete) -> Manifest:
        """What was received, if it is what the client says it sent."""
        if upload.size is not None and request.size != upload.size:
            raise ProblemError("size_mismatch", f"{upload.size} bytes were announced.")
        with self._catalogue.read() as connection:
            chunks = rows.all_chunks(connection, upload.id)
        try:
            plan = ChunkPlan(request.size, upload.chunk_bytes)
        except ChunkPlanError as error:
            raise ProblemError("size_mismatch", str(error)) from error
        missing = RangeSet.of(chunk.number for chunk in chunks).missing(plan.total_chunks)
        if missing:
            raise ProblemError("upload_incomplete", extra={"missing": missing.pairs()})
        if sum(chunk.length for chunk in chunks) != request.size:
            raise ProblemError("size_mismatch", "The chunks received have another size in all.")
        digests = b"".join(chunk.digest for chunk in chunks)
        manifest = Manifest(request.size, upload.chunk_bytes, upload.algorithm, digests)
        if not hmac.compare_digest(manifest.digest().hex(), request.manifest_digest):
            raise ProblemError("manifest_mismatch")
        return manifest

    def _check_whole(
        self, session: Session, manifest: Manifest, wanted: str | None
    ) -> bytes | None:
        """The whole-file SHA-256, checked before publication, where the client gave one."""
        if wanted is None:
            return None
        with disk_errors():
            content = read_content(session.descriptor, manifest.plan, manifest.algorithm)
        damaged = manifest.differing(content.manifest)
        if damaged:
            session.forget(damaged)
            raise ProblemError("upload_incomplete", extra={"missing": damaged.pairs()})
        if not hmac.compare_digest(content.sha256.hex(), wanted):
            raise ProblemError("sha256_mismatch")
        return content.sha256

    def _make_durable(self, session: Session, manifest: Manifest, modified_ns: int) -> None:
        """The part as it shall stand, on the disk: length, time, bytes."""
        with disk_errors():
            os.ftruncate(session.descriptor, manifest.size)
            try:
                os.utime(session.descriptor, ns=(time.time_ns(), modified_ns))
            except OverflowError:
                pass  # a time that no disk holds is kept in the catalogue alone
            self._modes.dress_file(session.descriptor)
        session.sync_whole()

    def _publish(
        self,
        upload: UploadRow,
        path: str,
        manifest: Manifest,
        sha256: bytes | None,
        if_version: str | None,
        caller: Caller,
        kind: FileType,
    ) -> None:
        with self._catalogue.read() as connection:
            space = spaces.by_id(connection, upload.space_id)
            rights = spaces.rights(connection, caller, space.id)
        self._tree.publish(
            Publication(
                upload_id=upload.id,
                space=space,
                path=path,
                manifest=manifest,
                modified_ns=upload.modified_ns,
                sha256=sha256,
                if_version=if_version,
                by=caller.actor,
                replaces=_replaces(upload, rights),
                media_type=kind.media_type,
                flagged=kind.flagged,
            )
        )

    def _step_back(self, upload: UploadRow, *, rejected: str | None) -> None:
        """`rejected`: the code of why, where it is."""
        after = UploadState.REJECTED if rejected else UploadState.OPEN
        if upload.id in self._tree.pending():
            return  # the intent stands: the next try carries it through
        with self._catalogue.write() as connection:
            stepped = rows.advance(
                connection, upload.id, UploadState.COMPLETING, after,
                problem=rejected,
            )  # fmt: skip
            if stepped and rejected:
                rows.drop_all_chunks(connection, upload.id)
        if rejected:
            self._sessions.drop(upload.id)
            self._parts.remove(upload.id)

    def _settled(self, row: UploadRow) -> UploadRow:
        """A completion that a disk error stopped half-way, carried through."""
        with self._catalogue.read() as connection:
            space = spaces.by_id(connection, row.space_id)
        self._tree.settle(space)
        if row.id in self._tree.pending():
            raise ProblemError("storage_failed", "It could not be carried through yet.")
        with self._catalogue.write() as connection:
            # It had not got to its intent, and the catalogue failed before that could be written down.
            reopened = rows.advance(connection, row.id, UploadState.COMPLETING, UploadState.OPEN)
        if not reopened:  # else its session still knows what a failed fsync left in doubt
            self._sessions.drop(row.id)
        with self._catalogue.read() as connection:
            return rows.existing(connection, row.id)

    def cancel(self, caller: Caller, upload_id: str) -> None:
        """Stop the upload and free its space. Raises ProblemError: upload_not_open once published."""
        with self._end(caller, upload_id) as row:
            if row.state in _ALREADY_OVER:
                return
            with self._catalogue.write() as connection:
                done = row.state is UploadState.OPEN and rows.advance(
                    connection, row.id, UploadState.OPEN, UploadState.CANCELLED
                )
                if done:
                    rows.drop_all_chunks(connection, row.id)
            if not done:
                raise ProblemError("upload_not_open", extra={"state": row.state.value})
            session = self._sessions.take(row.id)
            if session is not None:
                session.discard()
                session.close()
            with disk_errors():
                self._parts.remove(row.id)

    def forget(self, caller: Caller, upload_id: str) -> None:
        """As `cancel`, and its `client_id` may begin another: for one that nobody was told of."""
        try:
            self.cancel(caller, upload_id)
        except ProblemError:
            return
        with self._catalogue.write() as connection:
            rows.remove(connection, upload_id)

    def verify(self, caller: Caller, upload_id: str) -> Verified:
        """Read again what was received; chunks that do not hold are dropped, to be sent again.

        An end: a completion that came between would close the part under it, and count what it drops.
        """
        damaged = RangeSet()
        with (
            self._end(caller, upload_id) as row,
            self._sessions.of(row) as session,
            disk_errors(),
        ):
            with self._catalogue.read() as connection:
                chunks = rows.all_chunks(connection, upload_id)
            for chunk in chunks:
                if _digest_now(session, chunk) != chunk.digest:
                    damaged.add(chunk.number)
            if damaged:
                session.forget(damaged)
        return Verified(sum(chunk.length for chunk in chunks), damaged)

    def verify_chunk(self, caller: Caller, upload_id: str, number: int) -> tuple[bytes, bytes]:
        """The digest that a chunk was received with, and that of what stands there now (empty where the
        disk cannot read it). As with `verify`, one that does not hold is dropped, to be sent again.

        Raises ProblemError: upload_not_found, upload_not_open, upload_incomplete where it was not received.
        """
        with self._end(caller, upload_id) as row, self._sessions.of(row) as session, disk_errors():
            session.commit()
            with self._catalogue.read() as connection:
                chunk = rows.chunk(connection, upload_id, number)
            if chunk is None:
                raise ProblemError("upload_incomplete", extra={"missing": [(number, number)]})
            found = _digest_now(session, chunk)
            if found != chunk.digest:
                session.forget(RangeSet.of([number]))
            return chunk.digest, found

    @contextmanager
    def _end(self, caller: Caller, upload_id: str) -> Iterator[UploadRow]:
        """One that ends the upload at a time: a cancel waits for a completion and answers its outcome.

        One in recovery is taken up again.
        """
        self._find(caller, upload_id)
        with self._turns.of(upload_id):
            row = taken_up(self._catalogue, self._find(caller, upload_id))
            if row.state is UploadState.OPEN:
                self._sessions.activity.came(upload_id)
            yield row

    def _find(self, caller: Caller, upload_id: str) -> UploadRow:
        with self._catalogue.read() as connection:
            return own_upload(connection, caller, upload_id)


def _digest_now(session: Session, chunk: ChunkRow) -> bytes:
    """Of what stands in the part; empty where the disk cannot read it."""
    offset = chunk.number * session.upload.chunk_bytes
    try:
        return chunk_digest(session.descriptor, offset, chunk.length, session.algorithm)
    except OSError:
        return b""


def _replaces(upload: UploadRow, rights: Right) -> Literal["any", "own", "none"]:
    """Who may only put in never replaces what others put there; a stranger with a link, nothing."""
    if upload.link_id is not None:
        return "none"
    return "any" if Right.CHANGE in rights else "own"
