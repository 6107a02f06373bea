"""Who watches a receiver: the WebSocket of events, and devices and members that are put into the catalogue by
hand, as quickly as a test wants them."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from howdah_common.messages import API
from howdah_common.messages_watching import Event
from kit.native import Native
from kit.processes import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.client import ClientConnection

    from kit.receiver import RunningReceiver

CATALOGUE = "catalogue.sqlite3"


class Socket:
    """An open socket. Every message is held against the types on the wire."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def next(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Raises ConnectionClosed, TimeoutError."""
        text = self.connection.recv(timeout=seconds)
        msgspec.json.decode(text, type=Event)
        found: dict[str, Any] = json.loads(text)
        return found

    def until(
        self, kind: str, wanted: Callable[[dict[str, Any]], bool] = lambda message: True
    ) -> dict[str, Any]:
        """The next message of that kind that is wanted; the others are passed over."""
        while True:
            message = self.next()
            if message["kind"] == kind and wanted(message):
                return message

    def changes(self, count: int) -> list[dict[str, Any]]:
        """The next ones."""
        return [self.until("change") for _ in range(count)]

    def closed(self) -> int:
        """The close code, once it comes; what comes before it is passed over."""
        while True:
            try:
                self.next()
            except ConnectionClosed as closed:
                return 1006 if closed.rcvd is None else closed.rcvd.code


def address(url: str, **query: Any) -> str:
    found = f"ws{url.removeprefix('http')}{API}/events"
    return f"{found}?{urlencode(query)}" if query else found


@contextmanager
def watching(
    device: Native, /, *, headers: dict[str, str] | None = None, **query: Any
) -> Iterator[Socket]:
    """A socket of the device for as long as the block. Raises websockets' InvalidStatus."""
    given = {"Authorization": f"Bearer {device.token}"} if device.token else {}
    with connect(
        address(device.url, **query),
        additional_headers={**given, **(headers or {})},
        proxy=None,
        close_timeout=5,
    ) as connection:
        yield Socket(connection)


@contextmanager
def catalogue(receiver: RunningReceiver) -> Iterator[sqlite3.Connection]:
    """Its rows, changed at the end of the block. Triggers and foreign keys are at work."""
    with closing(sqlite3.connect(receiver.data / CATALOGUE, timeout=30)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        with connection:
            yield connection


def add_account(receiver: RunningReceiver, name: str, role: str = "member") -> str:
    """With a home space; its id, which is that of the space as well."""
    account, now = secrets.token_hex(16), time.time_ns()
    with catalogue(receiver) as rows:
        rows.execute(
            "INSERT INTO accounts (id, name, role, created_ns, disabled) VALUES (?, ?, ?, ?, 0)",
            (account, name, role, now),
        )
        rows.execute(
            "INSERT INTO spaces (id, name, kind, account_id, folder, created_ns)"
            " VALUES (?, ?, 'home', ?, ?, ?)",
            (account, name, account, name, now),
        )
        rows.execute(
            "INSERT INTO folders (id, space_id, path, name, folded, created_ns, own_bytes, own_files,"
            " own_folders) VALUES (?, ?, '', '', '', ?, 0, 0, 0)",
            (secrets.token_hex(16), account, now),
        )
    set_role(receiver, account, account, "owner")
    return account


def set_role(receiver: RunningReceiver, space: str, account: str, role: str | None) -> None:
    with catalogue(receiver) as rows:
        rows.execute(
            "DELETE FROM memberships WHERE space_id = ? AND account_id = ?", (space, account)
        )
        if role is not None:
            rows.execute("INSERT INTO memberships VALUES (?, ?, ?)", (space, account, role))


def add_device(
    receiver: RunningReceiver,
    account: str,
    name: str = "another",
    *,
    space: str | None = None,
    send_only: bool = False,
) -> Native:
    """A device of the account; the caller closes it."""
    token = secrets.token_urlsafe(32)
    with catalogue(receiver) as rows:
        rows.execute(
            "INSERT INTO devices (id, account_id, name, token_sha256, created_ns, space_id, send_only)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (secrets.token_hex(16), account, name, hashlib.sha256(token.encode()).digest(),
             time.time_ns(), space, send_only),
        )  # fmt: skip
    return Native(receiver.url, token)


def device_of(receiver: RunningReceiver, device: Native) -> str:
    """Its id."""
    digest = hashlib.sha256(str(device.token).encode()).digest()
    with catalogue(receiver) as rows:
        ((found,),) = rows.execute("SELECT id FROM devices WHERE token_sha256 = ?", (digest,))
    return str(found)


def account_of(receiver: RunningReceiver, device: Native) -> str:
    """Its account's id."""
    with catalogue(receiver) as rows:
        ((found,),) = rows.execute(
            "SELECT account_id FROM devices WHERE id = ?", (device_of(receiver, device),)
        )
    return str(found)


def revoke(receiver: RunningReceiver, device: Native) -> None:
    with catalogue(receiver) as rows:
        rows.execute(
            "UPDATE devices SET revoked_ns = ? WHERE id = ?",
            (time.time_ns(), device_of(receiver, device)),
        )
