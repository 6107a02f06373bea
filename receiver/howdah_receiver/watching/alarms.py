"""Alarms: a device that nothing has come from for too long, a disk almost full, damage that was found.

Each is told once when it begins and once when it is over, also over restarts: what was told is in the
catalogue, in the transaction of the notice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import sqlite

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import What
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, devices, meta
from howdah_receiver.watching import notices

HOUR_NS = 3600 * 10**9
GRACE_SECONDS = 15 * 60
"""After a start: whoever could not send while the receiver was down comes back first."""
_DISK = "disk_alarm"
_log = logging.getLogger(__name__)


class Alarms:
    """Called by the sweeper's thread alone."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        free_bytes: Callable[[], int],
        alarm_free_bytes: int,
        now_ns: Callable[[], int] = time.time_ns,
        uptime: Callable[[], float] | None = None,
    ) -> None:
        began = time.monotonic()
        self._catalogue = catalogue
        self._free_bytes = free_bytes
        self._alarm_free_bytes = alarm_free_bytes
        self._now_ns = now_ns
        self._uptime = uptime or (lambda: time.monotonic() - began)

    def run(self, stopping: threading.Event) -> None:
        """Look at every device that is watched, and at the disk."""
        self._look_at_disk()
        with self._catalogue.read() as connection:
            watched = connection.execute(
                select(devices, accounts.c.name.label("account_name"))
                .join(accounts, accounts.c.id == devices.c.account_id)
                .where(
                    devices.c.alarm_hours.is_not(None),
                    devices.c.revoked_ns.is_(None),
                    accounts.c.disabled.is_(False),
                )
            ).all()
        for device in watched:
            if stopping.is_set():
                return
            self._look_at(device)

    # -- devices

    def _look_at(self, device: Row[Any]) -> None:
        if device.alarmed_ns is None:
            since = device.arrived_ns or device.created_ns
            silent = self._now_ns() - since >= device.alarm_hours * HOUR_NS
            if silent and self._uptime() >= GRACE_SECONDS:
                self._tell_silent(device)
        elif (device.arrived_ns or 0) > device.alarmed_ns:
            self._tell_back(device)

    def _tell_silent(self, device: Row[Any]) -> None:
        hours = device.alarm_hours
        text = (
            f"Nothing arrived from {device.name} ({device.account_name}) for"
            f" {hours} {'hour' if hours == 1 else 'hours'}; {_last(device.arrived_ns)}."
        )
        with self._catalogue.write() as connection:
            now = device_row(connection, device.id)
            if now.arrived_ns != device.arrived_ns:
                return  # something has just come
            self._mark(connection, device.id, self._now_ns())
            self._put(connection, "device_silent", text, device)
        _log.warning("alarm: %s", text)

    def _tell_back(self, device: Row[Any]) -> None:
        text = f"Something arrived from {device.name} ({device.account_name}) again."
        with self._catalogue.write() as connection:
            self._mark(connection, device.id, None)
            self._put(connection, "device_back", text, device)
        _log.info("alarm over: %s", text)

    def _mark(self, connection: Connection, device_id: str, alarmed_ns: int | None) -> None:
        connection.execute(
            devices.update().where(devices.c.id == device_id).values(alarmed_ns=alarmed_ns)
        )

    def _put(self, connection: Connection, kind: str, text: str, device: Row[Any]) -> None:
        notices.put(
            connection, kind, text, device=device.name, account=device.account_name,
            hours=device.alarm_hours, last_arrived=_iso(device.arrived_ns),
        )  # fmt: skip

    # -- the disk

    def _look_at_disk(self) -> None:
        """Over once a tenth more is free: what goes to and fro about the line is one alarm."""
        try:
            free = self._free_bytes()
        except OSError as error:
            raise ProblemError("storage_failed", f"{error.strerror}.") from error
        with self._catalogue.read() as connection:
            told = _is_told(connection)
        line = self._alarm_free_bytes
        if not told and free < line:
            self._tell_disk("disk_almost_full", f"The disk has only {_size(free)} left.", free)
        elif told and free >= line + line // 10:
            self._tell_disk("disk_has_room", f"The disk has {_size(free)} again.", free)

    def _tell_disk(self, kind: str, text: str, free: int) -> None:
        row = {"name": _DISK, "value": kind}
        with self._catalogue.write() as connection:
            connection.execute(
                sqlite.insert(meta).values(row).on_conflict_do_update(
                    index_elements=(meta.c.name,), set_=row
                )
            )  # fmt: skip
            notices.put(connection, kind, text, free_bytes=free)
        _log.warning("alarm: %s", text)


def tell_damage(connection: Connection, path: str, space_name: str, version_id: str) -> None:
    """A file was read again and found to differ from its digests: in the transaction that marks it."""
    text = f"{path!r} in {space_name} no longer matches its digest: restore it from a backup."
    audit.note(connection, What.DAMAGE_FOUND, path=path, space=space_name, version=version_id)
    notices.put(connection, "damage_found", text, path=path, space=space_name, version=version_id)


def device_row(connection: Connection, device_id: str) -> Row[Any]:
    return connection.execute(select(devices).where(devices.c.id == device_id)).one()


def _is_told(connection: Connection) -> bool:
    value = connection.execute(select(meta.c.value).where(meta.c.name == _DISK)).scalar()
    return value == "disk_almost_full"


def _iso(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // 10**9, UTC).isoformat().replace("+00:00", "Z")


def _last(arrived_ns: int | None) -> str:
    return f"the last file came {_iso(arrived_ns)}" if arrived_ns else "no file ever came"


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count // 10**6} MB"
