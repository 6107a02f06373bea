"""Reads a stored content again and says whether it still is what was received."""

from __future__ import annotations

import os

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import DIGEST_BYTES
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.catalogue import files as rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.storage.disk import Identity, drop_cache
from howdah_receiver.storage.reading import chunk_digest
from howdah_receiver.watching.alarms import tell_damage


def check(catalogue: Catalogue, descriptor: int, row: FileRow, *, from_disk: bool) -> RangeSet:
    """The chunks that do not hold; the version is marked as damaged, or as whole.

    `from_disk`: not from the page cache, which may still have what the disk has lost.
    Raises ProblemError (unavailable) where other hands write to it meanwhile: that is no damage.
    """
    before = Identity.of(os.fstat(descriptor))
    with catalogue.read() as connection:
        digests = rows.digests(connection, row.version_id)
    if from_disk:
        drop_cache(descriptor)
    damaged = _damaged(descriptor, row, digests)
    if Identity.of(os.fstat(descriptor)) != before:
        raise ProblemError("unavailable", "The file is being changed on the receiver's disk.")
    if bool(damaged) != row.damaged:
        with catalogue.write() as connection:
            rows.set_damaged(connection, row.version_id, damaged=bool(damaged))
            if damaged:
                space = spaces.by_id(connection, row.space_id)
                tell_damage(connection, row.path, space.name, row.version_id)
    return damaged


def _damaged(descriptor: int, row: FileRow, digests: bytes) -> RangeSet:
    damaged = RangeSet()
    for number, span in enumerate(ChunkPlan(row.size, row.chunk_bytes).spans()):
        at = number * DIGEST_BYTES
        try:
            found = chunk_digest(descriptor, span.offset, span.length, row.algorithm)
        except OSError:  # an unreadable sector is damage too
            found = b""
        if found != digests[at : at + DIGEST_BYTES]:
            damaged.add(number)
    return damaged
