"""Rows of versions: what a file's content was, and where and when it stood."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from howdah_receiver.catalogue import moves
from howdah_receiver.catalogue.tables import (
    accounts,
    devices,
    files,
    manifests,
    placements,
    versions,
)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """`place`: `current`, `kept` or `lost`. Sizes in bytes, times in nanoseconds."""

    id: str
    file_id: str
    place: str
    size: int
    modified_ns: int
    added_ns: int
    chunk_bytes: int
    algorithm: str
    manifest_digest: bytes
    sha256: bytes | None
    damaged: bool
    origin: str
    kept_ns: int | None
    account: str | None
    """Names, of who sent it."""
    device: str | None


@dataclass(frozen=True, slots=True)
class Stood:
    """Where a version stood, from when to when; None: until now."""

    path: str
    from_ns: int
    to_ns: int | None


_COLUMNS = (
    versions.c.id,
    versions.c.file_id,
    versions.c.place,
    versions.c.size,
    versions.c.modified_ns,
    versions.c.added_ns,
    versions.c.chunk_bytes,
    versions.c.algorithm,
    versions.c.manifest_digest,
    versions.c.sha256,
    versions.c.damaged,
    versions.c.origin,
    versions.c.kept_ns,
    accounts.c.name.label("account"),
    devices.c.name.label("device"),
)
_WITH_NAMES = versions.outerjoin(accounts, accounts.c.id == versions.c.account_id).outerjoin(
    devices, devices.c.id == versions.c.device_id
)


def of_file(connection: Connection, file_id: str, version_id: str) -> VersionRow | None:
    query = (
        select(*_COLUMNS)
        .select_from(_WITH_NAMES)
        .where(versions.c.file_id == file_id, versions.c.id == version_id)
    )
    row = connection.execute(query).first()
    return None if row is None else VersionRow(**row._mapping)


def all_of(connection: Connection, file_id: str) -> list[VersionRow]:
    """Those that can be fetched, the newest first: what stands there, then by when it was replaced."""
    query = (
        select(*_COLUMNS)
        .select_from(_WITH_NAMES)
        .where(versions.c.file_id == file_id, versions.c.place != "lost")
        .order_by(versions.c.kept_ns.desc().nulls_first(), versions.c.added_ns.desc())
    )
    return [VersionRow(**row._mapping) for row in connection.execute(query)]


def stood(connection: Connection, file_id: str) -> dict[str, list[Stood]]:
    """By version, where it stood, the last first."""
    found: dict[str, list[Stood]] = {}
    row = connection.execute(
        select(files.c.version_id, files.c.path, files.c.since_ns).where(
            files.c.id == file_id, files.c.trash_id.is_(None)
        )
    ).first()
    if row is not None:
        found[row.version_id] = [Stood(row.path, row.since_ns, None)]
    ended = connection.execute(
        select(placements)
        .join(versions, versions.c.id == placements.c.version_id)
        .where(versions.c.file_id == file_id)
        .order_by(placements.c.number.desc())
    )
    for one in ended:
        found.setdefault(one.version_id, []).append(Stood(one.path, one.from_ns, one.to_ns))
    return found


def make_current(
    connection: Connection,
    file_id: str,
    version_id: str,
    now_ns: int,
    replaced_place: str,
    *,
    stood: bool = True,
) -> None:
    """A kept version stands at its file's path again; the one before it goes to `replaced_place`.

    It is the very file that its row tells of: what other hands do from now on shows. `stood`: the one
    before it stood at the path until now.
    """
    before = connection.execute(select(files.c.version_id).where(files.c.id == file_id)).scalar()
    if stood:
        moves.end_placements(connection, files.c.id == file_id, now_ns)
    connection.execute(
        versions.update()
        .where(versions.c.id == before)
        .values(place=replaced_place, kept_ns=now_ns)
    )
    connection.execute(
        versions.update().where(versions.c.id == version_id).values(place="current", kept_ns=None)
    )
    row = connection.execute(select(versions).where(versions.c.id == version_id)).one()
    connection.execute(
        files.update()
        .where(files.c.id == file_id)
        .values(
            version_id=version_id,
            size=row.size,
            modified_ns=row.modified_ns,
            added_ns=row.added_ns,
            since_ns=now_ns,
        )
    )


@dataclass(frozen=True, slots=True)
class KeptRow:
    id: str
    file_id: str
    space_id: str
    added_ns: int
    kept_ns: int


# Spelled out in the statement: for a value that comes later, SQLite takes no index of kept versions alone.
_KEPT = versions.c.place == literal_column("'kept'")


def kept_of_some(connection: Connection, after: str, most_files: int) -> list[KeptRow]:
    """All kept versions of the next files that have any; `after`: the last file's id. Those of files in the
    trash go with these."""
    some = (
        select(versions.c.file_id)
        .join(files, files.c.id == versions.c.file_id)
        .where(versions.c.file_id > after, _KEPT, files.c.trash_id.is_(None))
        .group_by(versions.c.file_id)
        .order_by(versions.c.file_id)
        .limit(most_files)
    )
    rows = connection.execute(
        select(
            versions.c.id,
            versions.c.file_id,
            versions.c.space_id,
            versions.c.added_ns,
            func.coalesce(versions.c.kept_ns, versions.c.added_ns),
        )
        .where(versions.c.file_id.in_(some), _KEPT)
        .order_by(versions.c.file_id)
    )
    return [KeptRow(*row) for row in rows]


def drop_kept(connection: Connection, version_ids: list[str]) -> list[str]:
    """Rows of those that are kept versions, which went. Where they stood is remembered."""
    kept = list(
        connection.execute(
            select(versions.c.id).where(versions.c.id.in_(version_ids), versions.c.place == "kept")
        ).scalars()
    )
    connection.execute(manifests.delete().where(manifests.c.version_id.in_(kept)))
    connection.execute(versions.delete().where(versions.c.id.in_(kept)))
    return kept
