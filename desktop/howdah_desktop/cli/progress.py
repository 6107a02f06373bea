"""The display of a terminal: lines above, one bar for each transfer at work below."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from howdah_desktop.cli.display import (
    ENDED,
    HELD_UP,
    Changes,
    duration_text,
    limits_line,
    printable,
    receiver_line,
    row_line,
    size_text,
    summary_line,
)
from howdah_desktop.engine.views import Snapshot, TransferView

MOST_BARS = 7
MOST_LINES = 50
"""Of files that arrived; after so many only what needs the user is worth a line."""


class RichDisplay:
    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[told]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._all = self._progress.add_task("all", total=None, told="")
        self._bars: dict[int, TaskID] = {}
        self._changes = Changes()
        self._lines = 0
        self._progress.start()

    def show(self, snapshot: Snapshot) -> None:
        for row in self._changes.of(snapshot):
            self._line(row)
        if receiver := self._changes.receiver(snapshot):
            self.message(receiver_line(receiver))
        if limits := self._changes.limits(snapshot):
            self.message(limits_line(limits, time.time()))
        for row in snapshot.transfers:
            self._bar(row)
        waiting = snapshot.receiver.code is not None
        told = snapshot.receiver.sentence if waiting else snapshot.limits.sentence
        self._progress.update(
            self._all,
            description=summary_line(snapshot),
            total=snapshot.size or None,
            completed=snapshot.done_bytes,
            told=told or _rate(snapshot),
        )

    def message(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def summary(self, snapshot: Snapshot, exit_code: int) -> None:
        self._progress.stop()
        self.message(summary_line(snapshot))

    def close(self) -> None:
        self._progress.stop()

    def _line(self, row: TransferView) -> None:
        line = row_line(row)
        if line is None:
            return
        if row.state == "done":
            self._lines += 1
            if self._lines > MOST_LINES:
                return
        self.message(line)

    def _bar(self, row: TransferView) -> None:
        at_work = row.state not in ENDED | HELD_UP | {"queued", "new"}
        if not at_work:
            if row.id in self._bars:
                self._progress.remove_task(self._bars.pop(row.id))
            return
        if row.id not in self._bars:
            if len(self._bars) >= MOST_BARS:
                return
            self._bars[row.id] = self._progress.add_task(printable(row.name)[-40:], told="")
        speed = f"{size_text(row.bytes_per_second)}/s" if row.bytes_per_second else ""
        left = f"{duration_text(row.seconds_left)} left" if row.seconds_left is not None else ""
        finishing = "is put in its place" if row.state == "finishing" else f"{speed} {left}"
        self._progress.update(
            self._bars[row.id], total=row.size or None, completed=row.done_bytes, told=finishing
        )


def _rate(snapshot: Snapshot) -> str:
    if not snapshot.bytes_per_second:
        return ""
    left = snapshot.seconds_left
    return f"{size_text(snapshot.bytes_per_second)}/s" + (
        f" {duration_text(left)} left" if left is not None else ""
    )
