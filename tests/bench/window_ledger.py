"""A ledger of many transfers, as years of dropping leave it, and changes of some of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.transfers import IfExists, Kind
from howdah_desktop.engine.views import TransferView
from howdah_desktop.remote import secrets
from howdah_desktop.remote.paired import PairedReceiver

if TYPE_CHECKING:
    from howdah_desktop.window.models.transfers import TransferModel

BATCH = 10_000
MB = 1_000_000


def make_ledger(home: Path, rows: int) -> None:
    """`rows` single files: two thirds paused, as nothing is to move, the rest done."""
    ledger = Ledger(home)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    for first in range(0, rows, BATCH):
        ledger.add(group, [_row(number) for number in range(first, min(first + BATCH, rows))])
    ledger.close()
    _spread_states(home)


def pair_with_nobody() -> None:
    """The window shows its list only to who is paired; nobody listens at that address."""
    token = "t" * 43
    secrets.save(
        PairedReceiver(
            "http://127.0.0.1:9", None, token, "device", "owner", "nas.home", "catalogue"
        )
    )


def _row(number: int) -> NewTransfer:
    name = f"IMG_{number:06}.jpg"
    path = f"/home/someone/Pictures/2026/{number % 97:02}/{name}"
    return NewTransfer(Kind.UPLOAD, path.encode(), f"Photos/2026/{name}", size=number % 50 * MB)


def _spread_states(home: Path) -> None:
    import sqlite3

    db = sqlite3.connect(home / "ledger.sqlite3")
    with db:
        db.execute("UPDATE transfers SET state = 'paused', code = 'user' WHERE id % 3 != 0")
        db.execute(
            "UPDATE transfers SET state = 'done', done_bytes = size, finished = ?,"
            " digest = ? WHERE id % 3 = 0",
            (time.time(), "9f" * 32),
        )
    db.close()


def changed_rows(model: TransferModel, count: int, number: int) -> tuple[TransferView, ...]:
    """Progress of `count` rows, spread over the list."""
    step = model.rowCount() // count
    views = (model.view(model.key_at(row * step + number % step)) for row in range(count))
    return tuple(
        msgspec.structs.replace(view, done_bytes=number)
        for view in views
        if isinstance(view, TransferView)
    )
