"""Other people at a receiver, put straight into its catalogue."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from kit.native import Native

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def change(receiver: RunningReceiver, statement: str, *values: object) -> int:
    """Do something to the catalogue; how many rows it was done to."""
    path = receiver.data / "catalogue.sqlite3"
    with closing(sqlite3.connect(path, timeout=30)) as catalogue, catalogue:
        return catalogue.execute(statement, values).rowcount


def new_account(receiver: RunningReceiver) -> str:
    """An account with a home space of the same id."""
    account, now = secrets.token_hex(16), time.time_ns()
    change(
        receiver,
        "INSERT INTO accounts (id, name, role, created_ns) VALUES (?, ?, 'member', ?)",
        account, account, now,
    )  # fmt: skip
    change(
        receiver,
        "INSERT INTO spaces (id, name, account_id, folder) VALUES (?, ?, ?, ?)",
        account, account, account, account,
    )  # fmt: skip
    change(
        receiver,
        "INSERT INTO folders (id, space_id, path, name, folded, created_ns, own_bytes, own_files,"
        " own_folders) VALUES (?, ?, '', '', '', ?, 0, 0, 0)",
        account, account, now,
    )  # fmt: skip
    set_role(receiver, account, account, "owner")
    return account


def set_role(receiver: RunningReceiver, space: str, account: str, role: str | None) -> None:
    """Make the account a member of the space; None: no member any more."""
    here = "space_id = ? AND account_id = ?"
    change(receiver, f"DELETE FROM memberships WHERE {here}", space, account)
    if role is not None:
        change(receiver, "INSERT INTO memberships VALUES (?, ?, ?)", space, account, role)


def device_of(receiver: RunningReceiver, account: str, *, send_only: bool = False) -> Native:
    """A new device of the account; the caller closes it."""
    token = secrets.token_urlsafe(32)
    change(
        receiver,
        "INSERT INTO devices (id, account_id, name, created_ns, token_sha256, send_only)"
        " VALUES (?, ?, 'theirs', ?, ?, ?)",
        secrets.token_hex(16), account, time.time_ns(),
        hashlib.sha256(token.encode()).digest(), send_only,
    )  # fmt: skip
    return Native(receiver.url, token)
