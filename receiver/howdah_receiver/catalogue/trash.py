"""Rows of the trash: entries, each a file or a folder with all that lay in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, literal, select

from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves
from howdah_receiver.catalogue.tables import (
    files,
    folders,
    manifests,
    placements,
    trash,
    versions,
)


@dataclass(frozen=True, slots=True)
class TrashRow:
    """An entry. `path`: where it stood. Sizes in bytes, times in nanoseconds."""

    id: str
    space_id: str
    path: str
    kind: str
    trashed_ns: int
    account_id: str | None
    device_id: str | None
    bytes: int
    files: int


def by_id(connection: Connection, trash_id: str) -> TrashRow | None:
    row = connection.execute(select(trash).where(trash.c.id == trash_id)).first()
    return None if row is None else TrashRow(**row._mapping)


def page(
    connection: Connection, space_id: str, *, first: int, count: int
) -> tuple[list[TrashRow], int]:
    """The newest first, and how many there are in all."""
    here = trash.c.space_id == space_id
    total = connection.execute(select(func.count()).select_from(trash).where(here)).scalar_one()
    rows = connection.execute(
        select(trash)
        .where(here)
        .order_by(trash.c.trashed_ns.desc(), trash.c.id)
        .offset(first)
        .limit(count)
    )
    return [TrashRow(**row._mapping) for row in rows], total


def lies(connection: Connection, file_id: str) -> str | None:
    """Where a file in the trash lies, below the data folder; None where its entry is being removed."""
    row = connection.execute(
        select(files.c.path, trash.c.id, trash.c.path.label("top"))
        .join(trash, trash.c.id == files.c.trash_id)
        .where(files.c.id == file_id)
    ).first()
    return None if row is None else place_in(row.id, row.top, row.path)


def place_in(trash_id: str, top: str, path: str) -> str:
    """Where what stood at `path` lies, below the data folder, in an entry that stood at `top`."""
    return f"trash/{trash_id}{path[len(top) :]}"


def older_than(connection: Connection, before_ns: int, most: int) -> list[TrashRow]:
    """Of all spaces, the oldest first."""
    rows = connection.execute(
        select(trash).where(trash.c.trashed_ns < before_ns).order_by(trash.c.trashed_ns).limit(most)
    )
    return [TrashRow(**row._mapping) for row in rows]


def all_in(connection: Connection, space_id: str) -> list[str]:
    return list(
        connection.execute(select(trash.c.id).where(trash.c.space_id == space_id)).scalars()
    )


def put_file(
    connection: Connection, file_id: str, trash_id: str, now_ns: int, by: Actor
) -> TrashRow:
    """The file's row goes to a new entry."""
    row = connection.execute(select(files).where(files.c.id == file_id)).one()
    moves.end_placements(connection, files.c.id == file_id, now_ns)
    connection.execute(
        files.update().where(files.c.id == file_id).values(trash_id=trash_id, folder_id=None)
    )
    return add_entry(connection, trash_id, row.space_id, row.path, "file", now_ns, by)


def put_folder(
    connection: Connection, folder_id: str, trash_id: str, now_ns: int, by: Actor
) -> TrashRow:
    """The rows of the folder and of all in it go to a new entry."""
    row = connection.execute(select(folders).where(folders.c.id == folder_id)).one()
    files_in = (
        (files.c.space_id == row.space_id)
        & file_rows.LIVE
        & folder_rows.below(row.path, files.c.path)
    )
    folders_in = (
        (folders.c.space_id == row.space_id) & folder_rows.LIVE & folder_rows.below(row.path)
    )
    moves.end_placements(connection, files_in, now_ns)
    connection.execute(files.update().where(files_in).values(trash_id=trash_id))
    connection.execute(folders.update().where(folders_in).values(trash_id=trash_id))
    connection.execute(
        folders.update().where(folders.c.id == folder_id).values(trash_id=trash_id, parent_id=None)
    )
    return add_entry(connection, trash_id, row.space_id, row.path, "folder", now_ns, by)


def add_entry(
    connection: Connection,
    trash_id: str,
    space_id: str,
    path: str,
    kind: str,
    now_ns: int,
    by: Actor,
    *,
    only: Sequence[str] | None = None,
) -> TrashRow:
    """For the rows that are in it already; `only`: those of them that stay."""
    size, count = sums(connection, trash_id, only)
    row = TrashRow(trash_id, space_id, path, kind, now_ns, by.account_id, by.device_id, size, count)
    connection.execute(
        trash.insert().values({name: getattr(row, name) for name in TrashRow.__slots__})
    )
    return row


def sums(
    connection: Connection, trash_id: str, only: Sequence[str] | None = None
) -> tuple[int, int]:
    """Bytes and files of what the entry holds."""
    sizes = connection.execute(
        select(files.c.id, files.c.size).where(files.c.trash_id == trash_id)
    ).all()
    wanted = None if only is None else set(only)
    found = [row.size for row in sizes if wanted is None or row.id in wanted]
    return sum(found), len(found)


def bring_back(connection: Connection, entry: TrashRow, to: str, now_ns: int) -> str:
    """The rows of the entry stand at `to` again, the row of the folder above being there; the id of the
    file or folder that it was."""
    top = _top(connection, entry)
    rest = len(entry.path) + 1
    moved: dict[str, Any] = {"trash_id": None, "since_ns": now_ns}
    connection.execute(
        files.update()
        .where(files.c.trash_id == entry.id, files.c.id != top)
        .values(path=literal(to).concat(func.substr(files.c.path, rest)), **moved)
    )
    connection.execute(
        folders.update()
        .where(folders.c.trash_id == entry.id, folders.c.id != top)
        .values(path=literal(to).concat(func.substr(folders.c.path, rest)), trash_id=None)
    )
    if entry.kind == "file":
        moves.place(connection, top, to, **moved)
    else:
        moves.place_folder(connection, top, to, trash_id=None)
    connection.execute(trash.delete().where(trash.c.id == entry.id))
    return top


def _top(connection: Connection, entry: TrashRow) -> str:
    if entry.kind == "file":
        query = select(files.c.id).where(files.c.trash_id == entry.id)
    else:
        query = select(folders.c.id).where(
            folders.c.trash_id == entry.id, folders.c.parent_id.is_(None)
        )
    return str(connection.execute(query).scalar_one())


def drop_entry(connection: Connection, trash_id: str) -> None:
    """From now on nobody can ask for it; its rows go with `drop_files` and `drop_folders`."""
    connection.execute(trash.delete().where(trash.c.id == trash_id))


def some_files(connection: Connection, trash_id: str, most: int) -> list[str]:
    query = select(files.c.id).where(files.c.trash_id == trash_id).limit(most)
    return list(connection.execute(query).scalars())


def kept_of(connection: Connection, file_ids: list[str]) -> list[str]:
    """Ids of the versions of these files that lie in versions/."""
    query = select(versions.c.id).where(
        versions.c.file_id.in_(file_ids), versions.c.place == "kept"
    )
    return list(connection.execute(query).scalars())


def drop_files(connection: Connection, file_ids: list[str]) -> None:
    """Rows of files and of all their versions; where they stood is remembered."""
    theirs = select(versions.c.id).where(versions.c.file_id.in_(file_ids))
    connection.execute(manifests.delete().where(manifests.c.version_id.in_(theirs)))
    connection.execute(versions.delete().where(versions.c.file_id.in_(file_ids)))
    connection.execute(files.delete().where(files.c.id.in_(file_ids)))


def drop_folders(connection: Connection, trash_id: str) -> None:
    connection.execute(folders.delete().where(folders.c.trash_id == trash_id))


def orphans(connection: Connection) -> list[tuple[str, str]]:
    """Spaces and ids of entries that files or folders are part of, but that there are not."""
    found: set[tuple[str, str]] = set()
    for table in (files, folders):
        rows = connection.execute(
            select(table.c.space_id, table.c.trash_id)
            .where(table.c.trash_id.is_not(None), table.c.trash_id.not_in(select(trash.c.id)))
            .distinct()
        )
        found |= {(str(space_id), str(trash_id)) for space_id, trash_id in rows}
    return sorted(found)


def forget_placements(connection: Connection, before_ns: int) -> int:
    """What stood where, of versions that are gone for good, and long ago."""
    gone = placements.c.version_id.not_in(select(versions.c.id))
    return connection.execute(
        placements.delete().where(placements.c.to_ns < before_ns, gone)
    ).rowcount
