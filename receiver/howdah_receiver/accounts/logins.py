"""Logins: a password for a pair of tokens, one short-lived, one good for another pair.

A login is a row among the devices. Its refresh token changes with each use, so that of two who hold the
same one is found out. Synchronous; who may try at all is decided before (see `attempts`).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.attempts import network_of
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.callers import Callers
from howdah_receiver.accounts.hashing import Hasher
from howdah_receiver.accounts.passwords import checked_password
from howdah_receiver.accounts.secrets import new_token, sha256_of
from howdah_receiver.accounts.tokens import Tokens
from howdah_receiver.catalogue import accounts as account_rows
from howdah_receiver.catalogue import devices as rows
from howdah_receiver.catalogue.accounts import AccountRow
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.devices import DeviceRow
from howdah_receiver.catalogue.tables import devices
from howdah_receiver.ids import new_id

AGAIN_SECONDS = 60
"""So long after a refresh may its token be shown once more: the answer may have been lost."""
MOST_LOGINS = 100
"""Of one account: one more ends the one that was not used for longest."""
_KEPT_SECONDS = 90 * 24 * 3600
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """What a client gets that has signed in."""

    device_id: str
    account_name: str
    access_token: str = field(repr=False)
    expires_ns: int
    """Of the access token."""
    refresh_token: str = field(repr=False)


class Logins:
    """Thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        hasher: Hasher,
        tokens: Tokens,
        callers: Callers,
        idle_seconds: float,
    ) -> None:
        """`idle_seconds`: so long is a login good without being used."""
        self._catalogue = catalogue
        self._hasher = hasher
        self._tokens = tokens
        self._callers = callers
        self._idle_ns = int(idle_seconds * 10**9)

    def login(self, login: str, password: str, device_name: str, address: str = "") -> Login:
        """Sign in; `login` is the account's address or name.

        Raises ProblemError (login_refused), which never tells which part was wrong.
        """
        with self._catalogue.read() as connection:
            account = account_rows.by_login(connection, login)
        usable = account is not None and not account.disabled
        known = account.password_hash if account is not None and usable else None
        if not self._hasher.matches(known, password) or account is None or known is None:
            # What was typed as a name stays out: it may be the password.
            with self._catalogue.write() as connection:
                audit.note(
                    connection, What.SIGN_IN_REFUSED, account_id=account.id if account else None
                )
            raise ProblemError("login_refused")
        if self._hasher.is_outdated(known):
            self._rehash(account, password)
        with self._catalogue.write() as connection:
            now = account_rows.by_id(connection, account.id)
            if now is None or now.disabled:  # meanwhile
                raise ProblemError("login_refused")
            found = self.begin(connection, account, device_name, address)
        _log.info("%s signed in, from %s: login %s", account.name, address, found.device_id)
        return found

    def knows(self, login: str, address: str) -> bool:
        """Whether a device of that account was last seen at that address, or close by."""
        with self._catalogue.read() as connection:
            account = account_rows.by_login(connection, login)
            known = rows.addresses(connection, account.id) if account else set()
        return network_of(address) in map(network_of, known)

    def _rehash(self, account: AccountRow, password: str) -> None:
        new = self._hasher.hash(password)
        with self._catalogue.write() as connection:
            now = account_rows.by_id(connection, account.id)
            if now is not None and now.password_hash == account.password_hash:
                account_rows.change(connection, account.id, password_hash=new)

    def begin(
        self, connection: Connection, account: AccountRow, device_name: str, address: str
    ) -> Login:
        """A new login of that account, whose user has shown who they are."""
        now_ns = time.time_ns()
        login = self._tokens_for(account, new_id())
        connection.execute(
            devices.insert().values(
                id=login.device_id,
                account_id=account.id,
                kind="login",
                name=names.device_name(device_name),
                token_sha256=sha256_of(login.refresh_token),
                created_ns=now_ns,
                seen_ns=now_ns,
                address=address or None,
                expires_ns=now_ns + self._idle_ns,
            )
        )
        _end_the_oldest(connection, account.id, now_ns)
        audit.note(connection, What.SIGNED_IN, account_id=account.id, device_id=login.device_id)
        return login

    def refresh(self, refresh_token: str, address: str = "") -> Login:
        """The next pair of tokens. Raises ProblemError (login_ended).

        The token before is taken once more for a minute, as its answer may have been lost; the one that it
        brought then counts as the one before. Otherwise, whoever shows one that was replaced ends the
        login: two hold it, and one of them has stolen it.
        """
        shown = sha256_of(refresh_token)
        now_ns = time.time_ns()
        with self._catalogue.write() as connection:
            device = rows.login_of(connection, shown, now_ns)
            newest = device and rows.token_sha256(connection, device.id)
            if device is not None and (shown == newest or _may_come_again(device, now_ns)):
                account = account_rows.by_id(connection, device.account_id)
                if account is not None and not account.disabled:
                    login = self._tokens_for(account, device.id)
                    rows.change(
                        connection,
                        device.id,
                        token_sha256=sha256_of(login.refresh_token),
                        previous_sha256=newest,
                        rotated_ns=now_ns if shown == newest else None,
                        expires_ns=now_ns + self._idle_ns,
                        seen_ns=now_ns,
                        address=address or device.address,
                    )
                    return login
            elif device is not None:
                rows.change(connection, device.id, revoked_ns=now_ns)
                audit.note(
                    connection, What.TOKEN_STOLEN, account_id=device.account_id, device_id=device.id
                )  # fmt: skip
                _log.warning("login %s is ended: its refresh token was used twice", device.id)
        self._callers.forget()
        raise ProblemError("login_ended")

    def _tokens_for(self, account: AccountRow, device_id: str) -> Login:
        access_token, expires_ns = self._tokens.make(account.id, device_id)
        return Login(device_id, account.name, access_token, expires_ns, new_token())

    def change_password(
        self, caller: Caller, *, old: str | None, new: str, devices_too: bool = False
    ) -> None:
        """All other logins of the account end, and its other paired devices where that is asked for.

        Raises ProblemError: password_refused, password_weak.
        """
        with self._catalogue.read() as connection:
            account = account_rows.by_id(connection, caller.account_id)
        if account is None:
            raise ProblemError("not_signed_in")
        known = account.password_hash
        if known is not None and not self._hasher.matches(known, old or ""):
            raise ProblemError("password_refused")
        checked = checked_password(new, own_words=(account.email, account.name))
        self._set(account, self._hasher.hash(checked), keep=caller.device_id, paired=devices_too)

    def set_password(self, account: AccountRow, new: str) -> None:
        """Without the old one: every login of the account ends. Raises ProblemError (password_weak)."""
        checked = checked_password(new, own_words=(account.email, account.name))
        self._set(account, self._hasher.hash(checked), keep="", paired=False)

    def _set(self, account: AccountRow, password_hash: str, *, keep: str, paired: bool) -> None:
        others = (devices.c.account_id == account.id) & (devices.c.id != keep)
        if not paired:
            others &= devices.c.kind == "login"
        with self._catalogue.write() as connection:
            now = account_rows.by_id(connection, account.id)
            if now is None or now.password_hash != account.password_hash:
                raise ProblemError("password_refused", "It was changed just now.")
            account_rows.change(connection, account.id, password_hash=password_hash)
            rows.revoke(connection, others, time.time_ns())
            audit.note(connection, What.PASSWORD_CHANGED, account=account.name)
        self._callers.forget()
        _log.info("%s has a new password", account.name)

    def sweep(self) -> None:
        """Remove the rows of logins that ended long ago."""
        before = time.time_ns() - _KEPT_SECONDS * 10**9
        over = (devices.c.expires_ns < before) | (devices.c.revoked_ns < before)
        with self._catalogue.write() as connection:
            connection.execute(devices.delete().where(devices.c.kind == "login", over))


def _may_come_again(device: DeviceRow, now_ns: int) -> bool:
    return device.rotated_ns is not None and now_ns - device.rotated_ns < AGAIN_SECONDS * 10**9


def _end_the_oldest(connection: Connection, account_id: str, now_ns: int) -> None:
    oldest = (
        select(devices.c.id)
        .where(devices.c.account_id == account_id, devices.c.kind == "login", rows.live(now_ns))
        .order_by(devices.c.seen_ns.desc())
        .offset(MOST_LOGINS)
    )
    rows.revoke(connection, devices.c.id.in_(oldest), now_ns)
