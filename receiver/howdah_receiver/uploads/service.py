"""An upload's way: start, have, chunks, complete, cancel, verify. Synchronous; called from threads.

What `complete` promises is in docs/protocol.md; how it is kept is the order of the steps in `_complete`.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from howdah_common import chunks as chunk_plans
from howdah_common.chunks import ChunkPlanError
from howdah_common.digests import ALGORITHMS, DIGEST_BYTES
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete, StartUpload
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import Space
from howdah_receiver.catalogue.uploads import ChunkRow, UploadRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.reading import chunk_digest, read_content
from howdah_receiver.storage.tree import Publication, Tree
from howdah_receiver.uploads.known import KnownChunks
from howdah_receiver.uploads.recovery import check_suspect
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.states import UploadState


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as it stands now."""

    row: UploadRow
    received: RangeSet
    received_bytes: int
    space: Space


@dataclass(frozen=True, slots=True)
class Verified:
    checked_bytes: int
    damaged: RangeSet


class Uploads:
    """Thread-safe. An account sees its own uploads and no others: every call says which account asks."""

    def __init__(
        self, catalogue: Catalogue, parts: Parts, tree: Tree, sessions: Sessions, known: KnownChunks
    ) -> None:
        self._catalogue = catalogue
        self._parts = parts
        self._tree = tree
        self._sessions = sessions
        self._known = known
        # Ends of uploads (complete, cancel, verify) one at a time; which lock is up to the upload's id.
        self._ending = [threading.Lock() for _ in range(64)]

    # -- start

    def start(self, account_id: str, request: StartUpload) -> tuple[UploadRow, bool]:
        """Begin an upload, or find the one that this very start began before; whether it is new.

        Raises ProblemError: bad_path, bad_chunk_size, digest_unsupported, client_id_conflict, not_found
        (no such space), storage_full, storage_failed.
        """
        body = msgspec.json.encode(request)
        with self._catalogue.read() as connection:
            before = rows.by_client_id(connection, account_id, request.client_id)
            space = file_rows.space_of_account(connection, account_id, request.space)
        if before is not None:
            return _same_start(before, body), False
        if space is None:
            raise ProblemError("not_found", "There is no such space.")
        upload = _new_upload(account_id, space, request, body)
        return self._create(upload)

    def _create(self, upload: UploadRow) -> tuple[UploadRow, bool]:
        with disk_errors():
            self._parts.create(upload.id, upload.size)
        try:
            with disk_errors(), self._catalogue.write() as connection:
                rows.insert(connection, upload)
        except IntegrityError:  # the same start came twice at once
            self._parts.remove(upload.id)
            with self._catalogue.read() as connection:
                before = rows.by_client_id(connection, upload.account_id, upload.client_id)
            if before is None:
                raise
            return _same_start(before, upload.start_body), False
        except BaseException:
            self._parts.remove(upload.id)
            raise
        return upload, True

    # -- look

    def find(self, account_id: str, upload_id: str) -> UploadRow:
        """Raises ProblemError (upload_not_found), also for what another account has."""
        with self._catalogue.read() as connection:
            return self._find(connection, account_id, upload_id)

    @staticmethod
    def _find(connection: Connection, account_id: str, upload_id: str) -> UploadRow:
        row = rows.by_id(connection, upload_id)
        if row is None or row.account_id != account_id:
            raise ProblemError("upload_not_found")
        return row

    def view(self, account_id: str, upload_id: str) -> UploadView:
        """The upload with what counts of it, after it was checked if the last run did not end cleanly."""
        row, chunks = self._look(account_id, upload_id)
        with self._catalogue.read() as connection:
            space = file_rows.space(connection, row.space_id)
        received = RangeSet.of(chunk.number for chunk in chunks)
        size = sum(chunk.length for chunk in chunks)
        if row.state is UploadState.PUBLISHED and row.plan:
            received = RangeSet().missing(row.plan.total_chunks)
            size = row.plan.size
        return UploadView(row, received, size, space)

    def chunks(self, account_id: str, upload_id: str) -> tuple[UploadRow, list[ChunkRow]]:
        """The upload and the chunks that count, ascending."""
        return self._look(account_id, upload_id)

    def _look(self, account_id: str, upload_id: str) -> tuple[UploadRow, list[ChunkRow]]:
        row = self.find(account_id, upload_id)
        if row.suspect and row.state is UploadState.OPEN:
            with self._sessions.of(row):
                pass  # opening it checks it
        with self._catalogue.read() as connection:
            row = self._find(connection, account_id, upload_id)
            return row, rows.all_chunks(connection, upload_id)

    def live(self, account_id: str) -> list[UploadRow]:
        with self._catalogue.read() as connection:
            return rows.live(connection, account_id)

    def is_known(self, upload: UploadRow) -> bool:
        return self._known.may_help(upload)

    # -- chunks

    @contextmanager
    def session(self, account_id: str, upload_id: str) -> Iterator[Session]:
        """For writing chunks. Raises ProblemError: upload_not_found, upload_not_open."""
        row = self.find(account_id, upload_id)
        if row.state is not UploadState.OPEN:
            raise ProblemError("upload_not_open")
        with self._sessions.of(row) as session:
            yield session

    def have(self, account_id: str, upload_id: str, first: int, digests: bytes) -> RangeSet:
        """Fill in the chunks whose content the account can read; of the run, what is missing.

        Raises ProblemError: chunk_out_of_range, upload_not_open.
        """
        count = len(digests) // DIGEST_BYTES
        with self.session(account_id, upload_id) as session:
            plan = session.upload.plan
            if plan is None or first + count > plan.total_chunks or len(digests) % DIGEST_BYTES:
                raise ProblemError("chunk_out_of_range", f"{count} digests from {first} on.")
            wanted = {
                first + at: digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
                for at in range(count)
            }
            self._known.fill(session, wanted)
            session.commit()
            received = session.received()
        return RangeSet.of(number for number in wanted if number not in received)

    # -- the end

    def complete(self, account_id: str, upload_id: str, request: Complete) -> UploadRow:
        """Publish the upload; durable on return.

        Raises ProblemError: upload_not_found, upload_not_open, completion_conflict, upload_incomplete,
        size_mismatch, manifest_mismatch, sha256_mismatch, version_conflict, path_conflict, bad_path,
        storage_full, storage_failed.
        """
        body = msgspec.json.encode(request)
        with self._end(account_id, upload_id) as row:
            if row.state is UploadState.COMPLETING:
                row = self._settled(row)
            if row.state is UploadState.PUBLISHED:
                return self._completed_before(row, body)
            if row.state is not UploadState.OPEN:
                raise ProblemError("upload_not_open", extra={"state": row.state.value})
            with self._sessions.of(row) as session:
                session.stop()
                try:
                    self._complete(session, request, body)
                except BaseException:
                    session.go_on()
                    raise
            self._sessions.drop(row.id)
            return self.find(account_id, upload_id)

    def _complete(self, session: Session, request: Complete, body: bytes) -> None:
        upload = session.upload
        manifest = self._manifest(upload, request)
        path = _checked(request.path) if request.path is not None else upload.path
        with self._catalogue.write() as connection:
            rows.advance(
                connection, upload.id, UploadState.OPEN, UploadState.COMPLETING,
                completion_body=body,
            )  # fmt: skip
        try:
            sha256 = self._check_whole(session, manifest, request.sha256)
            self._make_durable(session, manifest, upload.modified_ns)
            self._publish(upload, path, manifest, sha256, request.if_version)
        except BaseException as error:
            rejected = isinstance(error, ProblemError) and error.code == "sha256_mismatch"
            self._step_back(upload, rejected=rejected)
            raise

    def _manifest(self, upload: UploadRow, request: Complete) -> Manifest:
        """What was received, if it is what the client says it sent."""
        if upload.size is not None and request.size != upload.size:
            raise ProblemError("size_mismatch", f"{upload.size} bytes were announced.")
        with self._catalogue.read() as connection:
            chunks = rows.all_chunks(connection, upload.id)
        try:
            plan = chunk_plans.ChunkPlan(request.size, upload.chunk_bytes)
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
        if content.manifest != manifest:
            self._drop_damaged(session.upload.id, manifest, content.manifest)
        if not hmac.compare_digest(content.sha256.hex(), wanted):
            raise ProblemError("sha256_mismatch")
        return content.sha256

    def _drop_damaged(self, upload_id: str, wanted: Manifest, found: Manifest) -> None:
        damaged = RangeSet.of(
            number
            for number in range(wanted.plan.total_chunks)
            if wanted.chunk_digest(number) != found.chunk_digest(number)
        )
        with self._catalogue.write() as connection:
            rows.drop_chunks(connection, upload_id, damaged.numbers())
        self._sessions.drop(upload_id)
        raise ProblemError("upload_incomplete", extra={"missing": damaged.pairs()})

    def _make_durable(self, session: Session, manifest: Manifest, modified_ns: int) -> None:
        """The part as it shall stand, on the disk: length, time, bytes."""
        with disk_errors():
            os.ftruncate(session.descriptor, manifest.size)
            try:
                os.utime(session.descriptor, ns=(time.time_ns(), modified_ns))
            except OverflowError:
                pass  # a time that no disk holds is kept in the catalogue alone
            os.fchmod(session.descriptor, 0o644)
        session.sync_whole()

    def _publish(
        self,
        upload: UploadRow,
        path: str,
        manifest: Manifest,
        sha256: bytes | None,
        if_version: str | None,
    ) -> None:
        with self._catalogue.read() as connection:
            space = file_rows.space(connection, upload.space_id)
        self._tree.publish(
            Publication(
                upload_id=upload.id,
                space=space,
                path=path,
                manifest=manifest,
                modified_ns=upload.modified_ns,
                sha256=sha256,
                if_version=if_version,
            )
        )

    def _step_back(self, upload: UploadRow, *, rejected: bool) -> None:
        after = UploadState.REJECTED if rejected else UploadState.OPEN
        if upload.id in self._tree.pending():
            return  # the intent stands: the next try carries it through
        with self._catalogue.write() as connection:
            stepped = rows.advance(
                connection, upload.id, UploadState.COMPLETING, after,
                problem="sha256_mismatch" if rejected else None,
            )  # fmt: skip
            if stepped and rejected:
                rows.drop_all_chunks(connection, upload.id)
        if rejected:
            self._sessions.drop(upload.id)
            self._parts.remove(upload.id)

    def _settled(self, row: UploadRow) -> UploadRow:
        """A completion that a disk error stopped half-way, carried through."""
        with self._catalogue.read() as connection:
            space = file_rows.space(connection, row.space_id)
        self._tree.settle(space)
        self._sessions.drop(row.id)
        return self.find(row.account_id, row.id)

    def _completed_before(self, row: UploadRow, body: bytes) -> UploadRow:
        if row.completion_body != body:
            raise ProblemError("completion_conflict")
        return row

    def cancel(self, account_id: str, upload_id: str) -> None:
        """Stop the upload and free its space. Raises ProblemError: upload_not_open once published."""
        with self._end(account_id, upload_id) as row:
            if row.state in (UploadState.CANCELLED, UploadState.REJECTED):
                return
            with self._catalogue.write() as connection:
                done = row.state is UploadState.OPEN and rows.advance(
                    connection, row.id, UploadState.OPEN, UploadState.CANCELLED
                )
                if done:
                    rows.drop_all_chunks(connection, row.id)
            if not done:
                raise ProblemError("upload_not_open", extra={"state": row.state.value})
            session = self._sessions.find(row.id)
            if session is not None:
                session.discard()
            self._sessions.drop(row.id)
            with disk_errors():
                self._parts.remove(row.id)

    def verify(self, account_id: str, upload_id: str) -> Verified:
        """Read again what was received; chunks that do not hold are dropped, to be sent again."""
        row, chunks = self._look(account_id, upload_id)
        damaged = RangeSet()
        with self._sessions.of(row) as session, disk_errors():
            for chunk in chunks:
                offset = chunk.number * row.chunk_bytes
                try:
                    found = chunk_digest(session.descriptor, offset, chunk.length, row.algorithm)
                except OSError:
                    found = b""
                if found != chunk.digest:
                    damaged.add(chunk.number)
            if damaged:
                session.forget(damaged)
        return Verified(sum(chunk.length for chunk in chunks), damaged)

    @contextmanager
    def _end(self, account_id: str, upload_id: str) -> Iterator[UploadRow]:
        """One that ends the upload at a time: a cancel waits for a completion and answers its outcome."""
        self.find(account_id, upload_id)
        with self._ending[hash(upload_id) % len(self._ending)]:
            row = self.find(account_id, upload_id)
            if row.suspect and row.state is UploadState.OPEN:
                check_suspect(self._catalogue, self._parts, row)
                row = self.find(account_id, upload_id)
            yield row


def _same_start(before: UploadRow, body: bytes) -> UploadRow:
    if before.start_body != body:
        raise ProblemError("client_id_conflict")
    return before


def _new_upload(account_id: str, space: Space, request: StartUpload, body: bytes) -> UploadRow:
    if request.digest_algorithm not in ALGORITHMS:
        raise ProblemError("digest_unsupported", f"{request.digest_algorithm!r}.")
    try:
        chunk_bytes = request.chunk_bytes or chunk_plans.default_chunk_bytes(request.size)
        chunk_plans.ChunkPlan(request.size or 0, chunk_bytes)
    except ChunkPlanError as error:
        raise ProblemError("bad_chunk_size", f"{error}.") from error
    return UploadRow(
        id=new_id(),
        account_id=account_id,
        client_id=request.client_id,
        space_id=space.id,
        path=_checked(request.path),
        size=request.size,
        modified_ns=request.modified_ns,
        algorithm=request.digest_algorithm,
        chunk_bytes=chunk_bytes,
        state=UploadState.OPEN,
        start_body=body,
        completion_body=None,
        version_id=None,
        problem=None,
        started_ns=time.time_ns(),
        suspect=False,
    )


def _checked(path: str) -> str:
    try:
        return check_path(path)
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error
