"""The owner's account, pairing codes and device tokens. Of secrets only SHA-256 is stored.

Codes and tokens are random, so a plain hash is enough: there is nothing to guess from a dictionary.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, devices, pairing_codes
from howdah_receiver.ids import new_id

OWNER = "owner"
CODE_SECONDS = 15 * 60
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 of them, five bits each; none that is taken for another."""
WRONG_CODES_PER_MINUTE = 10
_log = logging.getLogger(__name__)

KNOWN_SECONDS = 1
"""So long a token that was looked up counts without being looked up again: a revocation in another process
holds within that time, one in this process at once."""


@dataclass(frozen=True, slots=True)
class NewDevice:
    id: str
    account_name: str
    token: str


class Accounts:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._wrong_codes: deque[float] = deque()
        self._pairing = threading.Lock()
        # Callers by the hash of their token, and when they were looked up: many requests, one query.
        self._callers: dict[bytes, tuple[float, Caller]] = {}

    def create_owner(self) -> None:
        """On a first start: the account `owner` with its home space."""
        with self._catalogue.write() as connection:
            if connection.execute(select(func.count()).select_from(accounts)).scalar_one():
                return
            account_id = new_id()
            connection.execute(
                accounts.insert().values(
                    id=account_id, name=OWNER, role="admin", created_ns=time.time_ns()
                )
            )
            spaces.insert(
                connection,
                space_id=new_id(),
                name=OWNER,
                kind="home",
                account_id=account_id,
                folder=OWNER,
                created_ns=time.time_ns(),
            )

    def first_code(self) -> str | None:
        """A pairing code that is good until it is used; None once a device was ever paired.

        A new one at each start, in place of the last: only its hash is kept, so it cannot be shown again.
        """
        with self._catalogue.write() as connection:
            if connection.execute(select(devices.c.id).limit(1)).first():
                return None
            connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_ns.is_(None)))
        return self._new_code(expires_ns=None)

    def new_code(self) -> str:
        """A pairing code for the owner's account, good once and for 15 minutes."""
        return self._new_code(expires_ns=time.time_ns() + CODE_SECONDS * 10**9)

    def _new_code(self, *, expires_ns: int | None) -> str:
        letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(12))
        code = "-".join(letters[at : at + 4] for at in range(0, 12, 4))
        with self._catalogue.write() as connection:
            owner = connection.execute(select(accounts.c.id).where(accounts.c.name == OWNER))
            connection.execute(
                pairing_codes.insert().values(
                    code_sha256=_hash(code), account_id=owner.scalar_one(), expires_ns=expires_ns
                )
            )
        return code

    def pair(self, code: str, device_name: str) -> NewDevice:
        """Trade a code for a device's token.

        Raises ProblemError: pairing_refused (wrong, used or expired: the answer is the same),
        too_many_attempts.
        """
        with self._pairing:
            self._check_attempts()
            account_id = self._use_code(code.strip().upper())
            if account_id is None:
                self._wrong_codes.append(time.monotonic())
                raise ProblemError("pairing_refused")
            return self._add_device(account_id, device_name)

    def _check_attempts(self) -> None:
        now = time.monotonic()
        while self._wrong_codes and now - self._wrong_codes[0] > 60:
            self._wrong_codes.popleft()
        if len(self._wrong_codes) >= WRONG_CODES_PER_MINUTE:
            raise ProblemError("too_many_attempts", extra={"retry_after_seconds": 60})

    def _use_code(self, code: str) -> str | None:
        now = time.time_ns()
        with self._catalogue.write() as connection:
            connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_ns <= now))
            good = or_(pairing_codes.c.expires_ns.is_(None), pairing_codes.c.expires_ns > now)
            row = connection.execute(
                select(pairing_codes.c.account_id).where(
                    pairing_codes.c.code_sha256 == _hash(code), good
                )
            ).first()
            connection.execute(
                delete(pairing_codes).where(pairing_codes.c.code_sha256 == _hash(code))
            )
            if row is None:
                audit.note(connection, What.PAIRING_REFUSED)
        return None if row is None else str(row.account_id)

    def _add_device(self, account_id: str, name: str) -> NewDevice:
        token = secrets.token_urlsafe(32)
        device_id = new_id()
        with self._catalogue.write() as connection:
            account_name = connection.execute(
                select(accounts.c.name).where(accounts.c.id == account_id)
            ).scalar_one()
            connection.execute(
                devices.insert().values(
                    id=device_id,
                    account_id=account_id,
                    name=name[:200] or "unnamed",
                    token_sha256=_hash(token),
                    created_ns=time.time_ns(),
                )
            )
            audit.note(connection, What.PAIRED, account_id=account_id, device_id=device_id)
        _log.info("paired %r with the account %r", name, account_name)
        return NewDevice(device_id, account_name, token)

    def caller(self, token: str) -> Caller:
        """Whose token this is. Raises ProblemError (not_signed_in)."""
        key = _hash(token)
        now = time.monotonic()
        known = self._callers.get(key)
        if known is not None and now - known[0] < KNOWN_SECONDS:
            return known[1]
        found = self._look_up(key)
        if found is None:
            self._callers.pop(key, None)
            raise ProblemError("not_signed_in")
        self._callers[key] = (now, found)
        return found

    def forget(self) -> None:
        """A device or an account has changed: every token is looked up again."""
        self._callers.clear()

    def _look_up(self, token_sha256: bytes) -> Caller | None:
        now_ns = time.time_ns()
        query = (
            select(devices, accounts.c.name.label("account_name"), accounts.c.role)
            .join(accounts, accounts.c.id == devices.c.account_id)
            .where(
                devices.c.token_sha256 == token_sha256,
                devices.c.kind == "paired",
                devices.c.revoked_ns.is_(None),
                accounts.c.disabled.is_(False),
                or_(devices.c.expires_ns.is_(None), devices.c.expires_ns > now_ns),
            )
        )
        with self._catalogue.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Caller(
            account_id=row.account_id,
            account_name=row.account_name,
            admin=row.role == "admin",
            device_id=row.id,
            device_name=row.name,
            space_id=row.space_id,
            send_only=row.send_only,
        )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
