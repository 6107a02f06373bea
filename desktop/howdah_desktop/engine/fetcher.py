"""One download: from a file at the receiver to a file below the target folder.

`fetch_file` is the outline: manifest, what stands there already, what an earlier try left, the
rest in ranges over several connections, and then the name. Every chunk counts only after it was
read back from the part file and its digest held, whether it came now or in an earlier run; so
there is no record beside the part that would have to be trusted. The name appears in one step,
when all of it is on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from howdah_common import remote_path
from howdah_common.chunks import ChunkPlanError
from howdah_common.digests import UnknownAlgorithm
from howdah_common.manifest import Manifest
from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.beneath import BeneathRoot
from howdah_desktop.engine.fetch_ranges import (
    Fetches,
    FetchProgress,
    MayCome,
    Progress,
    RangeFetch,
    all_of_it,
    chunk_holds,
)
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.part_file import PartFile
from howdah_desktop.system import read_at

MOST_VERSIONS = 5
"""So often a file may change at the receiver while it is fetched."""
MOST_NUMBERED = 1_000
"""Names that `keep-both` tries."""
MOST_RACES = 10


class FetchOutcome(Enum):
    FETCHED = "fetched"
    ALREADY_THERE = "already_there"
    """The target holds the same bytes; nothing was changed."""
    SKIPPED = "skipped"
    """Something else stands there, and is to stay."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    outcome: FetchOutcome
    path: str
    """Where it stands now, below the target: `keep-both` may have chosen another name."""
    info: FileInfo
    """The version that was fetched; it may be newer than the one asked for."""
    arrived_bytes: int = 0
    """Over the line; less than the size where an earlier try had come far."""


def fetch_file(
    receiver: Fetches,
    info: FileInfo,
    root: BeneathRoot,
    path: str,
    *,
    connections: int = 4,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    if_exists: IfExists = IfExists.FAIL,
    may_come: MayCome = all_of_it,
) -> FetchResult:
    """Fetch `info` to `path` below `root`, durably, or go on where an earlier try was stopped.

    `cancelled` and `may_come` are asked from several threads. Raises ProblemError: `interrupted` once
    the first says so, and the part stays, as it does for `offline`, `local_full` and whatever else may pass;
    `target_exists`, `target_unwritable`, `name_unsafe`, `download_mismatch`, `remote_changed`
    (again and again), and what `Fetches` raises. `if_exists`: there are no versions here, so
    VERSION is as FAIL.
    """
    fetch = _Fetch(
        receiver,
        root,
        path,
        connections,
        progress or _ignore,
        cancelled or _never,
        if_exists,
        may_come,
    )
    for attempt in range(MOST_VERSIONS):
        if attempt:
            info = receiver.file(info.id)
        try:
            return fetch.version(info)
        except ProblemError as problem:
            if problem.code != "remote_changed":
                raise
    raise ProblemError("remote_changed", f"It changed {MOST_VERSIONS} times.")


@dataclass(frozen=True, slots=True)
class _Fetch:
    """What stays the same whatever version is fetched."""

    receiver: Fetches
    root: BeneathRoot
    path: str
    connections: int
    progress: Progress
    cancelled: Callable[[], bool]
    if_exists: IfExists
    may_come: MayCome

    def version(self, info: FileInfo) -> FetchResult:
        """Raises ProblemError("remote_changed") where there is a newer version by now."""
        manifest = checked_manifest(self.receiver, info)
        target, outcome = self._target(manifest)
        if outcome is not None:
            self.root.discard_part(self.path)
            return FetchResult(outcome, target, info)
        with self.root.part(self.path) as part:
            part.resize(manifest.size)
            ranges = RangeFetch(
                self.receiver, info, manifest, part, self.progress, self.cancelled, self.may_come
            )
            try:
                ranges.run(self.connections)
            except ProblemError:
                if not ranges.held:
                    part.discard()  # nothing in it would be of use to the next try
                raise
            target, outcome = self._publish(part, target, manifest, info)
        return FetchResult(outcome, target, info, ranges.arrived_bytes)

    def _target(self, manifest: Manifest) -> tuple[str, FetchOutcome | None]:
        """Where it goes; with an outcome if there is nothing to fetch. Raises target_exists."""
        for number in range(1, MOST_NUMBERED + 1):
            target = self.path if number == 1 else remote_path.numbered(self.path, number)
            found = self.root.stat(target)
            if found is None:
                return target, None
            if self._is_same(target, found, manifest):
                return target, FetchOutcome.ALREADY_THERE
            if self.if_exists is IfExists.SKIP:
                return target, FetchOutcome.SKIPPED
            if self.if_exists is IfExists.OVERWRITE and not stat.S_ISDIR(found.st_mode):
                return target, None
            if self.if_exists is not IfExists.KEEP_BOTH:
                folder = stat.S_ISDIR(found.st_mode)
                raise ProblemError("target_exists", "A folder stands there." if folder else "")
        raise ProblemError("target_exists", f"So do {MOST_NUMBERED} numbered ones.")

    def _is_same(self, path: str, found: os.stat_result, manifest: Manifest) -> bool:
        if not stat.S_ISREG(found.st_mode) or found.st_size != manifest.size:
            return False
        try:
            descriptor, _ = self.root.open_source(path)
        except ProblemError:
            return False  # it cannot be read: whatever it is, it stays
        try:
            file = _Opened(descriptor)
            for number in range(manifest.plan.total_chunks):
                if self.cancelled():
                    raise ProblemError("interrupted")
                if not chunk_holds(manifest, number, file):
                    return False
            return True
        finally:
            os.close(descriptor)

    def _publish(
        self, part: PartFile, target: str, manifest: Manifest, info: FileInfo
    ) -> tuple[str, FetchOutcome]:
        for _ in range(MOST_RACES):
            try:
                part.publish(
                    remote_path.name(target),
                    modified_ns=info.modified_ns,
                    replace=self.if_exists is IfExists.OVERWRITE,
                )
            except FileExistsError:  # it came while we fetched
                target, outcome = self._target(manifest)
                if outcome is not None:
                    part.discard()
                    return target, outcome
            else:
                return target, FetchOutcome.FETCHED
        raise ProblemError("target_exists")


def checked_manifest(receiver: Fetches, info: FileInfo) -> Manifest:
    """The digests to check against. Raises ProblemError: remote_changed, answer_invalid."""
    answer = receiver.file_manifest(info.id)
    if answer.version != info.version:
        raise ProblemError("remote_changed")
    try:
        manifest = Manifest(
            answer.size, answer.chunk_bytes, answer.digest_algorithm, answer.digests
        )
        digest = manifest.digest().hex()
    except (ChunkPlanError, UnknownAlgorithm, ValueError) as error:
        raise ProblemError("answer_invalid", "Its manifest is not one.") from error
    if (answer.size, digest, digest) != (info.size, info.manifest_digest, answer.manifest_digest):
        raise ProblemError("answer_invalid", "Its manifest does not fit the file.")
    return manifest


class _Opened:
    """A local file, as `chunk_holds` wants it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_at(self, length: int, offset: int) -> bytes:
        try:
            return read_at(self._descriptor, length, offset)
        except OSError:
            return b""  # it cannot be read: not the same


def _ignore(_: FetchProgress) -> None:
    pass


def _never() -> bool:
    return False
