"""That the receiver has a file: both sides read it again, and what they read is the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from howdah_common.digests import SHA256, hasher
from howdah_common.messages import FileInfo, FileList, VerifyAnswer
from howdah_common.problems import ProblemError
from howdah_desktop.engine.source import Source
from howdah_desktop.engine.streams import new_buffer
from howdah_desktop.freeing.sent import Sent

SMALL_BYTES = 1 << 20
"""Read as a whole where one byte would do: an empty file has none."""


class Asked(Protocol):
    """What is needed of a receiver here."""

    def list(self, path: str, page: int = 1, per_page: int = 500) -> FileList: ...
    def file(self, file_id: str, /) -> FileInfo: ...
    def verify_file(self, file_id: str, size: int = 0) -> VerifyAnswer: ...
    def content(
        self, file_id: str, version: str, first: int, last: int, /
    ) -> AbstractContextManager[Iterator[bytes]]: ...


@dataclass(frozen=True, slots=True)
class Proven:
    """A file here, and the version at the receiver that has the same bytes."""

    source: Source
    """Open; the bytes were read from it."""
    mark: Mark
    info: FileInfo
    sha256: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Tells whether a file is the one that was read, and still as it was.

    The time of the last change of its inode is in it, as that of its content can be set at will; not
    where only the name has changed, as that counts as such a change.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int | None

    @classmethod
    def of(cls, found: os.stat_result) -> Mark:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def but_for_its_name(self, found: os.stat_result | None) -> bool:
        """Whether `found` is the same, moved maybe."""
        if found is None:
            return False
        return self == Mark(
            found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, self.changed_ns
        )


def prove(receiver: Asked, sent: Sent, source: Source, on_read: Callable[[int], None]) -> Proven:
    """Raises ProblemError: whatever keeps the file from being freed, or the receiver from answering.

    `on_read` is told of bytes as they are read here; it may raise to end it. "copy_unread": the receiver
    does not know the SHA-256 yet, which passes; nothing was read then.
    """
    mark = Mark.of(os.fstat(source.fileno()))
    info = stands_there(receiver, sent)
    if info.size != mark.size:
        raise ProblemError("copy_differs", f"{mark.size} bytes here, {info.size} there.")
    if info.sha256 is None:
        raise ProblemError("copy_unread")
    sha256 = whole_sha256(source, on_read)
    if sha256 != info.sha256:
        raise ProblemError("copy_differs", "The SHA-256 of the whole file is another.")
    damaged = receiver.verify_file(info.id, info.size)
    if not damaged.ok or damaged.checked_bytes != info.size:
        raise ProblemError("file_damaged", "Here it is whole: send it again.")
    # What was read there must be what stands there: a version that came meanwhile was not compared.
    now = receiver.file(info.id)
    if (now.version, now.sha256, now.size) != (info.version, sha256, info.size):
        raise ProblemError("copy_differs", "It was changed there just now.")
    _check(source, mark)
    return Proven(source, mark, now, sha256)


def check_other_disk(receiver: Asked, info: FileInfo) -> None:
    """Asked while the file is aside: it must not be the receiver's own copy that was moved.

    Whoever sends what lies in the receiver's folder, on the same machine or over a network share, has one
    file and sees it twice: everything about it agrees. So the receiver has to open its copy once more.
    Raises ProblemError.
    """
    try:
        if info.size <= SMALL_BYTES:
            there = receiver.verify_file(info.id, info.size).ok
        else:
            with receiver.content(info.id, info.version, 0, 0) as blocks:
                there = sum(len(block) for block in blocks) == 1
    except ProblemError as problem:
        if problem.code not in ("file_not_found", "not_found", "remote_changed"):
            raise
        there = False
    if not there:
        raise ProblemError("freeing_refused", "It is the receiver's own copy, seen from here.")


def stands_there(receiver: Asked, sent: Sent) -> FileInfo:
    """The file at the receiver, wherever it was moved. Raises ProblemError("file_not_found")."""
    if sent.file_id is not None:
        return receiver.file(sent.file_id)
    found = receiver.list(sent.remote, per_page=1)
    item = found.items[0] if found.kind == "file" and found.items else None
    if not isinstance(item, FileInfo):
        raise ProblemError("file_not_found", f"{sent.remote} is a folder there.")
    return receiver.file(item.id)


def whole_sha256(source: Source, on_read: Callable[[int], None]) -> str:
    """Of the whole file, hex; `on_read` is told of bytes as they are read."""
    state, buffer = hasher(SHA256), new_buffer()
    size = source.identity.size
    for offset in range(0, size, len(buffer)):
        piece = buffer[: min(len(buffer), size - offset)]
        source.read_into(piece, offset)
        state.update(piece)
        on_read(len(piece))
    return state.digest().hex()


def _check(source: Source, mark: Mark) -> None:
    """Raises ProblemError("freeing_changed")."""
    try:
        source.check_unchanged()
        unchanged = Mark.of(os.fstat(source.fileno())) == mark
    except ProblemError as problem:
        raise ProblemError("freeing_changed") from problem
    if not unchanged:
        raise ProblemError("freeing_changed")
