"""The record of what happened to the trees, written in the transaction that made it so."""

from __future__ import annotations

import time
from enum import Enum

from sqlalchemy import Connection

from howdah_receiver.accounts.caller import NOBODY, Actor
from howdah_receiver.catalogue.tables import changes


class ChangeKind(Enum):
    """What can happen. The values stand on the wire, too."""

    PUBLISHED = "published"
    CHANGED_OUTSIDE = "changed_outside"
    FOLDER_MADE = "folder_made"
    MOVED = "moved"
    TRASHED = "trashed"
    RESTORED = "restored"
    """From the trash."""
    FOLDER_RESTORED = "folder_restored"
    """To a time."""
    VERSION_RESTORED = "version_restored"
    REMOVED = "removed"
    """For good: from the trash, or a version whose time was over."""


def record(
    connection: Connection,
    kind: ChangeKind,
    space_id: str,
    path: str,
    *,
    from_path: str | None = None,
    file_id: str | None = None,
    version_id: str | None = None,
    by: Actor = NOBODY,
) -> None:
    """For a folder and all in it, one row: that of the folder."""
    connection.execute(
        changes.insert().values(
            space_id=space_id,
            time_ns=time.time_ns(),
            kind=kind.value,
            path=path,
            from_path=from_path,
            file_id=file_id,
            version_id=version_id,
            account_id=by.account_id,
            device_id=by.device_id,
        )
    )
