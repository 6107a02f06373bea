"""Messages about what becomes of files: moves, the trash, versions, folders as they were."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from howdah_common.messages import FileInfo, FolderInfo, HexDigest, Message, Nanoseconds


class MoveFile(Message, frozen=True):
    """Where the file goes.

    `if_version`: the version that must stand there. `if_exists`: what to do where something stands at the
    new path: refuse, take a numbered name, or let that file go on with this one's content, as an upload
    would (it keeps its id, and what stood there becomes a version).
    """

    path: str
    space: str | None = None
    if_version: str | None = None
    if_exists: Literal["fail", "keep_both", "version"] = "fail"


class MoveFolder(Message, frozen=True):
    """Where the folder goes, with all that is in it."""

    path: str
    space: str | None = None
    if_exists: Literal["fail", "keep_both"] = "fail"


class TrashEntry(Message, frozen=True):
    """A file, or a folder with all that was in it, in the trash.

    `path`: where it stood. `account`: id of who put it there; absent for the receiver itself.
    """

    id: str
    space: str
    path: str
    kind: Literal["file", "folder"]
    trashed_ns: int
    bytes: int
    files: int
    account: str | None = None


class TrashList(Message, frozen=True):
    """A page of a space's trash, the newest first."""

    items: list[TrashEntry]
    page: int
    per_page: int
    total: int


class RestoreTrash(Message, frozen=True):
    """`path`: where it shall stand; where it stood if left out. Folders above it are made.

    `if_exists`: what to do where something stands there: take a numbered name, or refuse.
    """

    path: str | None = None
    if_exists: Literal["keep_both", "fail"] = "keep_both"


class Restored(Message, frozen=True):
    """What came back from the trash, as it stands now."""

    item: FileInfo | FolderInfo


class Emptied(Message, frozen=True):
    """What went for good; kept versions of these files are not counted."""

    entries: int
    files: int
    bytes: int


class Stood(Message, frozen=True):
    """Where a version stood; `to_ns` is absent where it stands there now."""

    path: str
    from_ns: int
    to_ns: int | None = None


class VersionInfo(Message, frozen=True):
    """A content of a file, now or earlier.

    `origin`: `upload`, or `outside`: put there by other programs on the receiver's disk. `account` and
    `device`: names, of who sent it. `stood`: where and when, the last first.
    """

    id: str
    file: str
    current: bool
    size: int
    modified_ns: Nanoseconds
    added_ns: int
    chunk_bytes: int
    digest_algorithm: str
    manifest_digest: HexDigest
    origin: Literal["upload", "outside"]
    stood: list[Stood]
    damaged: bool = False
    sha256: HexDigest | None = None
    account: str | None = None
    device: str | None = None


class VersionList(Message, frozen=True):
    """The versions of a file that can be fetched: what stands there, then the last replaced first."""

    versions: list[VersionInfo]


class RestoreVersion(Message, frozen=True):
    """`if_version`: the version that must stand there now."""

    if_version: str | None = None


class RestoreFolder(Message, frozen=True):
    """A folder, and the time that it shall be as it was at. An empty path is the whole space."""

    path: str
    at_ns: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Nanoseconds since 1970.")]
    space: str | None = None


class NotRestored(Message, frozen=True):
    """What stood there and cannot be had any more.

    `removed`: its time was over, or it was removed for good. `lost`: other programs have changed or taken
    it on the receiver's disk. `damaged`: it does not match its digests.
    """

    path: str
    why: Literal["removed", "lost", "damaged"]


class FolderRestored(Message, frozen=True):
    """What was done, or would be.

    Of files: `restored` got the content of then, `trashed` did not stand there then and went to the trash
    as the entry `trash`, `unchanged` were as they are. `missing`: at most 1,000 of the `missing_total`.
    """

    restored: int
    trashed: int
    unchanged: int
    missing_total: int
    missing: list[NotRestored]
    dry_run: bool
    trash: str | None = None
