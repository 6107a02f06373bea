"""What stood in a folder at a time, and where that content is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select, union_all

from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.tables import files, folders, placements, trash, versions


@dataclass(frozen=True, slots=True)
class Then:
    """A version that stood at `path`, and where its file is now. None for `file_id`: the version is gone
    for good."""

    path: str
    version_id: str
    file_id: str | None
    place: str | None
    """`current`, `kept` or `lost`."""
    damaged: bool
    now_path: str | None
    """Where the file stands now, or stood when it was put into the trash."""
    trash_id: str | None
    current_id: str | None
    """The version of the file that is current now."""
    digest: bytes | None
    """Of its manifest."""
    trash_path: str | None
    """Where the entry stood that it is part of; None also where that is being removed for good."""

    @property
    def trashed_as(self) -> str | None:
        """Where it lies in the data folder, where it is in the trash."""
        if self.trash_id is None or self.trash_path is None or self.now_path is None:
            return None
        below = self.now_path[len(self.trash_path) :]
        return f"trash/{self.trash_id}{below}"


@dataclass(frozen=True, slots=True)
class Now:
    """A file below the folder as it stands now."""

    file_id: str
    path: str
    digest: bytes


def stood_below(connection: Connection, space_id: str, path: str, at_ns: int) -> dict[str, Then]:
    """By path; all below `path` (empty: the whole space)."""
    ended = select(placements.c.path, placements.c.version_id, placements.c.from_ns).where(
        placements.c.space_id == space_id,
        folder_rows.below(path, placements.c.path),
        placements.c.from_ns <= at_ns,
        placements.c.to_ns > at_ns,
    )
    standing = select(files.c.path, files.c.version_id, files.c.since_ns).where(
        files.c.space_id == space_id,
        folder_rows.below(path, files.c.path),
        file_rows.LIVE,
        files.c.since_ns <= at_ns,
    )
    both = union_all(ended, standing).subquery()
    query: Select[Any] = (
        select(
            both.c.path,
            both.c.version_id,
            versions.c.file_id,
            versions.c.place,
            func.coalesce(versions.c.damaged, literal(False)),
            files.c.path,
            files.c.trash_id,
            files.c.version_id,
            versions.c.manifest_digest,
            trash.c.path,
        )
        .outerjoin(versions, versions.c.id == both.c.version_id)
        .outerjoin(files, files.c.id == versions.c.file_id)
        .outerjoin(trash, trash.c.id == files.c.trash_id)
        .order_by(both.c.from_ns)  # should a clock have gone back: the last that began
    )
    return {row[0]: Then(*row) for row in connection.execute(query)}


def now_below(connection: Connection, space_id: str, path: str) -> list[Now]:
    query = (
        select(files.c.id, files.c.path, versions.c.manifest_digest)
        .join(versions, versions.c.id == files.c.version_id)
        .where(files.c.space_id == space_id, folder_rows.below(path, files.c.path), file_rows.LIVE)
    )
    return [Now(*row) for row in connection.execute(query)]


def identities_below(connection: Connection, space_id: str, path: str) -> list[Any]:
    """Path and identity (device, inode, size, mtime) of all files that stand there now."""
    query = (
        select(
            files.c.path,
            versions.c.device,
            versions.c.inode,
            versions.c.size,
            versions.c.disk_modified_ns,
        )
        .join(versions, versions.c.id == files.c.version_id)
        .where(files.c.space_id == space_id, folder_rows.below(path, files.c.path), file_rows.LIVE)
        .order_by(files.c.path)
    )
    return list(connection.execute(query).all())


def folders_below(connection: Connection, space_id: str, path: str) -> list[tuple[str, int]]:
    """Paths and when they were made, the deepest first."""
    query = select(folders.c.path, folders.c.created_ns).where(
        folders.c.space_id == space_id, folder_rows.below(path), folder_rows.LIVE
    )
    found = [(str(row[0]), int(row[1])) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one[0].count("/"), reverse=True)
