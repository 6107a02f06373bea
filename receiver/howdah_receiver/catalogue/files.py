"""Rows of spaces, folders, files and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, func, literal, select, union_all

from howdah_common import remote_path
from howdah_common.manifest import Manifest
from howdah_receiver.catalogue.tables import files, folders, manifests, spaces, versions
from howdah_receiver.ids import new_id
from howdah_receiver.storage.disk import Identity


@dataclass(frozen=True, slots=True)
class Space:
    id: str
    name: str
    folder: str
    """The folder below files/ that holds the tree."""


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
)


def _select_files() -> Select[tuple[object, ...]]:
    return select(*_FILE_COLUMNS).join(versions, versions.c.id == files.c.version_id)


def _file(row: Row[tuple[object, ...]] | None) -> FileRow | None:
    return None if row is None else FileRow(**row._mapping)


def space(connection: Connection, space_id: str) -> Space:
    row = connection.execute(select(spaces).where(spaces.c.id == space_id)).one()
    return Space(row.id, row.name, row.folder)


def space_of_account(connection: Connection, account_id: str, wanted: str | None) -> Space | None:
    """The account's home space, or the space of that id if the account may use it."""
    query = select(spaces).where(spaces.c.account_id == account_id)
    if wanted is not None:
        query = query.where(spaces.c.id == wanted)
    row = connection.execute(query).first()
    return None if row is None else Space(row.id, row.name, row.folder)


def at_path(connection: Connection, space_id: str, path: str) -> FileRow | None:
    query = _select_files().where(files.c.space_id == space_id, files.c.path == path)
    return _file(connection.execute(query).first())


def by_id(connection: Connection, account_id: str, file_id: str) -> FileRow | None:
    """The file of that id, if it is in a space of the account."""
    query = (
        _select_files()
        .join(spaces, spaces.c.id == files.c.space_id)
        .where(files.c.id == file_id, spaces.c.account_id == account_id)
    )
    return _file(connection.execute(query).first())


def of_version(connection: Connection, version_id: str) -> FileRow | None:
    """The file with this version of it, whether that still stands at its path or was replaced."""
    query: Select[tuple[object, ...]] = (
        select(*_FILE_COLUMNS)
        .join(versions, versions.c.file_id == files.c.id)
        .where(versions.c.id == version_id)
    )
    return _file(connection.execute(query).first())


def has_version(connection: Connection, version_id: str) -> bool:
    return bool(
        connection.execute(select(versions.c.id).where(versions.c.id == version_id)).first()
    )


def digests(connection: Connection, version_id: str) -> bytes:
    """The digests of the version's chunks, in order, one after the other."""
    query = select(manifests.c.digests).where(manifests.c.version_id == version_id)
    return bytes(connection.execute(query).scalar_one())


def files_among(connection: Connection, space_id: str, paths: Sequence[str]) -> list[str]:
    query = select(files.c.path).where(files.c.space_id == space_id, files.c.path.in_(paths))
    return list(connection.execute(query).scalars())


def folders_among(connection: Connection, space_id: str, paths: Sequence[str]) -> list[str]:
    query = select(folders.c.path).where(folders.c.space_id == space_id, folders.c.path.in_(paths))
    return list(connection.execute(query).scalars())


def add_folders(connection: Connection, space_id: str, paths: Sequence[str]) -> None:
    """Rows for those of `paths` that have none."""
    known = set(folders_among(connection, space_id, paths))
    rows = [
        {"id": new_id(), "space_id": space_id, "path": path, "parent": remote_path.parent(path)}
        for path in paths
        if path not in known
    ]
    if rows:
        connection.execute(folders.insert(), rows)


def put_version(connection: Connection, new: NewVersion, *, replaced_place: str) -> None:
    """Make `new` what stands at its path; the one before it goes to `replaced_place`."""
    manifest = new.manifest
    row = connection.execute(
        select(files.c.id, files.c.version_id).where(
            files.c.space_id == new.space_id, files.c.path == new.path
        )
    ).first()
    if row is None:
        file_id = new_id()
        connection.execute(
            files.insert().values(
                id=file_id,
                space_id=new.space_id,
                path=new.path,
                parent=remote_path.parent(new.path),
                version_id=new.id,
            )
        )
    else:
        file_id = row.id
        connection.execute(files.update().where(files.c.id == file_id).values(version_id=new.id))
        connection.execute(
            versions.update().where(versions.c.id == row.version_id).values(place=replaced_place)
        )
    add_version(connection, new, file_id, place="current")
    connection.execute(manifests.insert().values(version_id=new.id, digests=manifest.digests))


def add_version(connection: Connection, new: NewVersion, file_id: str, *, place: str) -> None:
    manifest = new.manifest
    connection.execute(
        versions.insert().values(
            id=new.id,
            file_id=file_id,
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
            device=new.identity.device,
            inode=new.identity.inode,
            disk_modified_ns=new.identity.modified_ns,
        )
    )


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


@dataclass(frozen=True, slots=True)
class Listing:
    items: list[FileRow | str]
    """Paths of folders, then files."""
    total: int


def children(
    connection: Connection, space_id: str, path: str, *, first: int, count: int
) -> Listing:
    """What stands directly in the folder `path`, folders before files, each by name."""
    both = union_all(
        select(literal(0).label("kind"), folders.c.path.label("path"), folders.c.id.label("id"))
        .where(folders.c.space_id == space_id, folders.c.parent == path),
        select(literal(1), files.c.path, files.c.id)
        .where(files.c.space_id == space_id, files.c.parent == path),
    ).subquery()  # fmt: skip
    total = connection.execute(select(func.count()).select_from(both)).scalar_one()
    page = connection.execute(
        select(both).order_by(both.c.kind, both.c.path).offset(first).limit(count)
    ).all()
    wanted = [row.id for row in page if row.kind == 1]
    found = connection.execute(_select_files().where(files.c.id.in_(wanted))).all()
    rows = {row.id: FileRow(**row._mapping) for row in found}
    return Listing([row.path if row.kind == 0 else rows[row.id] for row in page], total)
