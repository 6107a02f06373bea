"""Rows as messages."""

from __future__ import annotations

from howdah_common.messages import FileInfo, FolderInfo, UploadInfo
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api.context import Context
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow


def file_info(row: FileRow) -> FileInfo:
    return FileInfo(
        id=row.id,
        space=row.space_id,
        path=row.path,
        version=row.version_id,
        size=row.size,
        modified_ns=row.modified_ns,
        added_ns=row.added_ns,
        chunk_bytes=row.chunk_bytes,
        digest_algorithm=row.algorithm,
        manifest_digest=row.manifest_digest.hex(),
        sha256=row.sha256.hex() if row.sha256 else None,
    )


def folder_info(row: FolderRow) -> FolderInfo:
    return FolderInfo(space=row.space_id, path=row.path, id=row.id)


def item_info(row: FileRow | FolderRow) -> FileInfo | FolderInfo:
    return file_info(row) if isinstance(row, FileRow) else folder_info(row)


def upload_info(
    context: Context, caller: Caller, upload_id: str, *, known: bool = False
) -> UploadInfo:
    """Synchronous. Raises ProblemError: upload_not_found, and what checking it again may raise."""
    view = context.uploads.view(caller, upload_id)
    row = view.row
    file = context.files.of_version(row.version_id) if row.version_id else None
    return UploadInfo(
        id=row.id,
        client_id=row.client_id,
        space=row.space_id,
        path=row.path,
        state=row.state.value,
        size=row.size,
        chunk_bytes=row.chunk_bytes,
        total_chunks=row.plan.total_chunks if row.plan else None,
        digest_algorithm=row.algorithm,
        received=view.received.pairs(),
        received_bytes=view.received_bytes,
        started_ns=row.started_ns,
        known=known,
        problem=row.problem,
        file=file_info(file) if file else None,
    )
