"""Many new files in one transaction: a statement for each table, not for each file.

What a publication writes for one file (`files.put_version`, `changes.record`, `uploads.set_published`) is
written here for files that stand where nothing stood.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from howdah_common import remote_path
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import unsynced
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.changes import ChangeKind
from howdah_receiver.catalogue.files import LIVE, FileRow, NewVersion
from howdah_receiver.catalogue.tables import changes, files, folders, manifests, versions
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.catalogue.values import rows_of

_FOLDERS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that stands where nothing stood, and where its bytes are in the journal."""

    file_id: str
    version: NewVersion
    upload: UploadRow
    journal_id: str
    offset: int

    @property
    def row(self) -> FileRow:
        """As it will be read from the catalogue."""
        new = self.version
        return FileRow(
            id=self.file_id,
            space_id=new.space_id,
            path=new.path,
            version_id=new.id,
            size=new.manifest.size,
            modified_ns=new.modified_ns,
            added_ns=new.added_ns,
            chunk_bytes=new.manifest.chunk_bytes,
            algorithm=new.manifest.algorithm,
            manifest_digest=new.manifest.digest(),
            sha256=new.sha256,
            damaged=False,
            device=new.identity.device,
            inode=new.identity.inode,
            disk_modified_ns=new.identity.modified_ns,
            account_id=new.by.account_id,
            since_ns=new.added_ns,
            media_type=new.media_type,
            flagged=new.flagged,
        )


def standing(
    connection: Connection, space_id: str, paths: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Which of `paths` are files, and which are folders."""
    wanted = select(rows_of(paths).c.value)
    found_files = connection.execute(
        select(files.c.path).where(files.c.space_id == space_id, files.c.path.in_(wanted), LIVE)
    ).scalars()
    found_folders = connection.execute(
        select(folders.c.path).where(
            folders.c.space_id == space_id, folders.c.path.in_(wanted), folder_rows.LIVE
        )
    ).scalars()
    return set(found_files), set(found_folders)


def insert(connection: Connection, space_id: str, new_files: Sequence[NewFile]) -> None:
    """Make them what stands at their paths, with folders, uploads and the record of it; counted as arrived.

    Raises IntegrityError where an upload of one of these client_ids was begun meanwhile.
    """
    above = {step for new in new_files for step in remote_path.parents(new.version.path)}
    missing = sorted(above - standing(connection, space_id, sorted(above))[1])
    for at in range(0, len(missing), _FOLDERS_AT_ONCE):
        folder_rows.add(connection, space_id, missing[at : at + _FOLDERS_AT_ONCE])
    folder_ids = _folder_ids(connection, space_id, sorted(above | {""}))
    upload_rows.insert_many(connection, [new.upload for new in new_files])
    connection.execute(files.insert(), [_file(new, folder_ids) for new in new_files])
    connection.execute(versions.insert(), [_version(new) for new in new_files])
    connection.execute(
        manifests.insert(),
        [
            {"version_id": new.version.id, "digests": new.version.manifest.digests}
            for new in new_files
        ],
    )
    unsynced.insert(
        connection,
        [
            {
                "version_id": new.version.id,
                "file_id": new.file_id,
                "journal_id": new.journal_id,
                "offset": new.offset,
            }
            for new in new_files
        ],
    )
    _record(connection, space_id, new_files)


def _record(connection: Connection, space_id: str, new_files: Sequence[NewFile]) -> None:
    now = time.time_ns()
    connection.execute(
        changes.insert(),
        [
            {
                "space_id": space_id,
                "time_ns": now,
                "kind": ChangeKind.PUBLISHED.value,
                "path": new.version.path,
                "from_path": None,
                "file_id": new.file_id,
                "version_id": new.version.id,
                "account_id": new.version.by.account_id,
                "device_id": new.version.by.device_id,
            }
            for new in new_files
        ],
    )


def _folder_ids(connection: Connection, space_id: str, paths: Sequence[str]) -> dict[str, str]:
    wanted = select(rows_of(paths).c.value)
    query = select(folders.c.path, folders.c.id).where(
        folders.c.space_id == space_id, folders.c.path.in_(wanted), folder_rows.LIVE
    )
    return {row.path: row.id for row in connection.execute(query)}


def _file(new: NewFile, folder_ids: dict[str, str]) -> dict[str, object]:
    version = new.version
    name = remote_path.name(version.path)
    return {
        "id": new.file_id,
        "space_id": version.space_id,
        "path": version.path,
        "folder_id": folder_ids[remote_path.parent(version.path)],
        "name": name,
        "folded": remote_path.folded(name),
        "version_id": version.id,
        "size": version.manifest.size,
        "modified_ns": version.modified_ns,
        "added_ns": version.added_ns,
        "since_ns": version.added_ns,
        "trash_id": None,
    }


def _version(new: NewFile) -> dict[str, object]:
    row = new.row
    return {
        "id": row.version_id,
        "file_id": row.id,
        "space_id": row.space_id,
        "place": "current",
        "size": row.size,
        "modified_ns": row.modified_ns,
        "added_ns": row.added_ns,
        "chunk_bytes": row.chunk_bytes,
        "algorithm": row.algorithm,
        "manifest_digest": row.manifest_digest,
        "sha256": row.sha256,
        "damaged": False,
        "origin": new.version.origin,
        "account_id": row.account_id,
        "device_id": new.version.by.device_id,
        "device": row.device,
        "inode": row.inode,
        "disk_modified_ns": row.disk_modified_ns,
        "kept_ns": None,
        "media_type": row.media_type,
        "flagged": row.flagged,
    }
