"""Rows of what is moved: one statement for all that lies in a folder, however much it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, cast, func, literal, select

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_common.remote_path import MOST_DEPTH, MOST_PATH_BYTES
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.tables import files, folders, placements, versions


def check_lengths(connection: Connection, space_id: str, path: str, to: str) -> None:
    """Raises ProblemError (bad_path) where something in the folder would get too long a path."""
    _check(
        connection,
        path,
        to,
        (files.c.path, (files.c.space_id == space_id) & file_rows.LIVE),
        (folders.c.path, (folders.c.space_id == space_id) & folder_rows.LIVE),
    )


def check_lengths_of_trash(connection: Connection, trash_id: str, path: str, to: str) -> None:
    """As `check_lengths`, for what comes from an entry of the trash."""
    _check(
        connection,
        path,
        to,
        (files.c.path, files.c.trash_id == trash_id),
        (folders.c.path, folders.c.trash_id == trash_id),
    )


def _check(
    connection: Connection,
    path: str,
    to: str,
    *which: tuple[ColumnElement[str], ColumnElement[bool]],
) -> None:
    longer = len(to.encode()) - len(path.encode())
    deeper = to.count("/") - path.count("/")
    for column, here in which:
        row = connection.execute(
            select(
                func.max(func.length(cast(column, LargeBinary))),
                func.max(func.length(column) - func.length(func.replace(column, "/", ""))),
            ).where(here, folder_rows.below(path, column))
        ).one()
        if row[0] is None:
            continue
        if row[0] + longer > MOST_PATH_BYTES or row[1] + 1 + deeper > MOST_DEPTH:
            raise ProblemError("bad_path", "What lies in the folder would get too long a path.")


def move_file(connection: Connection, file_id: str, to: str, now_ns: int) -> None:
    """The folder's row is there."""
    end_placements(connection, files.c.id == file_id, now_ns)
    place(connection, file_id, to, since_ns=now_ns)


def place(connection: Connection, file_id: str, to: str, **more: Any) -> None:
    """Put the row of a file where it now stands."""
    space_id = connection.execute(
        select(files.c.space_id).where(files.c.id == file_id)
    ).scalar_one()
    name = remote_path.name(to)
    connection.execute(
        files.update()
        .where(files.c.id == file_id)
        .values(
            path=to,
            name=name,
            folded=remote_path.folded(name),
            folder_id=folder_rows.id_at(connection, space_id, remote_path.parent(to)),
            **more,
        )
    )


def place_folder(connection: Connection, folder_id: str, to: str, **more: Any) -> None:
    """Put the row of a folder where it now stands; not of what lies in it."""
    space_id = connection.execute(
        select(folders.c.space_id).where(folders.c.id == folder_id)
    ).scalar_one()
    name = remote_path.name(to)
    connection.execute(
        folders.update()
        .where(folders.c.id == folder_id)
        .values(
            path=to,
            name=name,
            folded=remote_path.folded(name),
            parent_id=folder_rows.id_at(connection, space_id, remote_path.parent(to)),
            **more,
        )
    )


def move_folder(connection: Connection, folder_id: str, to: str, now_ns: int) -> None:
    """The folder and all in it; that of the folder above is there."""
    row = connection.execute(
        select(folders.c.space_id, folders.c.path).where(folders.c.id == folder_id)
    ).one()
    files_in = (
        (files.c.space_id == row.space_id)
        & file_rows.LIVE
        & folder_rows.below(row.path, files.c.path)
    )
    folders_in = (
        (folders.c.space_id == row.space_id) & folder_rows.LIVE & folder_rows.below(row.path)
    )
    end_placements(connection, files_in, now_ns)
    rest = len(row.path) + 1
    connection.execute(
        files.update()
        .where(files_in)
        .values(path=literal(to).concat(func.substr(files.c.path, rest)), since_ns=now_ns)
    )
    connection.execute(
        folders.update()
        .where(folders_in)
        .values(path=literal(to).concat(func.substr(folders.c.path, rest)))
    )
    place_folder(connection, folder_id, to)


def move_over(
    connection: Connection, file_id: str, over_id: str, now_ns: int, replaced_place: str
) -> None:
    """The file at the target goes on with the moved one's content, and gets its history; as when it is
    replaced by an upload, it stays the file that others know."""
    moved = connection.execute(select(files).where(files.c.id == file_id)).one()
    over = connection.execute(select(files).where(files.c.id == over_id)).one()
    end_placements(connection, files.c.id.in_([file_id, over_id]), now_ns)
    connection.execute(
        versions.update()
        .where(versions.c.id == over.version_id)
        .values(place=replaced_place, kept_ns=now_ns)
    )
    connection.execute(
        versions.update().where(versions.c.file_id == file_id).values(file_id=over_id)
    )
    connection.execute(files.delete().where(files.c.id == file_id))
    connection.execute(
        files.update()
        .where(files.c.id == over_id)
        .values(
            version_id=moved.version_id,
            size=moved.size,
            modified_ns=moved.modified_ns,
            added_ns=moved.added_ns,
            since_ns=now_ns,
        )
    )


def end_placements(connection: Connection, which: Any, now_ns: int) -> None:
    """Remember where the current versions of these files stood until now."""
    connection.execute(
        placements.insert().from_select(
            ["version_id", "space_id", "path", "from_ns", "to_ns"],
            select(
                files.c.version_id,
                files.c.space_id,
                files.c.path,
                files.c.since_ns,
                literal(now_ns),
            ).where(which),
        )
    )
