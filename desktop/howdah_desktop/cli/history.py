"""`howdah history`."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from dataclasses import asdict, dataclass

from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable, size_text
from howdah_desktop.cli.durations import seconds_of
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.transfers import checked_folder
from howdah_desktop.engine.history import About, Event, History
from howdah_desktop.engine.ledger_now import bring_up_to_date


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as it was typed."""

    path: str
    there: str
    since: str
    limit: int


def show_history(wish: Wish, as_json: bool) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    about = About(
        os.path.realpath(os.fsencode(wish.path)) if wish.path else None,
        checked_folder(wish.there) if wish.there else None,
        time.time() - seconds_of(wish.since) if wish.since else 0.0,
    )
    events: list[Event] = []
    if bring_up_to_date(settings.home):
        history = History(settings.home)
        try:
            events = history.events(about, wish.limit)
        finally:
            history.close()
    for event in events:
        print(json.dumps({"event": "history", **asdict(event)}) if as_json else line(event))
    if not events and not as_json:
        print("Nothing has ended yet." if about == About() else "Nothing of that has ended.")
    return Exit.DONE


def line(event: Event) -> str:
    when = dt.datetime.fromtimestamp(event.at, dt.UTC).astimezone()
    size = "" if event.size is None else size_text(event.size)
    path = printable(event.path)
    if event.target and event.target != event.path:
        path = f"{path} -> {printable(event.target)}"
    told = printable(f"{event.sentence} {event.remedy}".rstrip())
    return f"{when:%Y-%m-%d %H:%M:%S}  {event.what:9} {size:>9}  {path}: {told}"
