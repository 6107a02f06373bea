"""Rows of small files whose bytes are in a journal, as long as their own file is not synced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.files import LIVE
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import files, manifests, spaces, unsynced, versions
from howdah_receiver.catalogue.values import rows_of
from howdah_receiver.storage.disk import Identity


@dataclass(frozen=True, slots=True)
class UnsyncedRow:
    """A version that is current, the path where it stands by now, and where its bytes are in the journal.

    `digest` is that of its one chunk; empty for an empty file.
    """

    version_id: str
    file_id: str
    journal_id: str
    offset: int
    space: Space
    path: str
    identity: Identity
    modified_ns: int
    algorithm: str
    digest: bytes

    @property
    def size(self) -> int:
        return self.identity.size


_COLUMNS = (
    unsynced.c.version_id, unsynced.c.file_id, unsynced.c.journal_id, unsynced.c.offset,
    files.c.path, versions.c.device, versions.c.inode, versions.c.size,
    versions.c.disk_modified_ns, versions.c.modified_ns, versions.c.algorithm,
    manifests.c.digests, spaces.c.id.label("space_id"), spaces.c.name.label("space_name"),
    spaces.c.folder.label("space_folder"), spaces.c.case_fold,
)  # fmt: skip


def _select() -> Select[Any]:
    """Those that hold: a version that was replaced or is in the trash was synced before, or is lost."""
    return (
        select(*_COLUMNS)
        .join(files, (files.c.id == unsynced.c.file_id))
        .join(versions, versions.c.id == unsynced.c.version_id)
        .join(manifests, manifests.c.version_id == unsynced.c.version_id)
        .join(spaces, spaces.c.id == files.c.space_id)
        .where(files.c.version_id == unsynced.c.version_id, LIVE)
    )


def _rows(connection: Connection, query: Select[Any]) -> list[UnsyncedRow]:
    found = connection.execute(query.order_by(files.c.space_id, files.c.path)).all()
    return [
        UnsyncedRow(
            version_id=row.version_id,
            file_id=row.file_id,
            journal_id=row.journal_id,
            offset=row.offset,
            space=Space(row.space_id, row.space_name, row.space_folder, row.case_fold),
            path=row.path,
            identity=Identity(row.device, row.inode, row.size, row.disk_modified_ns),
            modified_ns=row.modified_ns,
            algorithm=row.algorithm,
            digest=bytes(row.digests),
        )
        for row in found
    ]


def of_journal(connection: Connection, journal_id: str) -> list[UnsyncedRow]:
    """In the order of their places in the tree."""
    return _rows(connection, _select().where(unsynced.c.journal_id == journal_id))


def of_versions(connection: Connection, version_ids: Sequence[str]) -> list[UnsyncedRow]:
    wanted = select(rows_of(version_ids).c.value)
    return _rows(connection, _select().where(unsynced.c.version_id.in_(wanted)))


def at(
    connection: Connection, space_id: str, path: str, *, all_below: bool = False
) -> list[UnsyncedRow]:
    """The one at the path; with `all_below`, those below it as well."""
    here: ColumnElement[bool] = files.c.path == path
    if all_below:
        here |= folder_rows.below(path, files.c.path)
    return _rows(connection, _select().where(files.c.space_id == space_id, here))


def journals(connection: Connection) -> list[str]:
    """Ids of those that some row names."""
    return list(connection.execute(select(unsynced.c.journal_id).distinct()).scalars())


def count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(unsynced)).scalar_one())


def insert(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    connection.execute(unsynced.insert(), rows)


def synced(connection: Connection, version_ids: Sequence[str]) -> None:
    """Their files are on stable storage."""
    wanted = select(rows_of(version_ids).c.value)
    connection.execute(unsynced.delete().where(unsynced.c.version_id.in_(wanted)))


def journal_is_over(connection: Connection, journal_id: str, but: Sequence[str]) -> int:
    """Drop the journal's rows, but those of these versions; how many are left."""
    here = unsynced.c.journal_id == journal_id
    kept = select(rows_of(but).c.value)
    connection.execute(unsynced.delete().where(here, unsynced.c.version_id.not_in(kept)))
    query = select(func.count()).select_from(unsynced).where(here)
    return int(connection.execute(query).scalar_one())
