"""What the face tells of an upload: how far it is, what it came to, whether its chunks still hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from howdah_common import remote_path
from howdah_common.chunks import ChunkPlan, Span
from howdah_common.digests import DIGEST_BYTES
from howdah_common.messages import StartUpload
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.embedded.results import ChunkVerified, PublishedFile, UploadStatus
from howdah_receiver.storage.reading import chunk_digest
from howdah_receiver.uploads.service import UploadView
from howdah_receiver.uploads.states import UploadState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an upload is."""

    plan: ChunkPlan
    received: RangeSet
    result: PublishedFile | None = None

    @property
    def missing(self) -> RangeSet:
        return self.received.missing(self.plan.total_chunks)

    @property
    def progress(self) -> float:
        """By bytes; an empty file is there from the start."""
        if not self.plan.size:
            return 1.0
        return sum(self.plan.bytes_in(*run) for run in self.received) / self.plan.size


class Looking:
    """Thread-safe."""

    def __init__(self, receiver: Receiver, caller: Caller) -> None:
        self._receiver = receiver
        self._caller = caller

    def status(self, upload_id: str) -> UploadStatus:
        """Raises ProblemError: upload_not_found."""
        view = self._receiver.uploads.view(self._caller, upload_id)
        row = view.row
        file = self._published_if_there(row)
        speed = None
        if row.state is UploadState.OPEN:
            speed = self._receiver.sessions.activity.bytes_per_second(upload_id) or None
        path = file.remote_path if file else row.path
        expires_ns = self._receiver.expiry.ends_ns(row)
        return UploadStatus(
            upload_id=row.id,
            filename=remote_path.name(path),
            remote_path=path,
            status=row.state.value,
            total_size=row.size,
            size_uploaded=view.received_bytes,
            chunks_received=view.received.count(),
            total_chunks=row.plan.total_chunks if row.plan else None,
            progress=Standing(row.plan, view.received).progress if row.plan else None,
            speed=speed,
            time_remaining=_time_remaining(view, speed),
            started=_time(row.started_ns),
            expires=None if expires_ns is None else _time(expires_ns),
            metadata=msgspec.json.decode(row.start_body, type=StartUpload).metadata or {},
            path=file.path if file else None,
            problem=row.problem,
        )

    def _published_if_there(self, row: UploadRow) -> PublishedFile | None:
        if row.state is not UploadState.PUBLISHED:
            return None
        try:
            return self.published(row)
        except ProblemError as problem:
            if problem.code != "file_not_found":
                raise
            return None

    def published(self, row: UploadRow) -> PublishedFile:
        """The file that a published upload came to. Raises ProblemError (file_not_found): it was deleted."""
        with self._receiver.catalogue.read() as connection:
            file = file_rows.of_version(connection, row.version_id or "")
            if file is None:
                raise ProblemError("file_not_found")
            standing = file_rows.at_path(connection, file.space_id, file.path)
            kept = file_rows.is_kept(connection, file.version_id)
            space = spaces.by_id(connection, file.space_id)
        data = self._receiver.folder.path
        if kept:
            path = data / "versions" / file.version_id
        elif standing is not None and standing.version_id == file.version_id:
            path = data / "files" / space.folder / file.path
        else:  # other hands took it away
            raise ProblemError("file_not_found")
        return PublishedFile(
            path=path,
            remote_path=file.path,
            size=file.size,
            duration=max(0, (row.ended_ns or row.started_ns) - row.started_ns) / 1e9,
            sha256=file.sha256.hex() if file.sha256 else None,
            version=file.version_id,
            file_id=file.id,
        )

    def digest_in_file(self, row: UploadRow, number: int) -> bytes:
        """The digest of a chunk of the file that a published upload came to, as it was received.

        Raises ProblemError: file_not_found.
        """
        file = self.published(row)
        with self._receiver.catalogue.read() as connection:
            digests = file_rows.digests(connection, file.version)
        return digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]

    def verify_chunk(self, upload_id: str, number: int, expected: str | None) -> ChunkVerified:
        """See `EmbeddedReceiver.verify_chunk`."""
        wanted = None if expected is None else digest_in(expected)
        row = self._receiver.uploads.find(self._caller, upload_id)
        span = span_of(plan_of(row), number)
        received, found = self._digests(row, span, number)
        wanted = wanted or received
        return ChunkVerified(
            upload_id=upload_id,
            chunk_number=number,
            ok=found == received == wanted,
            expected=wanted.hex(),
            actual=found.hex() or None,
        )

    def _digests(self, row: UploadRow, span: Span, number: int) -> tuple[bytes, bytes]:
        """As the chunk was received, and as it stands there now."""
        if row.state is not UploadState.PUBLISHED:
            try:
                return self._receiver.endings.verify_chunk(self._caller, row.id, number)
            except ProblemError as problem:
                row = self._receiver.uploads.find(self._caller, row.id)
                if problem.code != "upload_not_open" or row.state is not UploadState.PUBLISHED:
                    raise
        return self.digest_in_file(row, number), self._found_in_file(row, span)

    def _found_in_file(self, row: UploadRow, span: Span) -> bytes:
        with self._receiver.catalogue.read() as connection:
            space = spaces.by_id(connection, row.space_id)
        # Also one that is known to be damaged: which of its chunks still hold is what is asked.
        opened = self._receiver.files.open_version(space, row.version_id or "", damaged_too=True)
        try:
            return chunk_digest(opened.descriptor, span.offset, span.length, row.algorithm)
        except OSError:
            return b""
        finally:
            os.close(opened.descriptor)


def _time(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def _time_remaining(view: UploadView, speed: float | None) -> float | None:
    if view.row.state is UploadState.PUBLISHED:
        return 0.0
    if view.row.size is None or not speed:
        return None
    return (view.row.size - view.received_bytes) / speed


def plan_of(row: UploadRow) -> ChunkPlan:
    """The grid of an upload. Raises ProblemError (size_mismatch) for one that another door began without a
    size."""
    if row.plan is None:
        raise ProblemError("size_mismatch", "An upload of unknown size goes on at its own door.")
    return row.plan


def span_of(plan: ChunkPlan, number: int) -> Span:
    """Where a chunk stands. Raises ProblemError: chunk_out_of_range."""
    try:
        return plan.span(number)
    except IndexError as error:
        raise ProblemError("chunk_out_of_range", f"{error}.".capitalize()) from error


def digest_in(text: str) -> bytes:
    """A digest in hex. Raises ProblemError: bad_request."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES or len(text) != 2 * DIGEST_BYTES:
        raise ProblemError("bad_request", f"A digest has {2 * DIGEST_BYTES} hex digits.")
    return digest


def data_path(path: str | os.PathLike[str]) -> Path:
    """The data folder, wherever the program goes to from here."""
    return Path(path).expanduser().absolute()
