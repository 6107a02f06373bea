"""Rows of accounts."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, or_, select

from howdah_receiver.catalogue.tables import accounts, spaces


@dataclass(frozen=True, slots=True)
class AccountRow:
    id: str
    name: str
    email: str | None
    password_hash: str | None = field(repr=False)
    role: str
    created_ns: int
    disabled: bool
    quota_bytes: int | None
    quota_files: int | None


@dataclass(frozen=True, slots=True)
class Used:
    """Over all spaces that count for an account."""

    bytes: int
    files: int


COLUMNS = (
    accounts.c.id,
    accounts.c.name,
    accounts.c.email,
    accounts.c.password_hash,
    accounts.c.role,
    accounts.c.created_ns,
    accounts.c.disabled,
    accounts.c.quota_bytes,
    accounts.c.quota_files,
)


def by_id(connection: Connection, account_id: str) -> AccountRow | None:
    row = connection.execute(select(*COLUMNS).where(accounts.c.id == account_id)).first()
    return None if row is None else AccountRow(*row)


def by_name(connection: Connection, name: str) -> AccountRow | None:
    """Letters of the English alphabet count the same in either case."""
    query = select(*COLUMNS).where(func.lower(accounts.c.name) == func.lower(name))
    row = connection.execute(query).first()
    return None if row is None else AccountRow(*row)


def by_login(connection: Connection, login: str) -> AccountRow | None:
    """The account of that address or name. No name holds an @, so it is never one account's name and
    another's address."""
    login = login.strip()
    if "@" not in login:
        return by_name(connection, login)
    row = connection.execute(select(*COLUMNS).where(accounts.c.email == login.lower())).first()
    return None if row is None else AccountRow(*row)


def by_word(connection: Connection, word: str) -> AccountRow | None:
    """The account of that id, name or address."""
    return by_id(connection, word) or by_login(connection, word)


def all_of_them(connection: Connection) -> list[AccountRow]:
    """By name."""
    return [AccountRow(*row) for row in connection.execute(select(*COLUMNS).order_by("name"))]


def is_taken(
    connection: Connection, *, email: str | None = None, name: str | None = None, but: str = ""
) -> bool:
    """Whether an account other than `but` has the address, or the name."""
    same = []
    if email is not None:
        same.append(accounts.c.email == email)
    if name is not None:
        same.append(func.lower(accounts.c.name) == func.lower(name))
    query = select(accounts.c.id).where(or_(*same), accounts.c.id != but)
    return connection.execute(query).first() is not None


def insert(connection: Connection, row: AccountRow) -> None:
    values = {column.name: getattr(row, column.name) for column in COLUMNS}
    connection.execute(accounts.insert().values(**values))


def change(connection: Connection, account_id: str, **values: object) -> None:
    connection.execute(accounts.update().where(accounts.c.id == account_id).values(**values))


def another_admin(connection: Connection, account_id: str) -> bool:
    """Whether somebody else is an admin who may sign in."""
    query = select(accounts.c.id).where(
        accounts.c.role == "admin", accounts.c.disabled.is_(False), accounts.c.id != account_id
    )
    return connection.execute(query).first() is not None


def used(connection: Connection) -> dict[str, Used]:
    """By account; one that has no space is not in it."""
    query = select(
        spaces.c.account_id, func.sum(spaces.c.used_bytes), func.sum(spaces.c.used_files)
    ).group_by(spaces.c.account_id)
    return {
        account_id: Used(int(size), int(files))
        for account_id, size, files in connection.execute(query)
    }
