"""What the recipes of one request are made of: versions that its account may read, each opened once.

A version that is not there, is not as we left it, or is not for this account to read gives one and the
same answer: nobody learns here what others have. What is read is never trusted: the chunk that comes of
it counts by its digest alone.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator

from howdah_common.chunks import KIB, MIB
from howdah_common.frames import Range
from howdah_common.problems import ProblemError
from howdah_common.recipes import MOST_VERSIONS
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.storage.disk import Identity, read_blocks
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.uploads.opening import open_stored, place_of

COPY_BYTES = 1 * MIB
"""Read and written, not copied by the kernel: copy_file_range is a third slower where nothing is shared
(measured on overlay and tmpfs), and ranges hardly ever begin where a disk could share them."""
MOST_RANGES_BYTES = 256 * MIB
"""What the ranges of one request come to at most, beside one chunk: a short request makes no long work."""
LEAST_RANGE_BYTES = 16 * KIB
OPENED_BYTES = 1 * MIB
"""A range counts as at least so much, and opening a version too: what they cost, whatever they bring."""
_TRIES = 2
"""A version may be replaced, and kept elsewhere, between its row and its file."""


class Sources:
    """For one request. Not thread-safe: one call at a time, from any thread."""

    def __init__(
        self, catalogue: Catalogue, folder: DataFolder, caller: Caller, chunk_bytes: int
    ) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._caller = caller
        self._most = MOST_RANGES_BYTES + chunk_bytes
        self._left = self._most
        self._opened: OrderedDict[str, int] = OrderedDict()
        self._buffer: bytearray | None = None

    def blocks(self, wanted: Range) -> Iterator[memoryview]:
        """The bytes of a range, in views that are good until the next one is asked for.

        Raises ProblemError: recipe_source_missing, also in the middle of it; body_too_large.
        """
        self._spend(max(wanted.length, LEAST_RANGE_BYTES))
        descriptor = self._open(wanted.version)
        if self._buffer is None:
            self._buffer = bytearray(COPY_BYTES)
        try:
            yield from read_blocks(descriptor, wanted.offset, wanted.length, self._buffer)
        except OSError as error:  # it ends before that, or the disk does not give it out
            raise ProblemError("recipe_source_missing") from error

    def close(self) -> None:
        while self._opened:
            os.close(self._opened.popitem()[1])

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            detail = f"Its recipes make more than {self._most} bytes of what is there."
            raise ProblemError("body_too_large", detail)

    def _open(self, version_id: str) -> int:
        descriptor = self._opened.get(version_id)
        if descriptor is None:
            self._spend(OPENED_BYTES)
            descriptor = self._find(version_id)
            if len(self._opened) >= MOST_VERSIONS:
                os.close(self._opened.popitem(last=False)[1])
            self._opened[version_id] = descriptor
        self._opened.move_to_end(version_id)
        return descriptor

    def _find(self, version_id: str) -> int:
        for _ in range(_TRIES):
            descriptor = self._try(version_id)
            if descriptor is not None:
                return descriptor
        raise ProblemError("recipe_source_missing")

    def _try(self, version_id: str) -> int | None:
        with self._catalogue.read() as connection:
            row = file_rows.of_version(connection, version_id)
            if row is None or row.damaged:
                return None
            if Right.READ not in spaces.rights(connection, self._caller, row.space_id):
                return None
            kept = file_rows.is_kept(connection, version_id)
            space = spaces.by_id(connection, row.space_id)
        place = place_of(version_id, kept=kept, space_folder=space.folder, path=row.path)
        descriptor = open_stored(self._folder, place, row.size)
        # What other hands changed is no version yet; in versions/ there are no hands but ours.
        if descriptor is None or kept or Identity.of(os.fstat(descriptor)) == row.identity:
            return descriptor
        os.close(descriptor)
        return None
