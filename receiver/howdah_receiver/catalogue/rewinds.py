"""Rows of what goes, and comes back, when a folder is restored to a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from howdah_common import remote_path
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import moves
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.tables import files, folders, trash, versions
from howdah_receiver.ids import new_id

_AT_ONCE = 500


def take_out(connection: Connection, file_ids: Sequence[str], trash_id: str, now_ns: int) -> None:
    """They stand nowhere for now."""
    for some in _in_parts(file_ids):
        which = files.c.id.in_(some)
        moves.end_placements(connection, which, now_ns)
        connection.execute(files.update().where(which).values(trash_id=trash_id, folder_id=None))


def put_into(
    connection: Connection,
    space_id: str,
    trash_id: str,
    top: str,
    stood_in: str,
    away: Sequence[tuple[str, str]],
    now_ns: int,
) -> None:
    """Rows of the entry's folders, `top` above all, and of the files in them.

    `stood_in`: the folder that they stood in; it differs from `top` for a whole space.
    """
    made = {stood_in: new_id()}
    _add_folder(connection, space_id, trash_id, made[stood_in], top, None, now_ns)
    rows = []
    for file_id, path in away:
        folder = remote_path.parent(path)
        for step in [*remote_path.parents(path)]:
            if step not in made and (not stood_in or step.startswith(f"{stood_in}/")):
                made[step] = new_id()
                above = made[remote_path.parent(step)]
                _add_folder(
                    connection, space_id, trash_id, made[step], _below(top, stood_in, step), above, now_ns
                )  # fmt: skip
        rows.append({"which": file_id, "folder": made[folder], "to": _below(top, stood_in, path)})
    if rows:
        connection.execute(
            files.update()
            .where(files.c.id == bindparam("which"))
            .values(folder_id=bindparam("folder"), path=bindparam("to")),
            rows,
        )


def _below(top: str, stood_in: str, path: str) -> str:
    return path if stood_in else remote_path.join(top, path)


def _add_folder(
    connection: Connection,
    space_id: str,
    trash_id: str,
    folder_id: str,
    path: str,
    parent_id: str | None,
    now_ns: int,
) -> None:
    name = remote_path.name(path)
    connection.execute(
        folders.insert().values(
            id=folder_id,
            space_id=space_id,
            path=path,
            parent_id=parent_id,
            name=name,
            folded=remote_path.folded(name),
            created_ns=now_ns,
            own_bytes=0,
            own_files=0,
            own_folders=0,
            trash_id=trash_id,
        )
    )


def drop_folders(connection: Connection, space_id: str, paths: Sequence[str]) -> None:
    """Those that are gone from the disk; the deepest first."""
    for path in paths:
        connection.execute(
            folders.delete().where(
                folders.c.space_id == space_id, folders.c.path == path, folder_rows.LIVE
            )
        )


def exchange(
    connection: Connection, file_id: str, version_id: str, now_ns: int, replaced_place: str
) -> None:
    """Of a file that stands nowhere: an earlier version is current again."""
    version_rows.make_current(connection, file_id, version_id, now_ns, replaced_place, stood=False)


def leave_trash(connection: Connection, file_id: str, own_entry: str) -> None:
    """The file is taken out of the entry that it is in, which may be all of that, or a part."""
    row = connection.execute(
        select(files.c.trash_id, files.c.size).where(files.c.id == file_id)
    ).one()
    if row.trash_id in (None, own_entry):
        return
    connection.execute(trash.delete().where(trash.c.id == row.trash_id, trash.c.kind == "file"))
    connection.execute(
        trash.update()
        .where(trash.c.id == row.trash_id)
        .values(bytes=trash.c.bytes - row.size, files=trash.c.files - 1)
    )


def original(connection: Connection, version_id: str) -> Any:
    return connection.execute(select(versions).where(versions.c.id == version_id)).first()


def _in_parts(many: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(many), _AT_ONCE):
        yield many[start : start + _AT_ONCE]
