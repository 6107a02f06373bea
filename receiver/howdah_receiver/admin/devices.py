"""`howdah-receiver device`: list, name and revoke devices; when somebody is told of their silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.admin import finding
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue.devices import DeviceRow
from howdah_receiver.control import Line

_Arguments = Mapping[str, Any]


def list_all(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`account`: its devices alone; null: all."""
    word = arguments.get("account")
    account_id = finding.account(receiver, word).id if word else None
    names = {row.id: row.name for row, _ in receiver.accounts.people.list()}
    for row in receiver.accounts.devices.list(account_id):
        yield _line(row, names[row.account_id])


def change(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    """`name`, `alarm_hours` (null: never): what is not there stays."""
    values = finding.chosen(arguments, "name", "alarm_hours")
    row = receiver.accounts.devices.change(None, arguments["device"], **values)
    account, _ = receiver.accounts.people.find(row.account_id)
    yield _line(row, account.name)


def revoke(receiver: Receiver, arguments: _Arguments) -> Iterator[Line]:
    receiver.accounts.devices.revoke(None, arguments["device"])
    yield {"id": arguments["device"]}


def _line(row: DeviceRow, account: str) -> Line:
    return {
        "id": row.id,
        "name": row.name,
        "account": account,
        "kind": row.kind,
        "space": row.space_id,
        "send_only": row.send_only,
        "seen_ns": row.seen_ns,
        "address": row.address,
        "arrived_ns": row.arrived_ns,
        "alarm_hours": row.alarm_hours,
    }


COMMANDS = {"device.list": list_all, "device.change": change, "device.revoke": revoke}
