"""A watched folder is gone through once: what its rule names is freed, with all that is asked by hand."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.folders.ignore import IGNORE_FILE
from howdah_desktop.freeing.freeing import Freeing
from howdah_desktop.freeing.how import FreeRule
from howdah_desktop.freeing.proof import Asked
from howdah_desktop.freeing.putting_back import LOCK_NAME
from howdah_desktop.freeing.removal import Recorder
from howdah_desktop.freeing.sent import Sent, SentFiles
from howdah_desktop.system import Locked, SourceIdentity, exclusive_lock

PASSING = frozenset({"copy_unread", "freeing_in_use", "freeing_changed"})
"""Reasons for which a file stays this time: the next round asks again."""
AGAIN_SECONDS = 24 * 3600.0
"""One that stayed for another reason, and is what it was, is not read again before that."""
MOST_STAYING = 10_000
"""So many are remembered; what is beyond is read again in each round."""


@dataclass(frozen=True, slots=True)
class Staying:
    """A file that was to be freed, and was not."""

    identity: SourceIdentity
    remote: str
    problem: ProblemError
    at: float
    """When that was found, in seconds since 1970."""

    def holds(self, identity: SourceIdentity, now: float) -> bool:
        """Whether it need not be asked again."""
        passes = self.problem.code in PASSING
        return not passes and self.identity == identity and 0 <= now - self.at < AGAIN_SECONDS


@dataclass(slots=True)
class Came:
    """What a round came to."""

    files: int = 0
    freed_bytes: int = 0
    stays: dict[bytes, Staying] = field(default_factory=dict)
    """Those found before that still hold as well."""
    ended_by: ProblemError | None = None
    """Why not all was gone through."""


@dataclass(frozen=True, slots=True)
class Round:
    """In a thread of the pool. `run` it."""

    home: Path
    folder: int
    root: bytes
    """The folder, as os.path.realpath gives it."""
    rule: FreeRule
    receiver: Callable[[], Asked]
    recorder: Recorder
    may_begin: Callable[[], None]
    """Before each file; raises ProblemError to end the round."""
    check: Callable[[], None]
    """While a file is read: quick, raises ProblemError to end the round."""
    clock: Callable[[], float]
    """Seconds since 1970."""
    before: Mapping[bytes, Staying] = field(default_factory=dict)
    """What stayed in the round before."""

    def run(self) -> Came:
        """Raises nothing that a receiver, a disk or an end may bring: see `Came.ended_by`."""
        came = Came()
        try:
            with exclusive_lock(self.home / LOCK_NAME):
                self._free_all(came)
        except Locked:
            came.ended_by = ProblemError("freeing_elsewhere")
        except ProblemError as problem:
            came.ended_by = problem
        if came.ended_by is not None:
            # What was not come to is as it was.
            came.stays = {**self.before, **came.stays}
        return came

    def _free_all(self, came: Came) -> None:
        freeing: Freeing | None = None
        ledger = SentFiles(self.home)
        try:
            for one in self._unchanged(ledger):
                self.check()
                earlier = self.before.get(one.sent.local)
                if earlier is not None and earlier.holds(one.identity, self.clock()):
                    came.stays[one.sent.local] = earlier
                    continue
                self.may_begin()
                if freeing is None:
                    freeing = Freeing(
                        self.receiver(), self.recorder, self.rule.how, lambda count: self.check()
                    )
                self._free(freeing, one, came)
        finally:
            ledger.close()

    def _free(self, freeing: Freeing, one: Unchanged, came: Came) -> None:
        outcome = freeing.free(one.sent)
        if outcome.problem is None:
            came.files += 1
            came.freed_bytes += outcome.size
            came.stays.pop(outcome.local, None)
        elif len(came.stays) < MOST_STAYING:
            stays = Staying(one.identity, one.sent.remote, outcome.problem, self.clock())
            came.stays[outcome.local] = stays

    def _unchanged(self, ledger: SentFiles) -> Iterator[Unchanged]:
        """What has arrived long enough ago, and is as it was then by its size and times: the rest is being
        sent again, or is freed already. What is behind a link has a place of its own."""
        folder, is_here = b"", False
        for one in ledger.arrived(self.folder, self.root, self.clock() - self.rule.after_seconds):
            where, name = os.path.split(one.sent.local)
            if where != folder:
                folder, is_here = where, os.path.realpath(where) == where
            if not is_here or name == os.fsencode(IGNORE_FILE):
                continue  # a folder's rules stay with it
            try:
                found = os.lstat(one.sent.local)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode) and one.is_as_it_was(found):
                yield Unchanged(one.sent, SourceIdentity.of(found))


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that stands here as it was sent, as far as can be seen without reading it."""

    sent: Sent
    identity: SourceIdentity
