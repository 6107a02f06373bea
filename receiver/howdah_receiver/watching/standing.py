"""What watchers may see, as it stands now: looked up again and again, as a socket outlives a request."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from howdah_common.messages_watching import SpaceRoom
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue.tables import accounts, devices, memberships, spaces
from howdah_receiver.catalogue.uploads import UploadRow


@dataclass(frozen=True, slots=True)
class Standing:
    """A device that is signed in, and the spaces that it may use."""

    caller: Caller
    readable: frozenset[str]
    sendable: frozenset[str]

    def sees_upload(self, upload: UploadRow) -> bool:
        """As `uploads.service` has it: an account sees its own, and a device that may only send, its own."""
        return (
            upload.account_id == self.caller.account_id
            and upload.space_id in self.sendable
            and (not self.caller.send_only or upload.device_id == self.caller.device_id)
        )


def standings(connection: Connection, device_ids: Iterable[str]) -> dict[str, Standing]:
    """By device; those that are revoked, expired or of a disabled account are left out."""
    query = (
        select(devices, accounts.c.name.label("account_name"), accounts.c.role)
        .join(accounts, accounts.c.id == devices.c.account_id)
        .where(
            devices.c.id.in_(list(device_ids)),
            devices.c.revoked_ns.is_(None),
            accounts.c.disabled.is_(False),
            or_(devices.c.expires_ns.is_(None), devices.c.expires_ns > time.time_ns()),
        )
    )
    callers = [
        Caller(
            account_id=row.account_id,
            account_name=row.account_name,
            admin=row.role == "admin",
            device_id=row.id,
            device_name=row.name,
            space_id=row.space_id,
            send_only=row.send_only,
        )
        for row in connection.execute(query)
    ]
    roles = _roles(connection, {caller.account_id for caller in callers})
    return {
        caller.device_id: _standing(caller, roles.get(caller.account_id, {})) for caller in callers
    }


def _roles(connection: Connection, account_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """By account, its role in each space."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    query = select(memberships).where(memberships.c.account_id.in_(list(account_ids)))
    for row in connection.execute(query):
        found[row.account_id][row.space_id] = row.role
    return found


def _standing(caller: Caller, roles: dict[str, str]) -> Standing:
    rights = {space: caller.rights(space, role) for space, role in roles.items()}
    return Standing(
        caller,
        frozenset(space for space, right in rights.items() if Right.READ in right),
        frozenset(space for space, right in rights.items() if Right.SEND in right),
    )


def rooms(connection: Connection, space_ids: Iterable[str]) -> dict[str, SpaceRoom]:
    """By space."""
    query = select(spaces).where(spaces.c.id.in_(list(space_ids)))
    return {
        row.id: SpaceRoom(
            space=row.id,
            used_bytes=row.used_bytes,
            used_files=row.used_files,
            quota_bytes=row.quota_bytes,
            quota_files=row.quota_files,
        )
        for row in connection.execute(query)
    }
