"""Rows of spaces and their members: which space a caller means, and what it may do there."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import ROLES, Caller, Right
from howdah_receiver.catalogue import folders
from howdah_receiver.catalogue.tables import memberships, spaces


@dataclass(frozen=True, slots=True)
class Space:
    """Where a tree is. The same space, whatever it is called now."""

    id: str
    name: str = field(compare=False)
    folder: str = field(compare=False)
    """The folder below files/ that holds the tree."""
    case_fold: bool = field(default=False, compare=False)


def _space(row: object) -> Space:
    values = row._mapping  # type: ignore[attr-defined]
    return Space(values["id"], values["name"], values["folder"], values["case_fold"])


def by_id(connection: Connection, space_id: str) -> Space:
    return _space(connection.execute(select(spaces).where(spaces.c.id == space_id)).one())


def find(connection: Connection, space_id: str) -> Space | None:
    row = connection.execute(select(spaces).where(spaces.c.id == space_id)).first()
    return None if row is None else _space(row)


def all_of_them(connection: Connection) -> list[Space]:
    return [_space(row) for row in connection.execute(select(spaces).order_by(spaces.c.id))]


def rights(connection: Connection, caller: Caller, space_id: str) -> Right:
    """What the caller may do in a space; nothing where it is no member, or there is none."""
    role = connection.execute(
        select(memberships.c.role).where(
            memberships.c.space_id == space_id, memberships.c.account_id == caller.account_id
        )
    ).scalar()
    return caller.rights(space_id, role)


def space_for(connection: Connection, caller: Caller, wanted: str | None, need: Right) -> Space:
    """The space of that id, or, without one, the device's own or the account's home.

    Raises ProblemError: not_found where the caller has no business in it, not_allowed where it is a
    member and may not do that.
    """
    query = select(spaces)
    wanted = wanted or caller.space_id
    if wanted is not None:
        query = query.where(spaces.c.id == wanted)
    else:
        query = query.where(spaces.c.account_id == caller.account_id, spaces.c.kind == "home")
    row = connection.execute(query).first()
    found = Right.NONE if row is None else rights(connection, caller, row.id)
    if not found:
        raise ProblemError("not_found", "There is no such space.")
    if need not in found:
        raise ProblemError("not_allowed")
    return _space(row)


def allowed(connection: Connection, caller: Caller, need: Right) -> list[str]:
    """Ids of the spaces in which the caller may do that."""
    query = select(memberships.c.space_id, memberships.c.role).where(
        memberships.c.account_id == caller.account_id
    )
    return [
        row.space_id
        for row in connection.execute(query)
        if need in caller.rights(row.space_id, row.role)
    ]


def insert(
    connection: Connection,
    *,
    space_id: str,
    name: str,
    kind: str,
    account_id: str,
    folder: str,
    created_ns: int,
    case_fold: bool = False,
) -> None:
    """A space with its root folder and its first member, the owner."""
    connection.execute(
        spaces.insert().values(
            id=space_id,
            name=name,
            kind=kind,
            account_id=account_id,
            folder=folder,
            created_ns=created_ns,
            case_fold=case_fold,
        )
    )
    folders.insert_root(connection, space_id, created_ns)
    set_role(connection, space_id, account_id, "owner")


def set_role(connection: Connection, space_id: str, account_id: str, role: str | None) -> None:
    """Make the account a member with that role; None: no member any more."""
    here = (memberships.c.space_id == space_id, memberships.c.account_id == account_id)
    connection.execute(memberships.delete().where(*here))
    if role is not None:
        if role not in ROLES:
            raise ValueError(f"there is no role {role!r}")
        connection.execute(
            memberships.insert().values(space_id=space_id, account_id=account_id, role=role)
        )


def used_files(connection: Connection, space_id: str) -> int:
    """How many files the space holds, those in the trash too."""
    query = select(spaces.c.used_files).where(spaces.c.id == space_id)
    return int(connection.execute(query).scalar_one())
