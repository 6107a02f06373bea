"""Rows as messages."""

from __future__ import annotations

from howdah_common.messages import FileInfo
from howdah_receiver.catalogue.files import FileRow


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
