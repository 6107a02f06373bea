"""Reads what is stored again, from the disk, and compares it with its digests.

Bit rot is silent: a disk answers with other bytes than it was given, and nobody notices until the day the
file is needed. What a scrub finds is marked as damaged, is never served as whole again, and heals when the
same content is uploaded anew or found on a later reading.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select

from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import files, trash, versions
from howdah_receiver.files.checking import check
from howdah_receiver.files.service import Files, OpenFile

_PAGE = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """A content that is not what it was: `chunks` of it, or all of it where it cannot be opened."""

    path: str
    version: str
    sentence: str


@dataclass(slots=True)
class Scrubbed:
    """How far a scrub has come. `total_bytes` is what it has chosen to read, as far as is known."""

    total_bytes: int
    bytes: int = 0
    contents: int = 0
    passed_over: int = 0
    """Being written to by other hands, or gone since the scrub began."""
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Content:
    version_id: str
    space_id: str
    path: str
    size: int
    trash_id: str | None


class Scrub:
    """One reading of everything, or of a part of it that is chosen by chance."""

    def __init__(self, catalogue: Catalogue, contents: Files, *, share: float, seed: int) -> None:
        """`share`: which part of the contents to read, from 0 to 1."""
        self._catalogue = catalogue
        self._files = contents
        self._share = share
        self._chance = random.Random(seed)

    def run(self) -> Iterator[Scrubbed]:
        """Read; what was found so far, after each content. Stop asking to stop it."""
        so_far = Scrubbed(int(self._bytes_in_all() * self._share))
        yield so_far
        for content in self._contents():
            if self._chance.random() < self._share:
                self._read(content, so_far)
                yield so_far

    def _bytes_in_all(self) -> int:
        query = select(func.coalesce(func.sum(versions.c.size), 0)).where(
            versions.c.place != "lost"
        )
        with self._catalogue.read() as connection:
            return int(connection.execute(query).scalar_one())

    def _contents(self) -> Iterator[_Content]:
        """In pages, so that nothing waits for a scrub of days; what comes meanwhile may be passed by."""
        last = ""
        while True:
            query = (
                select(
                    versions.c.id,
                    versions.c.space_id,
                    files.c.path,
                    versions.c.size,
                    files.c.trash_id,
                )
                .join(files, files.c.id == versions.c.file_id)
                .where(versions.c.place != "lost", versions.c.id > last)
                .order_by(versions.c.id)
                .limit(_PAGE)
            )
            with self._catalogue.read() as connection:
                page = [_Content(*row) for row in connection.execute(query)]
            if not page:
                return
            yield from page
            last = page[-1].version_id

    def _read(self, content: _Content, so_far: Scrubbed) -> None:
        sentence = ""
        try:
            damaged = self._check(content)
        except ProblemError as problem:
            if problem.code in ("unavailable", "file_not_found") and not self._is_missing(content):
                so_far.passed_over += 1
                return
            sentence = problem.sentence
        else:
            if damaged:
                sentence = f"Chunks {damaged.pairs()} are not what was received."
        so_far.contents += 1
        so_far.bytes += content.size
        if sentence:
            _log.error("scrub: %r (version %s): %s", content.path, content.version_id, sentence)
            so_far.findings.append(Finding(content.path, content.version_id, sentence))

    def _check(self, content: _Content) -> RangeSet:
        opened = self._open(content)
        try:
            return check(self._catalogue, opened.descriptor, opened.row, from_disk=True)
        finally:
            os.close(opened.descriptor)

    def _open(self, content: _Content) -> OpenFile:
        if content.trash_id is not None:
            return self._files.open_trashed(content.version_id)
        with self._catalogue.read() as connection:
            space = spaces.by_id(connection, content.space_id)
        return self._files.open_version(space, content.version_id, damaged_too=True)

    def _is_missing(self, content: _Content) -> bool:
        """Whether it should be there, and is not; what went to the trash meanwhile is passed over."""
        query = (
            select(versions.c.place)
            .join(files, files.c.id == versions.c.file_id)
            .outerjoin(trash, trash.c.id == files.c.trash_id)
            .where(
                versions.c.id == content.version_id,
                files.c.trash_id.is_(None) | trash.c.id.is_not(None),
            )
        )
        with self._catalogue.read() as connection:
            place = connection.execute(query).scalar()
        return place == "kept"
