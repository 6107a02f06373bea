"""How a transfer stands in the ledger: the schema, and rows to objects and back."""

from __future__ import annotations

from typing import Any

from howdah_desktop.engine.transfers import (
    IfExists,
    Kind,
    Transfer,
    TransferState,
)
from howdah_desktop.system import SourceIdentity

SCHEMA = """
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups,
    local BLOB NOT NULL,
    remote TEXT NOT NULL
);
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES groups,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    local BLOB NOT NULL,      -- names need not be UTF-8
    remote TEXT NOT NULL,
    relative TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    size INTEGER,
    large INTEGER AS (size IS NULL OR size >= 8388608) VIRTUAL,  -- its lane, see scheduler.py
    code TEXT,
    detail TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    client_id TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT,
    chunk_bytes INTEGER,
    dev INTEGER, inode INTEGER, source_bytes INTEGER, mtime_ns INTEGER,
    digest TEXT,
    final_path TEXT,
    done_bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    finished REAL
);
CREATE UNIQUE INDEX transfers_once ON transfers (group_id, local, remote, relative);
CREATE INDEX transfers_state ON transfers (state, large, id);
CREATE INDEX transfers_local ON transfers (local, id);
CREATE TABLE line (carried_bytes INTEGER, good INTEGER NOT NULL);
"""

COLUMNS = (
    "id",
    "group_id",
    "kind",
    "state",
    "local",
    "remote",
    "relative",
    "if_exists",
    "sha256",
    "size",
    "code",
    "detail",
    "attempt",
    "next_try",
    "client_id",
    "generation",
    "upload_id",
    "chunk_bytes",
    "dev",
    "inode",
    "source_bytes",
    "mtime_ns",
    "digest",
    "final_path",
    "done_bytes",
    "created",
    "finished",
)
TRANSFER_COLUMNS = ", ".join(COLUMNS)


def to_columns(transfer: Transfer) -> dict[str, Any]:
    seen = transfer.identity
    return {
        **{name: getattr(transfer, name) for name in COLUMNS if hasattr(transfer, name)},
        "group_id": transfer.group,
        "kind": transfer.kind.value,
        "state": transfer.state.value,
        "if_exists": transfer.if_exists.value,
        # Device and inode numbers are unsigned 64 bits, SQLite's integers signed.
        "dev": None if seen is None else _signed(seen.device),
        "inode": None if seen is None else _signed(seen.inode),
        "source_bytes": None if seen is None else seen.size,
        "mtime_ns": None if seen is None else seen.modified_ns,
    }


def to_transfer(row: tuple[Any, ...]) -> Transfer:
    values = dict(zip(COLUMNS, row, strict=True))
    dev, inode = values.pop("dev"), values.pop("inode")
    size, mtime_ns = values.pop("source_bytes"), values.pop("mtime_ns")
    identity = (
        None if inode is None else SourceIdentity(_unsigned(dev), _unsigned(inode), size, mtime_ns)
    )
    return Transfer(
        group=values.pop("group_id"),
        kind=Kind(values.pop("kind")),
        state=TransferState(values.pop("state")),
        if_exists=IfExists(values.pop("if_exists")),
        sha256=bool(values.pop("sha256")),
        local=bytes(values.pop("local")),
        identity=identity,
        **values,
    )


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _unsigned(number: int) -> int:
    return number + 2**64 if number < 0 else number
