"""Rows of spaces with all that stands in them, and of who is a member of each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from howdah_receiver.catalogue.tables import (
    accounts,
    chunks,
    devices,
    files,
    folders,
    intents,
    invitations,
    links,
    memberships,
    pairing_codes,
    placements,
    spaces,
    trash,
    uploads,
    versions,
)
from howdah_receiver.catalogue.tables import changes as changes_table


@dataclass(frozen=True, slots=True)
class SpaceRow:
    id: str
    name: str
    kind: str
    account_id: str
    """Whose quota it counts for."""
    folder: str
    created_ns: int
    case_fold: bool
    quota_bytes: int | None
    quota_files: int | None
    used_bytes: int
    used_files: int


@dataclass(frozen=True, slots=True)
class Member:
    account_id: str
    name: str
    role: str


COLUMNS = (
    spaces.c.id,
    spaces.c.name,
    spaces.c.kind,
    spaces.c.account_id,
    spaces.c.folder,
    spaces.c.created_ns,
    spaces.c.case_fold,
    spaces.c.quota_bytes,
    spaces.c.quota_files,
    spaces.c.used_bytes,
    spaces.c.used_files,
)


def by_id(connection: Connection, space_id: str) -> SpaceRow | None:
    row = connection.execute(select(*COLUMNS).where(spaces.c.id == space_id)).first()
    return None if row is None else SpaceRow(*row)


def by_word(connection: Connection, word: str) -> list[SpaceRow]:
    """Those of that id or name."""
    query = select(*COLUMNS).where(or_(spaces.c.id == word, spaces.c.name == word))
    return [SpaceRow(*row) for row in connection.execute(query)]


def all_of_them(connection: Connection) -> list[SpaceRow]:
    """Homes first, then by name."""
    query = select(*COLUMNS).order_by(spaces.c.kind, spaces.c.name)
    return [SpaceRow(*row) for row in connection.execute(query)]


def of_account(connection: Connection, account_id: str) -> list[tuple[SpaceRow, str]]:
    """Those that it is a member of, with its role; its home first, then by name."""
    query = (
        select(*COLUMNS, memberships.c.role)
        .join(memberships, memberships.c.space_id == spaces.c.id)
        .where(memberships.c.account_id == account_id)
        .order_by(spaces.c.kind, spaces.c.name)
    )
    return [(SpaceRow(*row[:-1]), row.role) for row in connection.execute(query)]


def role(connection: Connection, space_id: str, account_id: str) -> str | None:
    """None: no member."""
    query = select(memberships.c.role).where(
        memberships.c.space_id == space_id, memberships.c.account_id == account_id
    )
    found: str | None = connection.execute(query).scalar()
    return found


def members(connection: Connection, space_id: str) -> list[Member]:
    """By name."""
    query = (
        select(accounts.c.id, accounts.c.name, memberships.c.role)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.space_id == space_id)
        .order_by(accounts.c.name)
    )
    return [Member(*row) for row in connection.execute(query)]


def another_owner(connection: Connection, space_id: str, account_id: str) -> str | None:
    """An account beside that one which owns the space."""
    query = select(memberships.c.account_id).where(
        memberships.c.space_id == space_id,
        memberships.c.role == "owner",
        memberships.c.account_id != account_id,
    )
    found: str | None = connection.execute(query.limit(1)).scalar()
    return found


def change(connection: Connection, space_id: str, **values: object) -> None:
    connection.execute(spaces.update().where(spaces.c.id == space_id).values(**values))


def is_folder_taken(connection: Connection, folder: str) -> bool:
    """Whether a space has that folder, in whatever case: some systems see no difference."""
    query = select(spaces.c.id).where(func.lower(spaces.c.folder) == func.lower(folder))
    return connection.execute(query).first() is not None


def holds_nothing(connection: Connection, space_id: str) -> bool:
    """No file, version, folder or entry of the trash, and no upload that may still become a file."""
    alive = uploads.c.state.in_(["open", "completing", "expired"])
    for query in (
        select(files.c.id).where(files.c.space_id == space_id),
        select(versions.c.id).where(versions.c.space_id == space_id),
        select(folders.c.id).where(folders.c.space_id == space_id, folders.c.path != ""),
        select(trash.c.id).where(trash.c.space_id == space_id),
        select(uploads.c.id).where(uploads.c.space_id == space_id, alive),
        select(intents.c.id).where(intents.c.space_id == space_id),
    ):
        if connection.execute(query.limit(1)).first() is not None:
            return False
    return True


def remove(connection: Connection, space_id: str, now_ns: int) -> None:
    """A space that holds nothing, with all that tells of it. Devices that are limited to it are revoked."""
    ended = select(uploads.c.id).where(uploads.c.space_id == space_id)
    connection.execute(chunks.delete().where(chunks.c.upload_id.in_(ended)))
    connection.execute(
        devices.update()
        .where(devices.c.space_id == space_id)
        .values(revoked_ns=func.coalesce(devices.c.revoked_ns, now_ns), space_id=None)
    )
    for table in (uploads, links, invitations, pairing_codes, placements, changes_table,
                  memberships, folders):  # fmt: skip
        connection.execute(table.delete().where(table.c.space_id == space_id))
    connection.execute(spaces.delete().where(spaces.c.id == space_id))


def clashes(connection: Connection, space_id: str) -> list[str]:
    """Paths, a few, of what would clash in a space that folds case."""
    found: list[str] = []
    for table, above in ((files, files.c.folder_id), (folders, folders.c.parent_id)):
        query = (
            select(func.min(table.c.path))
            .where(table.c.space_id == space_id, table.c.trash_id.is_(None), table.c.name != "")
            .group_by(above, table.c.folded)
            .having(func.count() > 1)
            .limit(3)
        )
        found += connection.execute(query).scalars()
    # A file and a folder of one name clash too.
    query = (
        select(files.c.path)
        .join(
            folders,
            (folders.c.parent_id == files.c.folder_id) & (folders.c.folded == files.c.folded),
        )
        .where(
            files.c.space_id == space_id, files.c.trash_id.is_(None), folders.c.trash_id.is_(None)
        )
        .limit(3)
    )
    found += connection.execute(query).scalars()
    return found
