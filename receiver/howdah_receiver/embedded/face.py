"""The Python face: a receiver inside another program, and its uploads as plain calls.

`EmbeddedReceiver` has what a program calls; `filling` is the way of a chunk, `looking` what is told of an
upload.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from starlette.types import ASGIApp

from howdah_common import remote_path
from howdah_common.digests import SHA256
from howdah_common.messages import StartUpload
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath
from howdah_receiver.accounts.people import OWNER
from howdah_receiver.address import Address
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.embedded import figures
from howdah_receiver.embedded.bodies import Data
from howdah_receiver.embedded.calls import Calls
from howdah_receiver.embedded.commands import CommandDoor
from howdah_receiver.embedded.filling import Filling
from howdah_receiver.embedded.looking import Looking, data_path
from howdah_receiver.embedded.results import (
    ChunkReceived,
    ChunkVerified,
    PublishedFile,
    ResumedUpload,
    StartedUpload,
    Statistics,
    UploadStatus,
)
from howdah_receiver.embedded.whose import caller_named, checked_folder, space_named
from howdah_receiver.ids import new_id
from howdah_receiver.settings import Settings


class EmbeddedReceiver:
    """A receiver on a data folder, inside this program, until it is closed.

    Thread-safe: every method may be called from any thread at once. Every method is synchronous and may
    wait for the disk: call it from a thread where an event loop must go on. One process at a time works on
    a data folder.

    What goes wrong is raised as `UploadError`, with `code`, `sentence`, `remedy` and `status`
    (docs/problems.md). Beside what each method names, every one may raise `unavailable` (it was closed),
    `storage_full` and `storage_failed`, and all but `start_upload` and the ones about many uploads
    `upload_not_found`.
    """

    def __init__(
        self,
        data: str | os.PathLike[str],
        *,
        account: str = OWNER,
        space: str | None = None,
        folder: str = "",
        auto_complete: bool = True,
        **settings: Any,
    ) -> None:
        """Open the data folder, making it where it is missing, and recover what the last run left.

        `account`: whose uploads these are, by name, address or id. `space`: where they go, by id or
        name; the account's home by default. `folder`: below which, in the space. `auto_complete`: whether
        the chunk that makes an upload whole completes it; else `complete_upload` does. `settings`: see
        docs/settings.md; the environment counts too, a file only if `config` names it.

        Raises StartRefused: where another process works on the folder, it cannot be used, a setting makes
        no sense, or there is no such account or space.
        """
        # The settings file of the user's own receiver is not meant for this one.
        given = {"config": os.devnull, **settings, "data": data_path(data)}
        self._calls = Calls()
        self._receiver = Receiver(Settings(**given))
        self._address = Address(self._receiver.settings, port=0, tls=None)
        if self._receiver.settings.public_url is not None:
            self._receiver.link = self._address.link
        try:
            self._folder = checked_folder(folder)
            with self._receiver.catalogue.read() as connection:
                self._caller = caller_named(connection, account)
                self._space = space_named(connection, self._caller, space)
            self._looking = Looking(self._receiver, self._caller)
            self._filling = Filling(
                self._receiver,
                self._caller,
                self._looking,
                self._calls,
                auto_complete=auto_complete,
            )
            self._commands = CommandDoor(self._receiver)
            self._commands.start()
        except BaseException:
            self._receiver.stop()
            raise
        self._receiver.start()

    def close(self) -> None:
        """Wait for the calls under way, make everything durable, and let go of the folder. Again: nothing.

        A call that waits for the bytes of its chunk is not waited for: it raises `unavailable`.
        """
        if self._calls.close():
            self._commands.stop()
            self._receiver.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- an upload's way

    def start_upload(
        self,
        filename: str,
        total_size: int,
        metadata: Mapping[str, str] | None = None,
        *,
        folder: str = "",
        modified_ns: int | None = None,
        client_id: str | None = None,
        chunk_size: int | None = None,
        algorithm: str = SHA256,
    ) -> StartedUpload:
        """Begin an upload of `total_size` bytes.

        `filename`: a name, and no path. `metadata`: kept with the upload and given back by `get_status`.
        `folder`: where it goes, below the face's own. `modified_ns`: the file's time, in ns since 1970;
        now, by default. `client_id`: 32 hex digits that are written down before the call; the same start
        again then answers the same upload, so that a lost answer loses nothing. `chunk_size`: a power of
        two from 64 KiB up that gives at most 65,536 chunks; by default the smallest from 1 MiB up that
        gives at most 8,192. `algorithm`: of the chunks' digests, `sha-256` or `blake3`.

        Raises UploadError: bad_request, bad_path, bad_chunk_size, digest_unsupported, client_id_conflict,
        upload_not_open (the same start again, of an upload that was cancelled), by the settings'
        limits upload_too_large, too_many_uploads, type_refused and quota_exceeded, and for an empty file,
        and one that is whole, what `complete_upload` raises.
        """
        with self._calls:
            client_id = client_id or new_id()
            asked = self._message(
                filename,
                folder,
                metadata,
                client_id=client_id,
                size=total_size,
                modified_ns=self._modified(client_id) if modified_ns is None else modified_ns,
                digest_algorithm=algorithm,
                chunk_bytes=chunk_size,
            )
            row, _ = self._receiver.uploads.start(self._caller, asked)
            standing = self._filling.standing(row)
            return StartedUpload(
                upload_id=row.id,
                client_id=row.client_id,
                chunk_size=row.chunk_bytes,
                total_chunks=standing.plan.total_chunks,
                algorithm=row.algorithm,
                complete=standing.result is not None,
                result=standing.result,
            )

    def upload_chunk(
        self, upload_id: str, chunk_number: int, data: Data, expected_hash: str | None = None
    ) -> ChunkReceived:
        """Take one whole chunk; it counts on return.

        Every chunk has `chunk_size` bytes but the last one. They may come in any order, and from several
        threads at once. `data`: bytes, a file object, or an iterable of blocks; memory stays flat. It is
        read to its end, which must be the chunk's. `expected_hash`: its digest in the upload's algorithm,
        hex, as whoever has the file computed it; without one, what was given is compared with what then
        stands on the disk. A chunk that was received before may come again with the same bytes, also
        once the file is published.

        With `auto_complete`, the chunk that makes the upload whole publishes it: `result` is the file, and
        durable. If that fails, the error is raised, every chunk counts, and `complete_upload` tries again.

        Raises UploadError: chunk_out_of_range (no such chunk, or not so many bytes), chunk_mismatch (not
        the bytes that `expected_hash` says: nothing is kept), chunk_conflict (other bytes were received
        under the number before), chunk_superseded (a newer call brings the same chunk), type_refused (the
        first chunk tells that the file is of a type that is not taken), upload_not_open, and what
        `complete_upload` raises. What reading `data` raises comes through, and nothing is kept.
        """
        standing = self._filling.chunk(upload_id, chunk_number, data, expected_hash)
        with self._calls:
            standing = self._filling.completed(upload_id, standing)
        return ChunkReceived(
            upload_id=upload_id,
            chunk_number=chunk_number,
            chunks_received=standing.received.count(),
            chunks_needed=standing.missing.count(),
            progress=standing.progress,
            complete=standing.result is not None,
            result=standing.result,
        )

    def resume_upload(self, upload_id: str) -> ResumedUpload:
        """What of an upload is still to be sent; one in recovery is taken up again.

        Where nothing is missing, and the program ended before it was published, it is published now
        (with `auto_complete`). After an unclean end this reads again what may not have reached the disk.

        Raises UploadError: upload_not_open (it was cancelled, or rejected), and what `complete_upload`
        raises.
        """
        with self._calls:
            row = self._receiver.uploads.find(self._caller, upload_id)
            standing = self._filling.standing(row)
            return ResumedUpload(
                upload_id=upload_id,
                chunk_size=standing.plan.chunk_bytes,
                total_chunks=standing.plan.total_chunks,
                missing=tuple(standing.missing.numbers()),
                chunks_received=standing.received.count(),
                progress=standing.progress,
                complete=standing.result is not None,
                result=standing.result,
            )

    def complete_upload(self, upload_id: str, sha256: str | None = None) -> PublishedFile:
        """Make the file of a whole upload; on stable storage on return. Again: the same answer.

        `sha256`: of the whole file, hex; checked before the file is published. What stood at the path
        becomes a version.

        Raises UploadError: upload_incomplete (with `missing` in its `extra`, ranges of chunk numbers),
        sha256_mismatch and type_refused (the upload is rejected and gone), quota_exceeded, path_conflict (a
        folder stands there, or a file where a folder is needed: the upload stays open), completion_conflict
        (it was completed with another `sha256`, or without), upload_not_open (it was cancelled, or
        rejected), file_not_found (the file was deleted since).
        """
        with self._calls:
            return self._filling.complete(upload_id, sha256)

    def cancel_upload(self, upload_id: str) -> UploadStatus:
        """Stop an upload and free its space. Again: the same. Raises UploadError: upload_not_open (it is
        published)."""
        with self._calls:
            self._receiver.endings.cancel(self._caller, upload_id)
            return self._looking.status(upload_id)

    # -- looking

    def get_status(self, upload_id: str) -> UploadStatus:
        """How an upload stands, whatever its state."""
        with self._calls:
            return self._looking.status(upload_id)

    def active_uploads(self) -> list[UploadStatus]:
        """The account's uploads that are open or completing, oldest first."""
        with self._calls:
            live = self._receiver.uploads.live(self._caller)
            return [self._looking.status(row.id) for row in live]

    def verify_chunk(
        self, upload_id: str, chunk_number: int, expected_hash: str | None = None
    ) -> ChunkVerified:
        """Read a chunk again from where it is stored, of an upload or of the file that it came to.

        `expected_hash`: hex, in the upload's algorithm; what it was received with, by default. A chunk of
        an open upload that is not any more what was received is dropped, and then missing.

        Raises UploadError: upload_incomplete (the chunk was not received), chunk_out_of_range, bad_request
        (no digest), upload_not_open (it was cancelled, or rejected), file_not_found (it was deleted, or
        changed by other hands).
        """
        with self._calls:
            return self._looking.verify_chunk(upload_id, chunk_number, expected_hash)

    def get_statistics(self) -> Statistics:
        """Of the account's uploads, and of the space."""
        with self._calls, self._receiver.catalogue.read() as connection:
            return figures.statistics(
                connection, self._caller.account_id, self._space.id, datetime.now(UTC)
            )

    # -- the whole receiver

    def app(self, allowed_hosts: Iterable[str] = ()) -> ASGIApp:
        """The whole receiver as an ASGI app, with its own sign-in, to be mounted at any path.

        `allowed_hosts`: names that clients may call it by, beside this machine's and those of the settings;
        addresses always may. Close the receiver after the server around it has ended.
        """
        names = {name.lower() for name in allowed_hosts}
        return self._receiver.app(self._address.allowed_hosts() | names)

    def pairing_code(self) -> str:
        """A code for `POST /pair` of the mounted app: good once, for 15 minutes, for the face's account."""
        with self._calls:
            return self._receiver.accounts.pairing.new_code(self._caller.account_id).code

    # -- means

    def _message(
        self, filename: str, folder: str, metadata: Mapping[str, str] | None, **members: Any
    ) -> StartUpload:
        """Checked as one that comes over the wire. Raises ProblemError: bad_path, bad_request."""
        members |= {
            "path": _joined(self._folder, folder, filename),
            "space": self._space.id,
            "metadata": None if metadata is None else dict(metadata),
        }
        if members["size"] is None:
            raise ProblemError("bad_request", "total_size is a number of bytes.")
        try:
            return msgspec.convert(members, StartUpload)
        except msgspec.ValidationError as error:
            raise ProblemError("bad_request", f"{error}.") from error

    def _modified(self, client_id: str) -> int:
        """Now; or the time that an earlier start under this id took, so that it is the same start again."""
        with self._receiver.catalogue.read() as connection:
            before = rows.by_client_id(connection, self._caller.account_id, client_id)
        return time.time_ns() if before is None else before.modified_ns


def _joined(above: str, folder: str, filename: str) -> str:
    try:
        remote_path.check_name(filename)
        remote_path.check_folder(folder)
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error
    return remote_path.join(remote_path.join(above, folder), filename)
