"""Devices: listed, named, revoked; after how long a silence somebody is told."""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.callers import Callers
from howdah_receiver.catalogue import devices as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.devices import DeviceRow
from howdah_receiver.catalogue.tables import devices

_log = logging.getLogger(__name__)


class Devices:
    """Thread-safe. `account_id`: whose device it must be; None: anybody's, for admins and the command."""

    def __init__(self, catalogue: Catalogue, callers: Callers) -> None:
        self._catalogue = catalogue
        self._callers = callers

    def list(self, account_id: str | None) -> list[DeviceRow]:
        """Those that are not revoked, newest first."""
        self._callers.write_seen()
        with self._catalogue.read() as connection:
            return rows.of_account(connection, account_id, time.time_ns())

    def change(self, account_id: str | None, device_id: str, **values: Any) -> DeviceRow:
        """`values`: name, alarm_hours. Raises ProblemError (not_found)."""
        if "name" in values:
            values["name"] = names.device_name(values["name"])
        if "alarm_hours" in values:
            values["alarmed_ns"] = None  # the silence counts anew
        with self._catalogue.write() as connection:
            _own(connection, account_id, device_id)
            if values:
                rows.change(connection, device_id, **values)
                audit.note(connection, What.DEVICE_CHANGED, device=device_id, **values)
            found = _own(connection, account_id, device_id)
        self._callers.forget()
        return found

    def revoke(self, account_id: str | None, device_id: str) -> None:
        """Its token is good for nothing from now on. Raises ProblemError (not_found)."""
        with self._catalogue.write() as connection:
            device = _own(connection, account_id, device_id)
            rows.revoke(connection, devices.c.id == device_id, time.time_ns())
            audit.note(connection, What.DEVICE_REVOKED, device=device_id, name=device.name)
        self._callers.forget()
        _log.info("device %s is revoked: %s", device_id, device.name)


def _own(connection: Connection, account_id: str | None, device_id: str) -> DeviceRow:
    row = rows.by_id(connection, device_id, time.time_ns())
    if row is None or account_id not in (None, row.account_id):
        raise ProblemError("not_found", "There is no such device.")
    return row
