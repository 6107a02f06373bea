"""Pairing: a one-time code for a device's token. Of both only the SHA-256 is kept."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.attempts import PerMinute, network_of
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.secrets import new_code, new_token, sha256_of, typed
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, devices, pairing_codes
from howdah_receiver.ids import new_id

CODE_SECONDS = 15 * 60
WRONG_CODES_PER_MINUTE = 10
WRONG_CODES_PER_MINUTE_IN_ALL = 100
"""At 60 random bits nobody guesses one; this keeps the log and the disk from being busy with it."""
_CODE_GROUPS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewDevice:
    id: str
    account_name: str
    token: str


@dataclass(frozen=True, slots=True)
class NewCode:
    code: str
    expires_ns: int | None


class Pairing:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._wrong = PerMinute(WRONG_CODES_PER_MINUTE, WRONG_CODES_PER_MINUTE_IN_ALL)
        self._lock = threading.Lock()

    def first_code(self, account_id: str) -> str | None:
        """A pairing code that is good until it is used; None once a device was ever paired.

        A new one at each start, in place of the last: only its hash is kept, so it cannot be shown again.
        """
        with self._catalogue.write() as connection:
            if connection.execute(select(devices.c.id).limit(1)).first():
                return None
            connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_ns.is_(None)))
            return _insert(connection, account_id, None).code

    def new_code(
        self, account_id: str, *, space_id: str | None = None, send_only: bool = False
    ) -> NewCode:
        """A code for that account, good once and for 15 minutes; what the device will be limited to."""
        expires_ns = time.time_ns() + CODE_SECONDS * 10**9
        with self._catalogue.write() as connection:
            return _insert(connection, account_id, expires_ns, space_id, send_only)

    def pair(self, code: str, device_name: str, address: str = "") -> NewDevice:
        """Trade a code for a device's token.

        Raises ProblemError: pairing_refused (wrong, used or expired: the answer is the same),
        too_many_attempts.
        """
        network = network_of(address)
        with self._lock:
            self._wrong.check(network, time.monotonic())
            with self._catalogue.write() as connection:
                device = _paired(connection, sha256_of(typed(code)), device_name, address)
                if device is None:
                    audit.note(connection, What.PAIRING_REFUSED)
            if device is None:
                self._wrong.add(network, time.monotonic())
                raise ProblemError("pairing_refused")
        _log.info("device %s of %s is paired, from %s", device.id, device.account_name, address)
        return device


def _insert(
    connection: Connection,
    account_id: str,
    expires_ns: int | None,
    space_id: str | None = None,
    send_only: bool = False,
) -> NewCode:
    code = new_code(_CODE_GROUPS)
    connection.execute(
        pairing_codes.insert().values(
            code_sha256=sha256_of(code),
            account_id=account_id,
            expires_ns=expires_ns,
            space_id=space_id,
            send_only=send_only,
        )
    )
    return NewCode(code, expires_ns)


def _paired(
    connection: Connection, code_sha256: bytes, device_name: str, address: str
) -> NewDevice | None:
    """A new device for that code, which is used up; None where there is no such code."""
    now_ns = time.time_ns()
    connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_ns <= now_ns))
    query = (
        select(pairing_codes, accounts.c.name.label("account_name"))
        .join(accounts, accounts.c.id == pairing_codes.c.account_id)
        .where(
            pairing_codes.c.code_sha256 == code_sha256,
            accounts.c.disabled.is_(False),
            or_(pairing_codes.c.expires_ns.is_(None), pairing_codes.c.expires_ns > now_ns),
        )
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    connection.execute(delete(pairing_codes).where(pairing_codes.c.code_sha256 == code_sha256))
    device = NewDevice(new_id(), row.account_name, new_token())
    connection.execute(
        devices.insert().values(
            id=device.id,
            account_id=row.account_id,
            name=names.device_name(device_name),
            token_sha256=sha256_of(device.token),
            created_ns=now_ns,
            address=address or None,
            space_id=row.space_id,
            send_only=row.send_only,
        )
    )
    audit.note(
        connection, What.PAIRED, account_id=row.account_id, device_id=device.id,
        send_only=row.send_only or None, space=row.space_id,
    )  # fmt: skip
    return device
