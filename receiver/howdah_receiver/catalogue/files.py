"""Rows of files and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, select

from howdah_common import remote_path
from howdah_common.manifest import Manifest
from howdah_receiver.accounts.caller import NOBODY, Actor
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.changes import ChangeKind, record
from howdah_receiver.catalogue.tables import files, manifests, placements, versions
from howdah_receiver.catalogue.values import rows_of
from howdah_receiver.ids import new_id
from howdah_receiver.storage.disk import Identity


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file with the version that stands at its path. Times in nanoseconds, sizes in bytes."""

    id: str
    space_id: str
    path: str
    version_id: str
    size: int
    modified_ns: int
    added_ns: int
    chunk_bytes: int
    algorithm: str
    manifest_digest: bytes
    sha256: bytes | None
    damaged: bool
    device: int
    inode: int
    disk_modified_ns: int
    account_id: str | None
    """Who sent this version; None for other hands."""
    since_ns: int
    """Since when this version stands at this path."""
    media_type: str | None = None
    flagged: bool = False
    """Its name says another type than its bytes."""

    @property
    def identity(self) -> Identity:
        return Identity(self.device, self.inode, self.size, self.disk_modified_ns)


@dataclass(frozen=True, slots=True)
class NewVersion:
    id: str
    space_id: str
    path: str
    manifest: Manifest
    modified_ns: int
    added_ns: int
    sha256: bytes | None
    origin: str
    identity: Identity
    by: Actor = NOBODY
    media_type: str | None = None
    flagged: bool = False


_FILE_COLUMNS = (
    files.c.id,
    files.c.space_id,
    files.c.path,
    versions.c.id.label("version_id"),
    versions.c.size,
    versions.c.modified_ns,
    versions.c.added_ns,
    versions.c.chunk_bytes,
    versions.c.algorithm,
    versions.c.manifest_digest,
    versions.c.sha256,
    versions.c.damaged,
    versions.c.device,
    versions.c.inode,
    versions.c.disk_modified_ns,
    versions.c.account_id,
    files.c.since_ns,
    versions.c.media_type,
    versions.c.flagged,
)
LIVE = files.c.trash_id.is_(None)


def _select_files() -> Select[tuple[object, ...]]:
    return select(*_FILE_COLUMNS).join(versions, versions.c.id == files.c.version_id)


def _file(row: Row[tuple[object, ...]] | None) -> FileRow | None:
    return None if row is None else FileRow(**row._mapping)


def at_path(connection: Connection, space_id: str, path: str) -> FileRow | None:
    query = _select_files().where(files.c.space_id == space_id, files.c.path == path, LIVE)
    return _file(connection.execute(query).first())


def at_paths(connection: Connection, space_id: str, paths: Sequence[str]) -> list[FileRow]:
    """Those that are there, in any order."""
    here = (files.c.space_id == space_id, files.c.path.in_(paths), LIVE)
    found = map(_file, connection.execute(_select_files().where(*here)).all())
    return [row for row in found if row is not None]


def by_id(connection: Connection, file_id: str) -> FileRow | None:
    """The file of that id, if it is not in the trash. Whose it is, the caller has to look at."""
    return _file(connection.execute(_select_files().where(files.c.id == file_id, LIVE)).first())


def by_numbers(connection: Connection, numbers: Sequence[int]) -> list[FileRow]:
    """Files that are there, in the order of `numbers`."""
    if not numbers:
        return []
    wanted = select(rows_of(numbers).c.value)
    query = _select_files().add_columns(files.c.number).where(files.c.number.in_(wanted))
    rows = {row[-1]: FileRow(*row[:-1]) for row in connection.execute(query).all()}
    return [rows[number] for number in numbers]


def in_folder(connection: Connection, folder_id: str) -> list[FileRow]:
    """The files that stand directly in it."""
    query = _select_files().where(files.c.folder_id == folder_id, LIVE)
    return [FileRow(**row._mapping) for row in connection.execute(query)]


def of_version(connection: Connection, version_id: str, *, trashed: bool = False) -> FileRow | None:
    """The file with this version of it, whether that still stands at its path or was replaced; not where
    the file is in the trash, or, with `trashed`, only there."""
    query: Select[tuple[object, ...]] = (
        select(*_FILE_COLUMNS)
        .join(versions, versions.c.file_id == files.c.id)
        .where(versions.c.id == version_id, files.c.trash_id.is_not(None) if trashed else LIVE)
    )
    return _file(connection.execute(query).first())


def is_kept(connection: Connection, version_id: str) -> bool:
    """Whether the version was replaced, and lies in versions/."""
    query = select(versions.c.place).where(versions.c.id == version_id)
    return connection.execute(query).scalar() == "kept"


def has_version(connection: Connection, version_id: str) -> bool:
    return bool(
        connection.execute(select(versions.c.id).where(versions.c.id == version_id)).first()
    )


def digests(connection: Connection, version_id: str) -> bytes:
    """The digests of the version's chunks, in order, one after the other."""
    query = select(manifests.c.digests).where(manifests.c.version_id == version_id)
    return bytes(connection.execute(query).scalar_one())


def among(connection: Connection, space_id: str, paths: Sequence[str]) -> list[str]:
    """Which of `paths` are files."""
    query = select(files.c.path).where(files.c.space_id == space_id, files.c.path.in_(paths), LIVE)
    return list(connection.execute(query).scalars())


def put_version(connection: Connection, new: NewVersion, *, replaced_place: str) -> None:
    """Make `new` what stands at its path; the one before it goes to `replaced_place`. The folder's row is
    there."""
    row = connection.execute(
        select(files.c.id, files.c.version_id, files.c.since_ns).where(
            files.c.space_id == new.space_id, files.c.path == new.path, LIVE
        )
    ).first()
    standing = {
        "version_id": new.id,
        "size": new.manifest.size,
        "modified_ns": new.modified_ns,
        "added_ns": new.added_ns,
        "since_ns": new.added_ns,
    }
    if row is None:
        file_id = new_id()
        _insert(connection, file_id, new, standing)
    else:
        file_id = row.id
        _end(connection, new, row.version_id, row.since_ns, replaced_place)
        connection.execute(files.update().where(files.c.id == file_id).values(standing))
    add_version(connection, new, file_id, place="current")
    kind = ChangeKind.CHANGED_OUTSIDE if new.origin == "outside" else ChangeKind.PUBLISHED
    record(
        connection, kind, new.space_id, new.path, file_id=file_id, version_id=new.id, by=new.by
    )  # fmt: skip


def _insert(
    connection: Connection, file_id: str, new: NewVersion, standing: dict[str, object]
) -> None:
    name = remote_path.name(new.path)
    folder_id = folder_rows.id_at(connection, new.space_id, remote_path.parent(new.path))
    connection.execute(
        files.insert().values(
            id=file_id,
            space_id=new.space_id,
            path=new.path,
            folder_id=folder_id,
            name=name,
            folded=remote_path.folded(name),
            **standing,
        )
    )


def _end(
    connection: Connection, new: NewVersion, version_id: str, since_ns: int, place: str
) -> None:
    """The version that stood at the path until now."""
    connection.execute(
        versions.update()
        .where(versions.c.id == version_id)
        .values(place=place, kept_ns=new.added_ns)
    )
    end_placement(connection, version_id, new.space_id, new.path, since_ns, new.added_ns)


def end_placement(
    connection: Connection, version_id: str, space_id: str, path: str, from_ns: int, to_ns: int
) -> None:
    """Remember where a version stood, and when."""
    connection.execute(
        placements.insert().values(
            version_id=version_id, space_id=space_id, path=path, from_ns=from_ns, to_ns=to_ns
        )
    )


def add_version(
    connection: Connection,
    new: NewVersion,
    file_id: str,
    *,
    place: str,
    kept_ns: int | None = None,
) -> None:
    """A row for the version and its digests."""
    manifest = new.manifest
    connection.execute(
        versions.insert().values(
            id=new.id,
            file_id=file_id,
            space_id=new.space_id,
            place=place,
            size=manifest.size,
            modified_ns=new.modified_ns,
            added_ns=new.added_ns,
            chunk_bytes=manifest.chunk_bytes,
            algorithm=manifest.algorithm,
            manifest_digest=manifest.digest(),
            sha256=new.sha256,
            damaged=False,
            origin=new.origin,
            account_id=new.by.account_id,
            device_id=new.by.device_id,
            device=new.identity.device,
            inode=new.identity.inode,
            disk_modified_ns=new.identity.modified_ns,
            media_type=new.media_type,
            flagged=new.flagged,
            kept_ns=kept_ns,
        )
    )
    connection.execute(manifests.insert().values(version_id=new.id, digests=manifest.digests))


def set_damaged(connection: Connection, version_id: str, *, damaged: bool) -> None:
    connection.execute(versions.update().where(versions.c.id == version_id).values(damaged=damaged))


def set_identity(connection: Connection, version_id: str, identity: Identity) -> None:
    """For content that was just read and found to be that version: it is whole, whatever it was before."""
    connection.execute(
        versions.update()
        .where(versions.c.id == version_id)
        .values(
            device=identity.device,
            inode=identity.inode,
            disk_modified_ns=identity.modified_ns,
            damaged=False,
        )
    )
