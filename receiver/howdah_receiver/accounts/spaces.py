"""Spaces and their members: who sees what, and who may do what in it.

What a caller has no business with is not there; what it sees and may not do is not allowed. Every change
holds with the next request, as memberships are looked at with each.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.accounts.callers import Callers
from howdah_receiver.catalogue import accounts as account_rows
from howdah_receiver.catalogue import members as rows
from howdah_receiver.catalogue import spaces as space_rows
from howdah_receiver.catalogue.accounts import AccountRow
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.members import Member, SpaceRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.folders import DataFolder

_HOME = "A home has one member; people share other spaces."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnSpace:
    """A space as one member sees it."""

    row: SpaceRow
    role: str
    rights: Right


class Spaces:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue, folder: DataFolder, callers: Callers) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._callers = callers

    def folder_for(self, connection: Connection, name: str) -> str:
        """A free folder for a space of that name. One that other hands have made is not."""

        def taken(folder: str) -> bool:
            there = disk.look(folder, dir_fd=self._folder.files) is not None
            return there or rows.is_folder_taken(connection, folder)

        return names.folder_name(name, taken)

    # -- for a caller

    def of(self, caller: Caller) -> list[OwnSpace]:
        """Those that it has business in, its home first."""
        with self._catalogue.read() as connection:
            found = rows.of_account(connection, caller.account_id)
        own = [OwnSpace(row, role, caller.rights(row.id, role)) for row, role in found]
        return [space for space in own if space.rights]

    def look(self, caller: Caller, space_id: str) -> OwnSpace:
        """Raises ProblemError (not_found)."""
        with self._catalogue.read() as connection:
            return _own(connection, caller, space_id, Right.NONE)

    def may(self, caller: Caller, space_id: str, need: Right) -> None:
        """Raises ProblemError: not_found, not_allowed."""
        with self._catalogue.read() as connection:
            _own(connection, caller, space_id, need)

    def may_invite(self, caller: Caller, space_id: str) -> None:
        """Raises ProblemError: not_found, not_allowed (to a home, or by who is no owner)."""
        with self._catalogue.read() as connection:
            space = _own(connection, caller, space_id, Right.MANAGE)
        if space.row.kind == "home":
            raise ProblemError("not_allowed", _HOME)

    def create(self, caller: Caller, name: str, *, case_fold: bool) -> OwnSpace:
        """A shared space, whose owner is the caller's account. Raises ProblemError (bad_name)."""
        space_id = self.create_for(caller.account_id, name, case_fold=case_fold)
        return self.look(caller, space_id)

    def create_for(self, account_id: str, name: str, *, case_fold: bool) -> str:
        """The id of a shared space whose owner is that account. Raises ProblemError (bad_name)."""
        space_id, name = new_id(), names.checked_name(name)
        with disk_errors(), self._catalogue.write() as connection:
            space_rows.insert(
                connection,
                space_id=space_id,
                name=name,
                kind="shared",
                account_id=account_id,
                folder=self.folder_for(connection, name),
                created_ns=time.time_ns(),
                case_fold=case_fold,
            )
            audit.note(connection, What.SPACE_ADDED, space=space_id, name=name)
        _log.info("space %s is made: %s", space_id, name)
        return space_id

    def change(self, caller: Caller, space_id: str, **values: Any) -> OwnSpace:
        """`values`: name, quota_bytes, quota_files.

        Raises ProblemError: not_found, not_allowed, bad_name.
        """
        with self._catalogue.write() as connection:
            _own(connection, caller, space_id, Right.MANAGE)
            _change(connection, space_id, values)
            return _own(connection, caller, space_id, Right.MANAGE)

    def remove(self, caller: Caller, space_id: str) -> None:
        """A shared space that holds nothing. Raises ProblemError: not_found, not_allowed, space_not_empty."""
        with disk_errors(), self._catalogue.write() as connection:
            space = _own(connection, caller, space_id, Right.MANAGE)
            if space.row.kind == "home":
                raise ProblemError("not_allowed", "A home stays as long as its account.")
            if not rows.holds_nothing(connection, space_id):
                raise ProblemError("space_not_empty")
            self._remove_folder(space.row.folder)
            rows.remove(connection, space_id, time.time_ns())
            audit.note(connection, What.SPACE_REMOVED, space=space_id, name=space.row.name)
        self._callers.forget()
        _log.info("space %s is removed: %s", space_id, space.row.name)

    def _remove_folder(self, folder: str) -> None:
        """Before its rows: a space without a folder is one that nothing was put into yet. Raises ProblemError
        (space_not_empty) for what other hands have put there."""
        try:
            os.rmdir(folder, dir_fd=self._folder.files)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise ProblemError("space_not_empty", "There are files on the disk.") from error
        os.fsync(self._folder.files)

    # -- members

    def members(self, caller: Caller, space_id: str) -> list[Member]:
        """By name. Raises ProblemError: not_found, not_allowed (for who may only put things in)."""
        with self._catalogue.read() as connection:
            _own(connection, caller, space_id, Right.READ)
            return rows.members(connection, space_id)

    def set_member(self, caller: Caller, space_id: str, account: str, role: str) -> Member:
        """`account`: its id, name or address.

        Raises ProblemError: not_found, not_allowed, last_owner.
        """
        with self._catalogue.write() as connection:
            _own(connection, caller, space_id, Right.MANAGE)
            found = _account(connection, account)
            self.set_role(connection, space_id, found, role)
        return Member(found.id, found.name, role)

    def remove_member(self, caller: Caller, space_id: str, account: str) -> None:
        """Every member may leave by itself. Raises ProblemError: not_found, not_allowed, last_owner."""
        with self._catalogue.write() as connection:
            space = _own(connection, caller, space_id, Right.NONE)
            if account != caller.account_id and Right.MANAGE not in space.rights:
                raise ProblemError("not_allowed")
            found = _account(connection, account)
            if rows.role(connection, space_id, found.id) is None:
                raise ProblemError("not_found", "There is no such account.")
            self.set_role(connection, space_id, found, None)

    def set_role(
        self, connection: Connection, space_id: str, account: AccountRow, role: str | None
    ) -> None:
        """None: no member any more. A space counts for one of its owners.

        Raises ProblemError: last_owner, not_allowed (a home has one member).
        """
        space = rows.by_id(connection, space_id)
        assert space is not None
        if space.kind == "home" and account.id != space.account_id:
            raise ProblemError("not_allowed", _HOME)
        if rows.role(connection, space_id, account.id) == "owner" and role != "owner":
            heir = rows.another_owner(connection, space_id, account.id)
            if heir is None:
                raise ProblemError("last_owner")
            if space.account_id == account.id:
                rows.change(connection, space_id, account_id=heir)
        space_rows.set_role(connection, space_id, account.id, role)
        audit.note(
            connection, What.ROLE_CHANGED, account=account.name, role=role or "none", space=space_id
        )  # fmt: skip
        _log.info("%s is %s in space %s", account.name, role or "no member", space_id)


def _own(connection: Connection, caller: Caller, space_id: str, need: Right) -> OwnSpace:
    row, role = rows.by_id(connection, space_id), rows.role(connection, space_id, caller.account_id)
    rights = caller.rights(space_id, role)
    if row is None or role is None or not rights:
        raise ProblemError("not_found", "There is no such space.")
    if need not in rights:
        raise ProblemError("not_allowed")
    return OwnSpace(row, role, rights)


def _account(connection: Connection, word: str) -> AccountRow:
    """Raises ProblemError (not_found), also for one that is disabled."""
    found = account_rows.by_word(connection, word)
    if found is None or found.disabled:
        raise ProblemError("not_found", "There is no such account.")
    return found


def _change(connection: Connection, space_id: str, values: dict[str, Any]) -> None:
    if "name" in values:
        values["name"] = names.checked_name(values["name"])
    if values:
        rows.change(connection, space_id, **values)
        audit.note(connection, What.SPACE_CHANGED, space=space_id, **values)
