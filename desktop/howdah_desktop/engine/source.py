"""A file that is being sent: opened once, read only from that descriptor, and watched for changes."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from howdah_common.chunks import MIB, Span
from howdah_common.digests import SHA256, hasher
from howdah_common.problems import ProblemError
from howdah_desktop import system
from howdah_desktop.engine.transfers import Transfer
from howdah_desktop.link_names import is_of_link
from howdah_desktop.system import SourceIdentity

READ_BYTES = 1 * MIB
"""Large reads: measured 2.6 times as fast as 64 KiB ones."""
COARSE_CLOCK_SECONDS = 0.012
"""Longer than a tick of any usual kernel (CONFIG_HZ of 100 to 1000)."""


class Source:
    """An opened regular file, and what it was when it was opened."""

    def __init__(self, path: bytes) -> None:
        """Raises ProblemError: source_missing, source_unreadable, source_not_a_file."""
        self._path = path
        # Links that the user named were resolved when the file was queued; none is followed here.
        self._fd, self.identity = system.open_source(os.fsdecode(path), follow=False)
        try:
            self._let_clock_tick()
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def fileno(self) -> int:
        return self._fd

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fill `view` from byte `offset` on; any thread may. Raises source_changed, source_failed."""
        while view:
            try:
                count = os.preadv(self._fd, [view], offset)
            except OSError as error:
                raise ProblemError("source_failed", f"({error.strerror})") from error
            if count == 0:
                raise ProblemError("source_changed", "It is shorter than it was.")
            view = view[count:]
            offset += count

    def check_unchanged(self) -> None:
        """The descriptor and the path still show what was opened. Raises source_changed, source_missing.

        Both: a file may be written to, and another one may take its name.
        """
        if SourceIdentity.of_descriptor(self._fd) != self.identity:
            raise ProblemError("source_changed")
        if look(self._path) != self.identity:
            raise ProblemError("source_changed", "Another file has taken its place.")

    def _let_clock_tick(self) -> None:
        """The kernel stamps changes with a coarse clock: one right after another shows no difference.

        So a file that was written just now is first left until that clock has moved on.
        """
        age_seconds = (time.time_ns() - self.identity.modified_ns) / 1e9
        if 0 <= age_seconds < COARSE_CLOCK_SECONDS:
            time.sleep(COARSE_CLOCK_SECONDS)
            self.identity = self._now()

    def _now(self) -> SourceIdentity:
        return SourceIdentity.of_descriptor(self._fd)

    def digest(
        self,
        span: Span,
        algorithm: str,
        buffer: memoryview,
        seen: Callable[[memoryview], None] | None = None,
    ) -> bytes:
        """The digest of a part of the file, read through `buffer`; `seen` gets what was read, in order."""
        state = hasher(algorithm)
        for offset in range(span.offset, span.end, len(buffer)):
            piece = buffer[: min(len(buffer), span.end - offset)]
            self.read_into(piece, offset)
            state.update(piece)
            if seen is not None:
                seen(piece)
        return state.digest()


class LinkSource(Source):
    """A symbolic link that is kept as one: its bytes are what it holds, and it is never followed."""

    def __init__(self, path: bytes) -> None:
        """Raises ProblemError: source_missing, source_unreadable, source_not_a_file (it is no link)."""
        self._path = path
        self.identity = look(path)
        # A link cannot be changed, but another one may take its name and its inode in the same tick.
        self._let_clock_tick()
        self._target = _target(path)
        if len(self._target) != self.identity.size:
            raise ProblemError("source_changed")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass  # nothing is open

    def fileno(self) -> int:
        raise ProblemError("source_not_a_file", "It is a link.")

    def read_into(self, view: memoryview, offset: int) -> None:
        piece = self._target[offset : offset + len(view)]
        if len(piece) < len(view):
            raise ProblemError("source_changed", "It is shorter than it was.")
        view[:] = piece

    def check_unchanged(self) -> None:
        if look(self._path) != self.identity or _target(self._path) != self._target:
            raise ProblemError("source_changed", "Another link has taken its place.")

    def _now(self) -> SourceIdentity:
        return look(self._path)


def source_of(transfer: Transfer) -> Source:
    """What is to be sent, opened. Raises ProblemError as `Source` and `LinkSource` do."""
    is_link = transfer.watched is not None and is_of_link(transfer.relative, transfer.remote)
    return LinkSource(transfer.local) if is_link else Source(transfer.local)


def _target(path: bytes) -> bytes:
    """What a link holds. Raises ProblemError."""
    try:
        return os.readlink(path)  # noqa: PTH115  # bytes
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise ProblemError("source_not_a_file", "It is no link any more.") from error
        raise system.source_problem(error) from error


def look(path: bytes) -> SourceIdentity:
    """What stands at `path` now. Raises source_missing, source_unreadable."""
    try:
        return SourceIdentity.of(os.stat(path, follow_symlinks=False))  # noqa: PTH116  # bytes
    except OSError as error:
        raise system.source_problem(error) from error


def whole_sha256(source: Source, buffer: memoryview) -> str:
    """The plain SHA-256 of the whole file, hex: a second pass, as chunks are sent in any order."""
    return source.digest(Span(0, source.identity.size), SHA256, buffer).hex()
