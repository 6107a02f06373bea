"""An upload's way up to its end: start, look, have, chunks. Synchronous; called from threads.

How it ends is in `endings`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from howdah_common import chunks as chunk_plans
from howdah_common.chunks import ChunkPlanError
from howdah_common.digests import ALGORITHMS, DIGEST_BYTES
from howdah_common.messages import StartUpload
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import links, spaces
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.uploads import ChunkRow, UploadRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.admission import Admission
from howdah_receiver.uploads.expiry import taken_up
from howdah_receiver.uploads.known import KnownChunks
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.sources import Sources
from howdah_receiver.uploads.states import HOLDING, LIVE, UploadState
from howdah_receiver.uploads.turns import Turns


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as it stands now."""

    row: UploadRow
    received: RangeSet
    received_bytes: int


class Uploads:
    """Thread-safe. An account sees its own uploads and no others: every call says who asks."""

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Parts,
        sessions: Sessions,
        known: KnownChunks,
        admission: Admission,
        turns: Turns,
    ) -> None:
        self._catalogue = catalogue
        self._parts = parts
        self._sessions = sessions
        self._known = known
        self._admission = admission
        self._turns = turns

    # -- start

    def start(self, caller: Caller, request: StartUpload) -> tuple[UploadRow, bool]:
        """Begin an upload, or find the one that this very start began before; whether it is new.

        Raises ProblemError: bad_path, bad_chunk_size, digest_unsupported, client_id_conflict, not_found
        (no such space), not_allowed, upload_not_found, upload_too_large, type_refused, too_many_uploads,
        quota_exceeded, link_full, storage_full, storage_failed.
        """
        body = msgspec.json.encode(request)
        with self._catalogue.read() as connection:
            before = rows.by_client_id(connection, caller.account_id, request.client_id)
            # In one view with that, so that a repetition never competes with itself.
            upload = before or self._admitted(connection, caller, request, body)
            own_upload_of(connection, caller, upload)
        if before is not None:
            return self._going_on(_same_start(before, body)), False
        return self._create(upload)

    def _admitted(
        self, connection: Connection, caller: Caller, request: StartUpload, body: bytes
    ) -> UploadRow:
        space = spaces.space_for(connection, caller, request.space, Right.SEND)
        upload = _new_upload(caller, space, request, body)
        if upload.link_id is not None:  # and again as the row is added: see `_create`
            links.check_room(connection, upload.link_id, 1, upload.size or 0)
        self._admission.ask(connection, upload)
        return upload

    def _create(self, upload: UploadRow) -> tuple[UploadRow, bool]:
        with disk_errors():
            self._parts.create(upload.id, upload.size)
        try:
            with disk_errors(), self._catalogue.write() as connection:
                rows.insert(connection, upload)
                if upload.link_id is not None:
                    links.check_room(connection, upload.link_id, 0, 0)
                self._admission.confirm(connection, upload)
        except IntegrityError:  # the same start came twice at once
            self._parts.remove(upload.id)
            with self._catalogue.read() as connection:
                before = rows.by_client_id(connection, upload.account_id, upload.client_id)
            if before is None:
                raise
            return self._going_on(_same_start(before, upload.start_body)), False
        except BaseException:
            self._parts.remove(upload.id)
            raise
        return upload, True

    def _going_on(self, row: UploadRow) -> UploadRow:
        """Somebody goes on with it: one in recovery is open again."""
        if row.state is UploadState.EXPIRED:
            with self._turns.of(row.id):
                with self._catalogue.read() as connection:
                    row = rows.existing(connection, row.id)
                row = taken_up(self._catalogue, row)
        if row.state is UploadState.OPEN:
            self._sessions.activity.came(row.id)
        return row

    # -- look

    def find(self, caller: Caller, upload_id: str) -> UploadRow:
        """Raises ProblemError (upload_not_found), also for what another account has."""
        with self._catalogue.read() as connection:
            return own_upload(connection, caller, upload_id)

    def view(self, caller: Caller, upload_id: str) -> UploadView:
        """The upload with what counts of it, after it was checked if the last run did not end cleanly."""
        return _seen(*self._look(caller, upload_id))

    def view_of_any(self, row: UploadRow) -> UploadView:
        """For an admin, who sees all; nothing is read again for that."""
        with self._catalogue.read() as connection:
            return _seen(row, rows.all_chunks(connection, row.id))

    def chunks(self, caller: Caller, upload_id: str) -> tuple[UploadRow, list[ChunkRow]]:
        """The upload and the chunks that count, ascending."""
        return self._look(caller, upload_id)

    def _look(self, caller: Caller, upload_id: str) -> tuple[UploadRow, list[ChunkRow]]:
        with self._catalogue.read() as connection:
            row = own_upload(connection, caller, upload_id)
            if not (row.suspect and row.state is UploadState.OPEN):
                chunks = rows.all_chunks(connection, upload_id)
                if row.suspect and row.state is UploadState.EXPIRED:
                    # In recovery nothing is read again: what is in doubt is not told of.
                    chunks = [chunk for chunk in chunks if chunk.durable]
                return row, chunks
        with self._sessions.of(row):
            pass  # opening it checks it
        return self._look(caller, upload_id)

    def live(
        self, caller: Caller, *, everyones: bool = False, resting: bool = False
    ) -> list[UploadRow]:
        """Those that are open or completing, and where asked for in recovery, oldest first.

        `everyones`: those of all accounts. Raises ProblemError: not_allowed where the caller is no admin.
        """
        if everyones and (not caller.admin or caller.send_only or caller.space_id is not None):
            raise ProblemError("not_allowed")
        states = HOLDING if resting else LIVE
        with self._catalogue.read() as connection:
            if everyones:
                return rows.live(connection, states=states)
            found = rows.live(connection, caller.account_id, states)
            return [row for row in found if _may_see(connection, caller, row)]

    def names(self, found: Sequence[UploadRow]) -> dict[str, str]:
        """Of their devices and accounts, by id."""
        with self._catalogue.read() as connection:
            return rows.names(connection, found)

    def is_known(self, upload: UploadRow, caller: Caller) -> bool:
        return self._known.may_help(upload, caller)

    # -- chunks

    @contextmanager
    def session(self, caller: Caller, upload_id: str) -> Iterator[Session]:
        """For writing chunks. Raises ProblemError: upload_not_found, upload_not_open."""
        row = self._going_on(self.find(caller, upload_id))
        if row.state is not UploadState.OPEN:
            raise ProblemError("upload_not_open")
        with self._sessions.of(row) as session:
            yield session

    def sources(self, caller: Caller, upload: UploadRow) -> Sources:
        """What recipes in one request may take from; whoever gets it closes it."""
        return self._known.sources(caller, upload)

    def have(self, caller: Caller, upload_id: str, first: int, digests: bytes) -> RangeSet:
        """Fill in the chunks whose content the account can read; of the run, what is missing.

        Raises ProblemError: chunk_out_of_range, upload_not_open.
        """
        count = len(digests) // DIGEST_BYTES
        with self.session(caller, upload_id) as session:
            plan = session.upload.plan
            if plan is None or first + count > plan.total_chunks or len(digests) % DIGEST_BYTES:
                raise ProblemError("chunk_out_of_range", f"{count} digests from {first} on.")
            wanted = {
                first + at: digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
                for at in range(count)
            }
            self._known.fill(session, wanted, caller)
            session.commit()
            received = session.received()
        return RangeSet.of(number for number in wanted if number not in received)


def _seen(row: UploadRow, chunks: Sequence[ChunkRow]) -> UploadView:
    received = RangeSet.of(chunk.number for chunk in chunks)
    size = sum(chunk.length for chunk in chunks)
    if row.state is UploadState.PUBLISHED and row.plan:
        received = RangeSet().missing(row.plan.total_chunks)
        size = row.plan.size
    return UploadView(row, received, size)


def _same_start(before: UploadRow, body: bytes) -> UploadRow:
    if before.start_body != body:
        raise ProblemError("client_id_conflict")
    return before


def _new_upload(caller: Caller, space: Space, request: StartUpload, body: bytes) -> UploadRow:
    if request.digest_algorithm not in ALGORITHMS:
        raise ProblemError("digest_unsupported", f"{request.digest_algorithm!r}.")
    try:
        chunk_bytes = request.chunk_bytes or chunk_plans.default_chunk_bytes(request.size)
        chunk_plans.ChunkPlan(request.size or 0, chunk_bytes)
    except ChunkPlanError as error:
        raise ProblemError("bad_chunk_size", f"{error}.") from error
    now = time.time_ns()
    return UploadRow(
        id=new_id(),
        account_id=caller.account_id,
        client_id=request.client_id,
        space_id=space.id,
        path=checked_path(request.path),
        size=request.size,
        modified_ns=request.modified_ns,
        algorithm=request.digest_algorithm,
        chunk_bytes=chunk_bytes,
        state=UploadState.OPEN,
        start_body=body,
        completion_body=None,
        version_id=None,
        problem=None,
        started_ns=now,
        suspect=False,
        device_id=caller.device_id,
        link_id=caller.link_id,
        active_ns=now,
        reserved_bytes=request.size or 0,
    )


def own_upload(connection: Connection, caller: Caller, upload_id: str) -> UploadRow:
    """The caller's upload of that id. Raises ProblemError (upload_not_found)."""
    return own_upload_of(connection, caller, rows.by_id(connection, upload_id))


def own_upload_of(connection: Connection, caller: Caller, row: UploadRow | None) -> UploadRow:
    """Raises ProblemError (upload_not_found) where it is not one of the caller's."""
    if row is None or row.account_id != caller.account_id or not _may_see(connection, caller, row):
        raise ProblemError("upload_not_found")
    return row


def _may_see(connection: Connection, caller: Caller, row: UploadRow) -> bool:
    """Looked at with each request, not only at the start: memberships and devices come and go."""
    if caller.send_only and row.device_id != caller.device_id:
        return False
    return Right.SEND in spaces.rights(connection, caller, row.space_id)


def checked_path(path: str) -> str:
    """Raises ProblemError (bad_path)."""
    try:
        return check_path(path)
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error
