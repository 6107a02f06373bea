"""Rows of links. What one leads to, and whether its maker still may, is looked at with each use."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import ROLES, Right
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.tables import accounts, links, memberships

NEEDS = {"version": Right.READ, "file": Right.READ, "folder": Right.READ, "request": Right.CHANGE}
"""What the maker of each kind must be allowed to, for as long as the link is to work."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link. Times in nanoseconds."""

    id: str
    secret_sha256: bytes
    kind: str
    account_id: str
    space_id: str
    file_id: str | None
    version_id: str | None
    folder_id: str | None
    label: str
    password_hash: str | None
    created_ns: int
    expires_ns: int | None
    revoked_ns: int | None
    most_uses: int | None
    uses: int
    most_bytes: int | None
    used_bytes: int
    asks_name: bool

    @property
    def used_up(self) -> bool:
        return self.most_uses is not None and self.uses >= self.most_uses


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link, who made it, what that account may do in its space by now, and what it leads to by now."""

    row: LinkRow
    account_name: str
    rights: Right
    subject: FileRow | FolderRow | None

    @property
    def holds(self) -> bool:
        """Whether its maker still may, and there is still something."""
        return self.subject is not None and NEEDS[self.row.kind] in self.rights


_NAMES = {name: "bytes" if name == "used_bytes" else name for name in LinkRow.__slots__}
_COLUMNS = tuple(links.c[name] for name in _NAMES.values())


def insert(connection: Connection, row: LinkRow) -> None:
    values = {column: getattr(row, name) for name, column in _NAMES.items()}
    connection.execute(links.insert().values(values))


def _select() -> Select[tuple[object, ...]]:
    member = and_(
        memberships.c.space_id == links.c.space_id, memberships.c.account_id == links.c.account_id
    )
    return (
        select(*_COLUMNS, accounts.c.name, accounts.c.disabled, memberships.c.role)
        .join(accounts, accounts.c.id == links.c.account_id)
        .join(memberships, member, isouter=True)
    )


def _found(connection: Connection, found: Row[tuple[object, ...]]) -> FoundLink:
    values = tuple(found)
    row = LinkRow(*values[: len(_COLUMNS)])  # type: ignore[arg-type]
    name, disabled, role = values[len(_COLUMNS) :]
    rights = Right.NONE if disabled or role is None else ROLES[str(role)]
    return FoundLink(row, str(name), rights, _subject(connection, row))


def _subject(connection: Connection, row: LinkRow) -> FileRow | FolderRow | None:
    """Not what is in the trash, nor what was moved to another space."""
    subject: FileRow | FolderRow | None = None
    if row.version_id is not None:
        subject = file_rows.of_version(connection, row.version_id)
    elif row.file_id is not None:
        subject = file_rows.by_id(connection, row.file_id)
    elif row.folder_id is not None:
        subject = folder_rows.by_id(connection, row.folder_id)
    return subject if subject is not None and subject.space_id == row.space_id else None


def by_secret(connection: Connection, secret_sha256: bytes) -> FoundLink | None:
    row = connection.execute(_select().where(links.c.secret_sha256 == secret_sha256)).first()
    return None if row is None else _found(connection, row)


def by_id(connection: Connection, link_id: str) -> FoundLink | None:
    row = connection.execute(_select().where(links.c.id == link_id)).first()
    return None if row is None else _found(connection, row)


def ids_that_begin_with(connection: Connection, wanted: str, most: int) -> list[str]:
    """Some of the links whose ids begin with that; none for nothing."""
    if not wanted:
        return []
    query = select(links.c.id).where(links.c.id.startswith(wanted, autoescape=True)).limit(most)
    return list(connection.execute(query).scalars())


def page(
    connection: Connection,
    whose: ColumnElement[bool],
    *,
    live_at_ns: int | None,
    first: int,
    count: int,
) -> tuple[list[FoundLink], int]:
    """Some of the links that `whose` chooses, the newest first, and how many there are in all.

    `live_at_ns`: only those that are neither revoked nor past their time then.
    """
    if live_at_ns is not None:
        in_time = or_(links.c.expires_ns.is_(None), links.c.expires_ns > live_at_ns)
        whose = and_(whose, links.c.revoked_ns.is_(None), in_time)
    total = connection.execute(select(func.count()).select_from(links).where(whose)).scalar_one()
    query = (
        _select()
        .where(whose)
        .order_by(links.c.created_ns.desc(), links.c.id)
        .offset(first)
        .limit(count)
    )
    return [_found(connection, row) for row in connection.execute(query).all()], total


def revoke(connection: Connection, link_id: str, now_ns: int) -> bool:
    """For good; whether it was not before."""
    result = connection.execute(
        links.update()
        .where(links.c.id == link_id, links.c.revoked_ns.is_(None))
        .values(revoked_ns=now_ns)
    )
    return result.rowcount == 1


def count_use(connection: Connection, link_id: str) -> bool:
    """Whether there was one left; it is counted then."""
    left = or_(links.c.most_uses.is_(None), links.c.uses < links.c.most_uses)
    result = connection.execute(
        links.update()
        .where(links.c.id == link_id, links.c.revoked_ns.is_(None), left)
        .values(uses=links.c.uses + 1)
    )
    return result.rowcount == 1


def check_room(connection: Connection, link_id: str, uses: int, size: int) -> None:
    """That so many files of `size` bytes in all may come by this request, beside those that count. Raises
    ProblemError (link_full).

    With nothing more, that those that count do not go beyond: in the transaction that adds an upload, whose
    row counts at once (by trigger).
    """
    row = connection.execute(
        select(links.c.most_uses, links.c.uses, links.c.most_bytes, links.c.bytes).where(
            links.c.id == link_id
        )
    ).one()
    if row.most_uses is not None and row.uses + uses > row.most_uses:
        raise ProblemError("link_full", f"It was made for {row.most_uses} files.")
    if row.most_bytes is not None and row.bytes + size > row.most_bytes:
        raise ProblemError("link_full", f"It was made for {row.most_bytes} bytes.")
