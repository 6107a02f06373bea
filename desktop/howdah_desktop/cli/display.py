"""What a command prints while transfers run: for a terminal, for a log, or for a program."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

from msgspec.structs import asdict

from howdah_desktop.cli import moments
from howdah_desktop.engine.views import LimitsView, ReceiverView, Snapshot, TransferView

ENDED = frozenset({"done", "failed", "skipped", "cancelled"})
HELD_UP = frozenset({"waiting", "settling", "paused"})
BETWEEN_PROGRESS_SECONDS = 1.0


class Display(Protocol):
    def show(self, snapshot: Snapshot) -> None: ...
    def message(self, text: str) -> None: ...
    def summary(self, snapshot: Snapshot, exit_code: int) -> None: ...
    def close(self) -> None: ...


class Changes:
    """Which rows changed in a way that is worth a line."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, str | None, int]] = {}
        self._receiver: str | None = None
        self._limits: str | None = None

    def of(self, snapshot: Snapshot) -> list[TransferView]:
        changed = []
        for row in snapshot.transfers:
            now = (row.state, row.code, row.attempt)
            if self._seen.get(row.id) != now:
                self._seen[row.id] = now
                changed.append(row)
        return changed

    def receiver(self, snapshot: Snapshot) -> ReceiverView | None:
        if snapshot.receiver.code == self._receiver:
            return None
        self._receiver = snapshot.receiver.code
        return snapshot.receiver

    def limits(self, snapshot: Snapshot) -> LimitsView | None:
        """When everything is paused, or goes on."""
        if snapshot.limits.paused == self._limits:
            return None
        self._limits = snapshot.limits.paused
        return snapshot.limits


class PlainDisplay:
    """Lines: what ended, what is held up and why, and how far it is now and then."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._next_progress = time.monotonic() + BETWEEN_PROGRESS_SECONDS

    def show(self, snapshot: Snapshot) -> None:
        for row in self._changes.of(snapshot):
            if line := row_line(row):
                self.message(line)
        if receiver := self._changes.receiver(snapshot):
            self.message(receiver_line(receiver))
        if limits := self._changes.limits(snapshot):
            self.message(limits_line(limits, time.time()))
        now = time.monotonic()
        held_up = snapshot.receiver.code is not None or snapshot.limits.paused is not None
        if now >= self._next_progress and not receiver and not held_up:
            self._next_progress = now + BETWEEN_PROGRESS_SECONDS
            if snapshot.done_bytes < snapshot.size:
                self.message(progress_line(snapshot))

    def message(self, text: str) -> None:
        print(text, flush=True)

    def summary(self, snapshot: Snapshot, exit_code: int) -> None:
        self.message(summary_line(snapshot))

    def close(self) -> None:
        pass


class JsonDisplay:
    """One JSON object a line; see docs/desktop.md."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._next_progress = 0.0

    def show(self, snapshot: Snapshot) -> None:
        for row in self._changes.of(snapshot):
            self._write("transfer", asdict(row))
        if receiver := self._changes.receiver(snapshot):
            self._write("receiver", asdict(receiver))
        if limits := self._changes.limits(snapshot):
            self._write("limits", asdict(limits))
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + BETWEEN_PROGRESS_SECONDS
            self._write("progress", totals(snapshot))

    def message(self, text: str) -> None:
        self._write("message", {"text": text})

    def summary(self, snapshot: Snapshot, exit_code: int) -> None:
        self._write("summary", totals(snapshot) | {"exit_code": int(exit_code)})

    def close(self) -> None:
        pass

    def _write(self, event: str, members: dict[str, Any]) -> None:
        print(json.dumps({"event": event, **members}), flush=True)


def totals(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "size": snapshot.size,
        "done_bytes": snapshot.done_bytes,
        "in_flight_bytes": snapshot.in_flight_bytes,
        "bytes_per_second": snapshot.bytes_per_second,
        "seconds_left": snapshot.seconds_left,
        "counts": snapshot.counts,
    }


def row_line(row: TransferView) -> str | None:
    """A line for a row that ended or is held up; None for what just goes on."""
    if row.state == "done":
        note = "" if row.sentence.startswith("Arrived") else f" ({row.sentence})"
        return f"done     {printable(row.target)}{note}"
    if row.state in ENDED or row.state in HELD_UP:
        code = f" ({row.code})" if row.state in ("failed", "waiting") and row.code else ""
        told = f"{row.sentence} {row.remedy}".rstrip()
        return f"{row.state:8} {printable(row.source)}: {told}{code}"
    return None


def receiver_line(receiver: ReceiverView) -> str:
    if receiver.code is None:
        return "receiver: answers again."
    return f"receiver: {receiver.sentence} {receiver.remedy} ({receiver.code})"


def limits_line(limits: LimitsView, now: float) -> str:
    if limits.paused is None:
        return "limits: transfers go on."
    until = "" if limits.next_try is None else f" Until {moments.shown(limits.next_try, now)}."
    return f"paused ({limits.paused}): {limits.sentence}{until} {limits.remedy}"


def progress_line(snapshot: Snapshot) -> str:
    share = 100 * snapshot.done_bytes // max(1, snapshot.size)
    rate = snapshot.bytes_per_second
    speed = f", {size_text(rate)}/s" if rate else ""
    left = snapshot.seconds_left
    time_left = f", {duration_text(left)} left" if left is not None else ""
    of = f"{size_text(snapshot.done_bytes)} of {size_text(snapshot.size)}"
    under_way = snapshot.in_flight_bytes
    more = f", {size_text(under_way)} under way" if under_way > 0 else ""
    return f"{share:3d} %    {of}{more}{speed}{time_left}"


def summary_line(snapshot: Snapshot) -> str:
    order = ("done", "skipped", "failed", "cancelled")
    parts = [f"{snapshot.counts[state]} {state}" for state in order if snapshot.counts.get(state)]
    unfinished = sum(count for state, count in snapshot.counts.items() if state not in ENDED)
    if unfinished:
        parts.append(f"{unfinished} unfinished")
    return ", ".join(parts) or "nothing to do"


def size_text(count: float) -> str:
    """Bytes for people, by powers of 1000."""
    units = ("B", "kB", "MB", "GB", "TB")
    for unit in units:
        if count < 1000 or unit == units[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("units have an end")


def duration_text(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def printable(text: str) -> str:
    """A name without characters that would move a terminal's cursor."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
