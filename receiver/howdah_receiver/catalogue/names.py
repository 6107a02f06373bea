"""Names that clash in a space which folds case: what stands there under another case is the same."""

from __future__ import annotations

from sqlalchemy import Connection, select

from howdah_common import remote_path
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import files, folders


def standing(connection: Connection, space: Space, path: str) -> str:
    """The path with each step as it stands there already; in a space that does not fold case, as it is.

    As Windows and macOS do: `Docs/A.txt` that goes to where `docs/a.txt` stands is that file.
    """
    if not space.case_fold or not path:
        return path
    found: list[str] = []
    folder = folder_rows.at_path(connection, space.id, "")
    for name in path.split("/"):
        here = None if folder is None else _name_in(connection, folder.id, name)
        found.append(here or name)
        folder = (here and folder_rows.at_path(connection, space.id, "/".join(found))) or None
    return "/".join(found)


def in_standing(connection: Connection, space: Space, path: str) -> str:
    """As `standing`, but for the last step, which is as it is."""
    above = standing(connection, space, remote_path.parent(path))
    return remote_path.join(above, remote_path.name(path))


def _name_in(connection: Connection, folder_id: str, name: str) -> str | None:
    """The name in the folder that is the same, exactly or folded."""
    folded = remote_path.folded(name)
    names = [
        *connection.execute(
            select(folders.c.name).where(
                folders.c.parent_id == folder_id, folders.c.folded == folded, folder_rows.LIVE
            )
        ).scalars(),
        *connection.execute(
            select(files.c.name).where(
                files.c.folder_id == folder_id,
                files.c.folded == folded,
                files.c.trash_id.is_(None),
            )
        ).scalars(),
    ]
    return name if name in names else min(names, default=None)
