"""Rows of devices: paired ones, and logins."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, or_, select

from howdah_receiver.catalogue.tables import devices


@dataclass(frozen=True, slots=True)
class DeviceRow:
    id: str
    account_id: str
    kind: str
    name: str
    created_ns: int
    seen_ns: int | None
    address: str | None
    expires_ns: int | None
    revoked_ns: int | None
    space_id: str | None
    send_only: bool
    arrived_ns: int | None
    alarm_hours: int | None
    rotated_ns: int | None


COLUMNS = (
    devices.c.id,
    devices.c.account_id,
    devices.c.kind,
    devices.c.name,
    devices.c.created_ns,
    devices.c.seen_ns,
    devices.c.address,
    devices.c.expires_ns,
    devices.c.revoked_ns,
    devices.c.space_id,
    devices.c.send_only,
    devices.c.arrived_ns,
    devices.c.alarm_hours,
    devices.c.rotated_ns,
)


def live(now_ns: int) -> ColumnElement[bool]:
    """Neither revoked nor ended."""
    not_ended = or_(devices.c.expires_ns.is_(None), devices.c.expires_ns > now_ns)
    return devices.c.revoked_ns.is_(None) & not_ended


def by_id(connection: Connection, device_id: str, now_ns: int) -> DeviceRow | None:
    """The device, if it is live."""
    query = select(*COLUMNS).where(devices.c.id == device_id, live(now_ns))
    row = connection.execute(query).first()
    return None if row is None else DeviceRow(**row._mapping)


def of_account(connection: Connection, account_id: str | None, now_ns: int) -> list[DeviceRow]:
    """Those that are live, newest first; None: of all accounts."""
    query = select(*COLUMNS).where(live(now_ns)).order_by(devices.c.created_ns.desc())
    if account_id is not None:
        query = query.where(devices.c.account_id == account_id)
    return [DeviceRow(**row._mapping) for row in connection.execute(query)]


def login_of(connection: Connection, token_sha256: bytes, now_ns: int) -> DeviceRow | None:
    """The live login whose refresh token has that hash, or whose last one had."""
    same = or_(devices.c.token_sha256 == token_sha256, devices.c.previous_sha256 == token_sha256)
    query = select(*COLUMNS).where(same, devices.c.kind == "login", live(now_ns))
    row = connection.execute(query).first()
    return None if row is None else DeviceRow(**row._mapping)


def token_sha256(connection: Connection, device_id: str) -> bytes:
    """Of the newest refresh token."""
    query = select(devices.c.token_sha256).where(devices.c.id == device_id)
    return bytes(connection.execute(query).scalar_one())


def change(connection: Connection, device_id: str, **values: object) -> None:
    connection.execute(devices.update().where(devices.c.id == device_id).values(**values))


def revoke(connection: Connection, which: ColumnElement[bool], now_ns: int) -> int:
    """Those of `which` that are not revoked yet; how many."""
    statement = (
        devices.update()
        .where(which, devices.c.revoked_ns.is_(None))
        .values(revoked_ns=now_ns)
    )  # fmt: skip
    return connection.execute(statement).rowcount


def addresses(connection: Connection, account_id: str) -> set[str]:
    """Where devices of the account were last seen, revoked ones too."""
    query = select(devices.c.address).where(
        devices.c.account_id == account_id, devices.c.address.is_not(None)
    )
    return set(connection.execute(query).scalars())
