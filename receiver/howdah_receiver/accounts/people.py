"""Accounts: made, looked at, changed, disabled. Each has a home space from its first moment on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.callers import Callers
from howdah_receiver.accounts.hashing import Hasher
from howdah_receiver.accounts.invitations import Invitations
from howdah_receiver.accounts.logins import Login, Logins
from howdah_receiver.accounts.passwords import checked_password
from howdah_receiver.catalogue import accounts as rows
from howdah_receiver.catalogue import spaces as space_rows
from howdah_receiver.catalogue.accounts import AccountRow, Used
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.ids import new_id

OWNER = "owner"
FolderFor = Callable[[Connection, str], str]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAccount:
    """`password`: None for one that is signed in to by pairing alone."""

    name: str
    password: str | None = None
    email: str | None = None
    role: str = "member"
    quota_bytes: int | None = None
    quota_files: int | None = None


class People:
    """Thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        hasher: Hasher,
        callers: Callers,
        logins: Logins,
        invitations: Invitations,
        folder_for: FolderFor,
        open_to_all: bool,
    ) -> None:
        """`folder_for`: a free folder for a space of that name. `open_to_all`: nobody needs an invitation."""
        self._catalogue = catalogue
        self._hasher = hasher
        self._callers = callers
        self._logins = logins
        self._invitations = invitations
        self._folder_for = folder_for
        self._open_to_all = open_to_all

    def create_owner(self) -> None:
        """On a first start: the account `owner`, an admin."""
        with self._catalogue.write() as connection:
            if not rows.all_of_them(connection):
                self._insert(connection, NewAccount(name=OWNER, role="admin"), None)

    def owner(self) -> AccountRow:
        """Whose devices are paired where nobody says for whom: the owner, or the first admin."""
        with self._catalogue.read() as connection:
            admins = [row for row in rows.all_of_them(connection)
                      if row.role == "admin" and not row.disabled]  # fmt: skip
        return min(admins, key=lambda row: (row.name != OWNER, row.created_ns))

    # -- new ones

    def create(self, new: NewAccount) -> AccountRow:
        """Raises ProblemError: bad_name, bad_email, password_weak, name_taken, email_taken."""
        checked, password_hash = self._checked(new)
        with self._catalogue.write() as connection:
            found = self._insert(connection, checked, password_hash)
        _log.info("account %s is made, as %s", found.name, found.role)
        return found

    def sign_up(
        self,
        *,
        email: str,
        password: str,
        name: str | None,
        invitation: str | None,
        device_name: str,
        address: str,
    ) -> Login:
        """An account for whoever has an invitation, or for everyone where that is the setting.

        Raises ProblemError: signup_closed, invitation_refused, and as `create`.
        """
        if invitation is not None:
            invited = self._invitations.find(invitation, email)
        elif self._open_to_all:
            invited = None
        else:
            raise ProblemError("signup_closed")
        role = invited.role if invited else "member"
        wanted = NewAccount(
            name=name or self._free_name(email), email=email, password=password, role=role
        )
        checked, password_hash = self._checked(wanted)
        with self._catalogue.write() as connection:
            account = self._insert(connection, checked, password_hash)
            if invited is not None:
                self._invitations.use(connection, invited, account.id)
            login = self._logins.begin(connection, account, device_name, address)
        _log.info("account %s is made by sign-up, as %s, from %s", account.name, role, address)
        return login

    def _free_name(self, email: str) -> str:
        """Made of the address, with a number where somebody has that name."""
        base = names.name_from(names.checked_email(email))
        found, number = base, 2
        with self._catalogue.read() as connection:
            while rows.is_taken(connection, name=found):
                found, number = f"{base[:90]} {number}", number + 1
        return found

    def _checked(self, new: NewAccount) -> tuple[NewAccount, str | None]:
        """With its names in order, and its password's hash. What is taken is told before that is made."""
        checked = NewAccount(
            name=names.checked_name(new.name, of_account=True),
            email=None if new.email is None else names.checked_email(new.email),
            role=new.role,
            quota_bytes=new.quota_bytes,
            quota_files=new.quota_files,
        )
        password = new.password
        if password is not None:
            password = checked_password(password, own_words=(checked.email, checked.name))
        with self._catalogue.read() as connection:
            _check_free(connection, checked.email, checked.name)
        return checked, None if password is None else self._hasher.hash(password)

    def _insert(
        self, connection: Connection, new: NewAccount, password_hash: str | None
    ) -> AccountRow:
        _check_free(connection, new.email, new.name)
        row = AccountRow(
            id=new_id(),
            name=new.name,
            email=new.email,
            password_hash=password_hash,
            role=new.role,
            created_ns=time.time_ns(),
            disabled=False,
            quota_bytes=new.quota_bytes,
            quota_files=new.quota_files,
        )
        rows.insert(connection, row)
        space_rows.insert(
            connection,
            space_id=new_id(),
            name=row.name,
            kind="home",
            account_id=row.id,
            folder=self._folder_for(connection, row.name),
            created_ns=row.created_ns,
        )
        audit.note(connection, What.ACCOUNT_ADDED, account=row.name, role=row.role)
        return row

    # -- those that are there

    def list(self) -> list[tuple[AccountRow, Used]]:
        """All of them, by name."""
        with self._catalogue.read() as connection:
            used = rows.used(connection)
            return [(row, used.get(row.id, Used(0, 0))) for row in rows.all_of_them(connection)]

    def find(self, account_id: str) -> tuple[AccountRow, Used]:
        """Raises ProblemError (not_found)."""
        with self._catalogue.read() as connection:
            row = _found(rows.by_id(connection, account_id))
            return row, rows.used(connection).get(row.id, Used(0, 0))

    def by_word(self, word: str) -> AccountRow:
        """The account of that id, name or address. Raises ProblemError (not_found)."""
        with self._catalogue.read() as connection:
            return _found(rows.by_word(connection, word))

    def change(self, account_id: str, **values: Any) -> AccountRow:
        """`values`: name, email, role, disabled, quota_bytes, quota_files. Holds at once.

        Raises ProblemError: not_found, bad_name, bad_email, name_taken, email_taken, last_admin.
        """
        if "name" in values:
            values["name"] = names.checked_name(values["name"], of_account=True)
        if values.get("email") is not None:
            values["email"] = names.checked_email(values["email"])
        with self._catalogue.write() as connection:
            row = _found(rows.by_id(connection, account_id))
            _check_free(connection, values.get("email"), values.get("name"), but=account_id)
            ends = values.get("disabled", row.disabled) or values.get("role", row.role) != "admin"
            is_admin = row.role == "admin" and not row.disabled
            if is_admin and ends and not rows.another_admin(connection, account_id):
                raise ProblemError("last_admin")
            if values:
                rows.change(connection, account_id, **values)
                audit.note(connection, What.ACCOUNT_CHANGED, account=row.name, **values)
            found = _found(rows.by_id(connection, account_id))
        self._callers.forget()
        _log.info("account %s is changed: %s", found.name, ", ".join(sorted(values)) or "nothing")
        return found


def _found(row: AccountRow | None) -> AccountRow:
    if row is None:
        raise ProblemError("not_found", "There is no such account.")
    return row


def _check_free(connection: Connection, email: str | None, name: str | None, but: str = "") -> None:
    if email is not None and rows.is_taken(connection, email=email, but=but):
        raise ProblemError("email_taken")
    if name is not None and rows.is_taken(connection, name=name, but=but):
        raise ProblemError("name_taken")
