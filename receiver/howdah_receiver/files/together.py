"""Small files, many in one answer: each is read whole and held against its digests before any of it goes out.

Synchronous; called from threads. No file is open between two of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from howdah_common.content_frames import MOST_BYTES, MOST_FILE_BYTES
from howdah_common.manifest import manifest_of
from howdah_common.messages_batch import WantedFile
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue import files as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.files.checking import check
from howdah_receiver.files.service import Files
from howdah_receiver.storage.disk import read_blocks


class Together:
    """What one answer gives: one thread after the other reads from it."""

    def __init__(
        self,
        catalogue: Catalogue,
        files: Files,
        caller: Caller,
        space: Space,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """The caller may read the space, as far as is known: each file is looked at again."""
        self._catalogue = catalogue
        self._files = files
        self._caller = caller
        self._space = space
        self._left_bytes = most_bytes
        self._seen: dict[str, FileRow] = {}

    def look(self, wanted: Sequence[WantedFile]) -> None:
        """At the rows of those that are read next, all at once: one by one costs more than their bytes.

        Raises ProblemError: not_found, not_allowed where the caller may not read the space any more.
        """
        paths = [one.path for one in wanted if _is_path(one.path)]
        self._seen = self._files.at_paths(self._caller, self._space, paths)

    def read(self, wanted: WantedFile) -> tuple[FileRow, bytes]:
        """The file and its bytes, which are those that were uploaded.

        Raises ProblemError: bad_path, file_not_found, version_conflict, fetch_alone, file_damaged,
        unavailable, storage_failed.
        """
        # Before it is opened: what other hands made of a large one is not read anew for this.
        before = self._seen.get(wanted.path) or self._at(wanted.path)
        self._check(wanted, before)
        opened = None
        if wanted.path in self._seen:
            opened = self._files.open_unchanged(self._space, before)
        if opened is None:
            opened = self._files.open(self._caller, before.id)
        try:
            row = opened.row
            self._check(wanted, row)
            data = _read(opened.descriptor, row)
            if data is None:
                raise self._look_closer(opened.descriptor, row)
        finally:
            os.close(opened.descriptor)
        self._left_bytes -= len(data)
        return row, data

    def _at(self, path: str) -> FileRow:
        try:
            check_path(path)
        except BadPath as error:
            raise ProblemError("bad_path", str(error)) from error
        with self._catalogue.read() as connection:
            row = rows.at_path(connection, self._space.id, path)
        if row is None:
            raise ProblemError("file_not_found")
        return row

    def _check(self, wanted: WantedFile, row: FileRow) -> None:
        if wanted.if_version not in (None, row.version_id):
            raise ProblemError("version_conflict", extra={"version": row.version_id})
        if row.size > min(MOST_FILE_BYTES, self._left_bytes):
            raise ProblemError("fetch_alone", f"It has {row.size} bytes.")

    def _look_closer(self, descriptor: int, row: FileRow) -> ProblemError:
        """What was read is not what was uploaded: damage is noted, and whoever looks after it hears of it."""
        if check(self._catalogue, descriptor, row, from_disk=False):
            return ProblemError("file_damaged")
        return ProblemError("unavailable", "The file was read wrong once, and right the next time.")


def _is_path(path: str) -> bool:
    try:
        check_path(path)
    except BadPath:
        return False
    return True


def _read(descriptor: int, row: FileRow) -> bytes | None:
    """None for anything but what was uploaded; an unreadable sector is damage too."""
    try:
        data = b"".join(bytes(block) for block in read_blocks(descriptor, 0, row.size))
    except OSError:
        return None
    found = manifest_of(data, row.chunk_bytes, row.algorithm)
    return data if found.digest() == row.manifest_digest else None
