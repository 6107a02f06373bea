"""Whose token a request shows: that of a paired device, or the access token of a login."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable

from sqlalchemy import ColumnElement, and_, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.secrets import sha256_of
from howdah_receiver.accounts.tokens import Tokens
from howdah_receiver.catalogue import devices as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, devices

KNOWN_SECONDS = 1
"""So long a token that was looked up counts without being looked up again: a revocation in another process
holds within that time, one in this process at once."""
_MOST_KNOWN = 10_000


class Callers:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue, tokens: Tokens) -> None:
        self._catalogue = catalogue
        self._tokens = tokens
        # When they were looked up, and who it was: many requests, one query.
        self._known: dict[Hashable, tuple[float, Caller]] = {}
        # Counts what was forgotten: what was read before that is not remembered after it.
        self._forgotten = 0
        self._seen: dict[str, tuple[int, str | None]] = {}
        self._seen_lock = threading.Lock()

    def of(self, token: str, address: str | None = None) -> Caller:
        """Raises ProblemError (not_signed_in)."""
        # An access token has two dots, a device's token none.
        if token.count(".") == 2:
            claims = self._tokens.read(token)
            login = and_(
                devices.c.id == claims.device_id,
                devices.c.account_id == claims.account_id,
                devices.c.kind == "login",
            )
            return self._find((claims.account_id, claims.device_id), login, address)
        token_sha256 = sha256_of(token)
        paired = and_(devices.c.token_sha256 == token_sha256, devices.c.kind == "paired")
        return self._find(token_sha256, paired, address)

    def forget(self) -> None:
        """A device or an account has changed: every token is looked up again."""
        self._forgotten += 1
        self._known.clear()

    def _find(self, key: Hashable, which: ColumnElement[bool], address: str | None) -> Caller:
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < KNOWN_SECONDS:
            return known[1]
        forgotten = self._forgotten
        found = self._look_up(which)
        if found is None:
            self._known.pop(key, None)
            raise ProblemError("not_signed_in")
        with self._seen_lock:
            self._seen[found.device_id] = (time.time_ns(), address)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = (now, found)
        if forgotten != self._forgotten:
            self._known.pop(key, None)
        return found

    def _look_up(self, which: ColumnElement[bool]) -> Caller | None:
        query = (
            select(devices, accounts.c.name.label("account_name"), accounts.c.role)
            .join(accounts, accounts.c.id == devices.c.account_id)
            .where(which, rows.live(time.time_ns()), accounts.c.disabled.is_(False))
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

    def write_seen(self) -> None:
        """Keep when and where devices were seen: gathered, as it is not worth a commit with each request."""
        with self._seen_lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return
        with self._catalogue.write() as connection:
            for device_id, (seen_ns, address) in seen.items():
                values = {"seen_ns": seen_ns} | ({"address": address} if address else {})
                rows.change(connection, device_id, **values)
