"""What `howdah queue` does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import msgspec

from howdah_desktop.cli import context, moments
from howdah_desktop.cli.display import limits_line, printable, receiver_line, size_text
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import attach, running_engine
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.showing import at_rest
from howdah_desktop.engine.views import QueueView, TransferView
from howdah_desktop.settings import Settings


def show(limit: int, as_json: bool) -> Exit:
    """Raises ProblemError."""
    found = _queue(context.settings(), limit)
    for position, row in enumerate(found.transfers, 1):
        if as_json:
            told = {"event": "queued", "position": position, **msgspec.to_builtins(row)}
            print(json.dumps(told))
        else:
            print(_line(position, row, time.time()))
    if as_json:
        told = {"event": "queue", "unfinished": found.unfinished}
        told |= msgspec.to_builtins({"receiver": found.receiver, "limits": found.limits})
        print(json.dumps(told))
        return Exit.DONE
    more = found.unfinished - len(found.transfers)
    if found.receiver.code:
        print(receiver_line(found.receiver))
    if found.limits.paused:
        print(limits_line(found.limits, time.time()))
    if more > 0:
        print(f"and {more:,} more")
    elif not found.unfinished:
        print("Nothing is in the queue.")
    return Exit.DONE


def move(order: Callable[[Face], int], as_json: bool) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    attached = attach(settings, lambda: context.connect(settings))
    try:
        count = order(attached.engine)
    finally:
        attached.close()
    print(json.dumps({"event": "moved", "count": count}) if as_json else f"{count} moved.")
    return Exit.DONE if count else Exit.NEEDS_YOU


def _queue(settings: Settings, limit: int) -> QueueView:
    """From the engine, if one runs; else as the ledger has it."""
    engine = running_engine(settings.home)
    if engine is not None:
        try:
            return engine.queue(limit)
        finally:
            engine.close()
    if not (settings.home / FILE_NAME).exists():
        return QueueView(())
    ledger = Ledger(settings.home, read_only=True)
    try:
        rows = ledger.up_next(limit)
        return QueueView(tuple(at_rest(row) for row in rows), ledger.unfinished())
    finally:
        ledger.close()


def _line(position: int, row: TransferView, now: float) -> str:
    size = "?" if row.size is None else size_text(row.size)
    until = f" Next try {moments.shown(row.next_try, now)}." if row.next_try else ""
    if row.state == "paused" and until:
        until = f" Until {moments.shown(row.next_try or 0.0, now)}."
    told = f"{row.sentence}{until} {row.remedy}".rstrip()
    return f"{position:>4}  {row.id:>5}  {size:>9}  {row.state:9} {printable(row.source)}: {told}"
