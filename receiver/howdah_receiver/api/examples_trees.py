"""Examples of the messages about what becomes of files: the story of `examples` goes on."""

from __future__ import annotations

from howdah_common import digests
from howdah_common.messages import FileInfo, Message
from howdah_common.messages_trees import (
    Emptied,
    FolderRestored,
    MoveFile,
    MoveFolder,
    NotRestored,
    Restored,
    RestoreFolder,
    RestoreTrash,
    RestoreVersion,
    Stood,
    TrashEntry,
    TrashList,
    VersionInfo,
    VersionList,
)

_TRASH = digests.digest(digests.SHA256, b"trash").hex()[:32]
_HOUR_NS = 3600 * 10**9


def examples(file: FileInfo) -> tuple[Message, ...]:
    """About that file."""
    entry = TrashEntry(
        id=_TRASH,
        space=file.space,
        path=file.path,
        kind="file",
        trashed_ns=file.added_ns + _HOUR_NS,
        bytes=file.size,
        files=1,
    )
    version = VersionInfo(
        id=file.version,
        file=file.id,
        current=True,
        size=file.size,
        modified_ns=file.modified_ns,
        added_ns=file.added_ns,
        chunk_bytes=file.chunk_bytes,
        digest_algorithm=file.digest_algorithm,
        manifest_digest=file.manifest_digest,
        origin="upload",
        stood=[Stood(path=file.path, from_ns=file.added_ns)],
        sha256=file.sha256,
        account="owner",
        device="my laptop",
    )
    return (
        MoveFile(path="notes/letters.txt"),
        MoveFolder(path="letters"),
        entry,
        TrashList(items=[entry], page=1, per_page=50, total=1),
        RestoreTrash(),
        Restored(item=file),
        Emptied(entries=1, files=1, bytes=file.size),
        version,
        VersionList(versions=[version]),
        RestoreVersion(),
        RestoreFolder(path="notes", at_ns=file.added_ns + _HOUR_NS),
        FolderRestored(
            restored=1,
            trashed=2,
            unchanged=40,
            missing_total=1,
            missing=[NotRestored(path="notes/old.txt", why="removed")],
            dry_run=False,
            trash=_TRASH,
        ),
    )
