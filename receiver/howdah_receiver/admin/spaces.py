"""`howdah-receiver space`: make, list and change spaces, and say who is a member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.admin import finding
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import members
from howdah_receiver.catalogue.members import SpaceRow
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused

_Arguments = Mapping[str, Any]


def add(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`name`, `owner` (an account; null: the receiver's owner), `case_fold`."""
    owner = arguments.get("owner")
    account = finding.account(receiver, owner) if owner else receiver.accounts.people.owner()
    space_id = receiver.accounts.spaces.create_for(
        account.id, arguments["name"], case_fold=arguments["case_fold"]
    )
    yield from _shown(receiver, space_id)


def list_all(receiver: Receiver, _arguments: _Arguments) -> Iterator[Line]:
    with receiver.catalogue.read() as connection:
        found = members.all_of_them(connection)
    for row in found:
        yield _line(row)


def list_members(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    space = finding.space(receiver, arguments["space"])
    with receiver.catalogue.read() as connection:
        found = members.members(connection, space.id)
    for one in found:
        yield {"account": one.account_id, "name": one.name, "role": one.role}


def role(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`space`, `account`, `role` (null: no member any more)."""
    space = finding.space(receiver, arguments["space"])
    account = finding.account(receiver, arguments["account"])
    with receiver.catalogue.write() as connection:
        receiver.accounts.spaces.set_role(connection, space.id, account, arguments["role"])
    yield {"account": account.id, "name": account.name, "role": arguments["role"]}


def change(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`quota_bytes`, `quota_files`, `case_fold`: what is not there stays."""
    space = finding.space(receiver, arguments["space"])
    values = finding.chosen(arguments, "quota_bytes", "quota_files", "case_fold")
    with receiver.catalogue.write() as connection:
        if values.get("case_fold"):
            clashing = members.clashes(connection, space.id)
            if clashing:
                shown = ", ".join(repr(path) for path in clashing)
                raise StartRefused(
                    f"Names in this space differ by case or Unicode form alone: {shown}.",
                    "Rename one of each first.",
                )
        if values:
            members.change(connection, space.id, **values)
    yield from _shown(receiver, space.id)


def _shown(receiver: Receiver, space_id: str) -> Iterator[Line]:
    with receiver.catalogue.read() as connection:
        row = members.by_id(connection, space_id)
    assert row is not None
    yield _line(row)


def _line(row: SpaceRow) -> Line:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "folder": row.folder,
        "case_fold": row.case_fold,
        "used_bytes": row.used_bytes,
        "used_files": row.used_files,
        "quota_bytes": row.quota_bytes,
        "quota_files": row.quota_files,
    }


COMMANDS = {
    "space.add": add,
    "space.list": list_all,
    "space.members": list_members,
    "space.role": role,
    "space.change": change,
}
