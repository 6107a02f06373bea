"""How a transfer stands in the ledger: rows to objects and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from howdah_desktop.engine.transfers import (
    IfExists,
    Kind,
    Transfer,
    TransferState,
)
from howdah_desktop.system import SourceIdentity

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
    "root",
    "watched",
    "expected",
    "file_id",
    "version",
)
TRANSFER_COLUMNS = ", ".join(COLUMNS)
_SAME = tuple(
    name
    for name in COLUMNS
    if name in {field.name for field in fields(Transfer)}
    and name not in ("kind", "state", "if_exists")
)
"""Columns that are as the attributes of their names."""
VIEW_COLUMNS = (
    "id, group_id, kind, state, local, remote, relative, size, code, detail, attempt, next_try, digest,"
    " final_path, done_bytes, created, finished, root"
)
"""What `views.shown` takes, in its order."""


def to_columns(transfer: Transfer) -> dict[str, Any]:
    seen = transfer.identity
    return {
        **{name: getattr(transfer, name) for name in _SAME},
        "group_id": transfer.group,
        "kind": transfer.kind.value,
        "state": transfer.state.value,
        "if_exists": transfer.if_exists.value,
        # Device and inode numbers are unsigned 64 bits, SQLite's integers signed.
        "dev": None if seen is None else signed(seen.device),
        "inode": None if seen is None else signed(seen.inode),
        "source_bytes": None if seen is None else seen.size,
        "mtime_ns": None if seen is None else seen.modified_ns,
    }


def to_transfer(row: tuple[Any, ...]) -> Transfer:
    """Of `COLUMNS`, in their order. Rows are read by the ten thousand, so that nothing is looked up twice."""
    (
        id_, group, kind, state, local, remote, relative, if_exists, sha256, size, code, detail, attempt,
        next_try, client_id, generation, upload_id, chunk_bytes, dev, inode, source_bytes, mtime_ns, *more,
    ) = row  # fmt: skip
    identity = (
        None
        if inode is None
        else SourceIdentity(unsigned(dev), unsigned(inode), source_bytes, mtime_ns)
    )
    return Transfer(
        id_, group, _KINDS[kind], _STATES[state], bytes(local), remote, relative, _MODES[if_exists],
        bool(sha256), size, code, detail, attempt, next_try, client_id, generation, upload_id, chunk_bytes,
        identity, *more,
    )  # fmt: skip


_KINDS = {kind.value: kind for kind in Kind}
_STATES = {state.value: state for state in TransferState}
_MODES = {mode.value: mode for mode in IfExists}


def signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def unsigned(number: int) -> int:
    return number + 2**64 if number < 0 else number
