"""Content that the account can already read, so that it need not come over the line again.

Looked for where it can pay: in what stands or stood at the upload's path, and in files of the same size,
those in the trash too where the caller may bring them back. Only within the spaces that the caller may read:
an answer never tells what others have. And in what the account itself sent ahead: chunks of its uploads of
unknown size to the same path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from howdah_common.digests import DIGEST_BYTES
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import files, manifests, trash, versions
from howdah_receiver.catalogue.tables import spaces as space_table
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.storage.disk import READ_BYTES, read_blocks
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.opening import open_stored, place_of
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.sources import Sources
from howdah_receiver.uploads.writers import ChunkChecker

WORTHWHILE_BYTES = 1024 * 1024
"""Less is sent as soon as it is looked for among all files of its size. Where it is to stand it may be the
same again, whatever its size."""
_MOST_CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class _Candidate:
    version_id: str
    place: str
    """Below the data folder."""
    chunk_bytes: int
    size: int


class KnownChunks:
    def __init__(self, catalogue: Catalogue, folder: DataFolder, parts: Parts) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._parts = parts

    def may_help(self, upload: UploadRow, caller: Caller) -> bool:
        """Whether something at this path, or of this size, is there on the same grid; or was sent ahead."""
        if not upload.size:
            return False
        with self._catalogue.read() as connection:
            if _sent_ahead(connection, upload, caller):
                return True
            readable = spaces.allowed(connection, caller, Right.READ)
            if upload.space_id not in readable:
                return False  # who may only put in learns nothing of what is there
            if upload.size < WORTHWHILE_BYTES:
                there = file_rows.at_path(connection, upload.space_id, upload.path)
                return there is not None and (
                    there.chunk_bytes == upload.chunk_bytes
                    or there.size <= min(there.chunk_bytes, upload.chunk_bytes)
                )
            return bool(_candidates(connection, upload, caller, 1))

    def sources(self, caller: Caller, upload: UploadRow) -> Sources:
        """What recipes in one request of the caller may take from; whoever gets it closes it."""
        return Sources(self._catalogue, self._folder, caller, upload.chunk_bytes)

    def fill(self, session: Session, wanted: Mapping[int, bytes], caller: Caller) -> None:
        """Write those chunks of `wanted` (digests by number) whose content is found; each is checked
        like one that came over the line. What cannot be read is passed over: it will be sent."""
        left = {
            number: digest for number, digest in wanted.items() if number not in session.received()
        }
        with self._catalogue.read() as connection:
            candidates = _candidates(connection, session.upload, caller, _MOST_CANDIDATES)
            ahead = _sent_ahead(connection, session.upload, caller)
        for candidate in candidates:
            if not left:
                return
            self._fill_from(candidate, session, left)
        for upload_id in ahead:
            if not left:
                return
            self._fill_from_part(upload_id, session, left)

    def _fill_from_part(self, upload_id: str, session: Session, left: dict[int, bytes]) -> None:
        """From an upload that may be written to, completed or cancelled meanwhile: its part is opened once,
        and a chunk that counts is never written again."""
        with self._catalogue.read() as connection:
            at_of = upload_rows.places_of(connection, upload_id, set(left.values()))
        places = {number: at_of[digest] for number, digest in left.items() if digest in at_of}
        if not places:
            return
        try:
            descriptor = self._parts.open(upload_id)
        except OSError:
            return
        self._fill_places(descriptor, session.upload.chunk_bytes, places, session, left)

    def _fill_from(self, candidate: _Candidate, session: Session, left: dict[int, bytes]) -> None:
        places = self._places(candidate, left)
        if not places:
            return
        # By its size, not its identity: in a copied or restored data folder every inode is another, and
        # each chunk is checked by its digest in any case.
        descriptor = open_stored(self._folder, candidate.place, candidate.size)
        if descriptor is not None:
            self._fill_places(descriptor, candidate.chunk_bytes, places, session, left)

    def _fill_places(
        self,
        descriptor: int,
        chunk_bytes: int,
        places: Mapping[int, int],
        session: Session,
        left: dict[int, bytes],
    ) -> None:
        """Closes the descriptor. What was filled is taken out of `left`."""
        try:
            for number, at in places.items():
                if self._copy(descriptor, at * chunk_bytes, session, number, left[number]):
                    del left[number]
        finally:
            os.close(descriptor)

    def _places(self, candidate: _Candidate, left: Mapping[int, bytes]) -> dict[int, int]:
        """Where in the candidate each wanted chunk stands, as chunk numbers."""
        query = select(manifests.c.digests).where(manifests.c.version_id == candidate.version_id)
        with self._catalogue.read() as connection:
            digests = bytes(connection.execute(query).scalar_one())
        at_of = {
            digests[start : start + DIGEST_BYTES]: start // DIGEST_BYTES
            for start in range(0, len(digests), DIGEST_BYTES)
        }
        return {number: at_of[digest] for number, digest in left.items() if digest in at_of}

    def _copy(
        self,
        descriptor: int,
        offset: int,
        session: Session,
        number: int,
        digest: bytes,
    ) -> bool:
        plan = session.upload.plan
        if plan is None:
            return False
        length = plan.span(number).length
        writer = session.begin(number, length)
        if isinstance(writer, ChunkChecker):
            return True
        try:
            # A buffer of its own: the writer reads back into the thread's.
            buffer = bytearray(READ_BYTES)
            for block in read_blocks(descriptor, offset, length, buffer):
                writer.write([block])
            writer.finish(digest)
        except (OSError, ProblemError) as error:
            writer.abandon()
            if isinstance(error, ProblemError) and error.code != "chunk_mismatch":
                raise
            return False
        return True


def _sent_ahead(connection: Connection, upload: UploadRow, caller: Caller) -> list[str]:
    """Uploads that the caller sees anyway, so that nobody learns anything by it."""
    if upload.link_id is not None:
        return []
    return upload_rows.of_unknown_size(
        connection, upload, device_id=caller.device_id if caller.send_only else None
    )


def _candidates(
    connection: Connection, upload: UploadRow, caller: Caller, most: int
) -> list[_Candidate]:
    readable = spaces.allowed(connection, caller, Right.READ)
    brings_back = spaces.allowed(connection, caller, Right.READ | Right.CHANGE)
    query = (
        select(
            versions.c.id,
            versions.c.place,
            versions.c.size,
            versions.c.chunk_bytes,
            files.c.path,
            space_table.c.folder,
            trash.c.id.label("trash_id"),
            trash.c.path.label("top"),
        )
        .join(files, files.c.id == versions.c.file_id)
        .join(space_table, space_table.c.id == files.c.space_id)
        .outerjoin(trash, trash.c.id == files.c.trash_id)
        .where(
            files.c.space_id.in_(readable),
            # An entry that is being removed has no row any more.
            or_(file_rows.LIVE, trash.c.space_id.in_(brings_back)),
            versions.c.place != "lost",
            versions.c.damaged.is_(False),
            or_(
                versions.c.chunk_bytes == upload.chunk_bytes,
                # What is one chunk on both grids is the same on both.
                (versions.c.size <= versions.c.chunk_bytes)
                & (versions.c.size <= upload.chunk_bytes),
            ),
            versions.c.algorithm == upload.algorithm,
            or_(
                versions.c.size == upload.size,
                (files.c.space_id == upload.space_id) & (files.c.path == upload.path),
            ),
        )
        .order_by(versions.c.added_ns.desc())
        .limit(most)
    )
    return [
        _Candidate(row.id, _place(row), row.chunk_bytes, row.size)
        for row in connection.execute(query)
    ]


def _place(row: Any) -> str:
    kept = row.place == "kept"
    if row.trash_id is not None and not kept:
        return trash_rows.place_in(row.trash_id, row.top, row.path)
    return place_of(row.id, kept=kept, space_folder=row.folder, path=row.path)
