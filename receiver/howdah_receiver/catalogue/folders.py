"""Rows of folders. Each space has one for its root, whose path is empty."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from howdah_common import remote_path
from howdah_receiver.catalogue.tables import folders
from howdah_receiver.ids import new_id


@dataclass(frozen=True, slots=True)
class FolderRow:
    """A folder that is not in the trash; sizes and counts are of what stands directly in it."""

    id: str
    space_id: str
    path: str
    name: str
    own_bytes: int
    own_files: int
    own_folders: int


COLUMNS = (
    folders.c.id,
    folders.c.space_id,
    folders.c.path,
    folders.c.name,
    folders.c.own_bytes,
    folders.c.own_files,
    folders.c.own_folders,
)
LIVE = folders.c.trash_id.is_(None)


def at_path(connection: Connection, space_id: str, path: str) -> FolderRow | None:
    query = select(*COLUMNS).where(folders.c.space_id == space_id, folders.c.path == path, LIVE)
    row = connection.execute(query).first()
    return None if row is None else FolderRow(*row)


def by_id(connection: Connection, folder_id: str) -> FolderRow | None:
    """The folder of that id, if it is not in the trash."""
    row = connection.execute(select(*COLUMNS).where(folders.c.id == folder_id, LIVE)).first()
    return None if row is None else FolderRow(*row)


def among(connection: Connection, space_id: str, paths: Sequence[str]) -> list[str]:
    """Which of `paths` are folders."""
    query = select(folders.c.path).where(
        folders.c.space_id == space_id, folders.c.path.in_(paths), LIVE
    )
    return list(connection.execute(query).scalars())


def below(path: str, column: ColumnElement[str] = folders.c.path) -> ColumnElement[bool]:
    """Whether a path lies below `path`, in a form that an index serves."""
    # "0" comes right after "/": everything that begins with "path/".
    return (column > f"{path}/") & (column < f"{path}0") if path else column > ""


def insert_root(connection: Connection, space_id: str, created_ns: int) -> None:
    _insert(connection, space_id, "", None, created_ns)


def add(connection: Connection, space_id: str, paths: Sequence[str]) -> None:
    """Rows for those of `paths` that have none; those above each are there or among them, before it."""
    known = set(among(connection, space_id, paths))
    for path in paths:
        if path not in known:
            parent_id = id_at(connection, space_id, remote_path.parent(path))
            _insert(connection, space_id, path, parent_id, time.time_ns())
            known.add(path)


def id_at(connection: Connection, space_id: str, path: str) -> str:
    """Of the folder at `path`, which is there."""
    query = select(folders.c.id).where(folders.c.space_id == space_id, folders.c.path == path, LIVE)
    return str(connection.execute(query).scalar_one())


def _insert(
    connection: Connection, space_id: str, path: str, parent_id: str | None, created_ns: int
) -> None:
    name = remote_path.name(path)
    connection.execute(
        folders.insert().values(
            id=new_id(),
            space_id=space_id,
            path=path,
            parent_id=parent_id,
            name=name,
            folded=remote_path.folded(name),
            created_ns=created_ns,
            own_bytes=0,
            own_files=0,
            own_folders=0,
        )
    )


def drop(connection: Connection, folder_id: str) -> None:
    """The row of a folder that nothing stands in."""
    connection.execute(folders.delete().where(folders.c.id == folder_id))


def children(connection: Connection, folder_id: str) -> list[FolderRow]:
    """The folders that stand directly in it."""
    query = select(*COLUMNS).where(folders.c.parent_id == folder_id)
    return [FolderRow(*row) for row in connection.execute(query)]
