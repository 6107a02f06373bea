"""`howdah-receiver account`: make, list and change accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.accounts.people import NewAccount
from howdah_receiver.admin import finding
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue.accounts import AccountRow, Used
from howdah_receiver.control import Line

_Arguments = Mapping[str, Any]


def add(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`name`, `email`, `password`, `role`: the last three may be null."""
    row = receiver.accounts.people.create(
        NewAccount(
            name=arguments["name"],
            email=arguments.get("email"),
            password=arguments.get("password"),
            role=arguments.get("role") or "member",
        )
    )
    yield _line(row, Used(0, 0))


def list_all(receiver: Receiver, _arguments: _Arguments) -> Iterator[Line]:
    for row, used in receiver.accounts.people.list():
        yield _line(row, used)


def password(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    row = finding.account(receiver, arguments["account"])
    receiver.accounts.logins.set_password(row, arguments["password"])
    yield from _shown(receiver, row)


def change(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`disabled`, `role`, `quota_bytes`, `quota_files`: what is not there stays."""
    row = finding.account(receiver, arguments["account"])
    values = finding.chosen(arguments, "disabled", "role", "quota_bytes", "quota_files")
    receiver.accounts.people.change(row.id, **values)
    yield from _shown(receiver, row)


def _shown(receiver: Receiver, row: AccountRow) -> Iterator[Line]:
    yield _line(*receiver.accounts.people.find(row.id))


def _line(row: AccountRow, used: Used) -> Line:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "disabled": row.disabled,
        "password": row.password_hash is not None,
        "used_bytes": used.bytes,
        "used_files": used.files,
        "quota_bytes": row.quota_bytes,
        "quota_files": row.quota_files,
    }


COMMANDS = {
    "account.add": add,
    "account.list": list_all,
    "account.password": password,
    "account.change": change,
}
