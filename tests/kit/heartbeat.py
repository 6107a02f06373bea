"""Whether the GUI thread stays free: how long its event loop was kept from beating, and by whom.

A busy machine is no finding. What it holds up itself is measured in a process of its own: a thread of this
one would wait for Python's lock, and so for just that code which is to be found out.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from PySide6.QtCore import QObject, Qt, QTimer

BEAT_SECONDS = 0.01
OVERDUE_SECONDS = 0.05
"""After so long without a beat, what the GUI thread does is written down."""

# Prints from when to when (seconds of CLOCK_MONOTONIC, which all processes share) it slept too long.
_SLEEPER = f"""
import sys, time
before = time.monotonic()
print("ready", flush=True)
while True:
    time.sleep({BEAT_SECONDS})
    now = time.monotonic()
    if now - before > 2 * {BEAT_SECONDS}:
        print(before + {BEAT_SECONDS}, now, flush=True)
    before = now
"""


@dataclass(frozen=True)
class Gap:
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def without(self, others: list[Gap]) -> float:
        """Seconds of it in which none of the others was."""
        shared = (min(self.end, other.end) - max(self.begin, other.begin) for other in others)
        return self.seconds - sum(seconds for seconds in shared if seconds > 0)


@dataclass
class Heart:
    """What was measured. Read it when the block has ended."""

    gaps: list[Gap] = field(default_factory=list)
    """Of the GUI thread: from one beat to the next."""
    machine: list[Gap] = field(default_factory=list)
    stacks: list[tuple[float, str]] = field(default_factory=list)
    """What the GUI thread was doing while it was overdue."""
    last: float = 0.0

    def longest(self) -> float:
        """Seconds for which the GUI thread itself did not come to its event loop."""
        return max((gap.without(self.machine) for gap in self.gaps), default=0.0)

    def story(self) -> str:
        """The worst of it."""
        worst = sorted(self.gaps, key=lambda gap: gap.without(self.machine))[-3:]
        told = []
        for gap in reversed(worst):
            found = [stack for at, stack in self.stacks if gap.begin <= at <= gap.end]
            told.append(
                f"{gap.seconds * 1000:.0f} ms, {gap.without(self.machine) * 1000:.0f} ms of them its own:\n"
                + "\n  --\n".join(found[:3])
            )
        return "\n".join(told)


@contextmanager
def heartbeat() -> Iterator[Heart]:
    """Beats for as long as the block, in whose event loops it is measured."""
    heart = Heart()
    sleeper = subprocess.Popen(
        [sys.executable, "-S", "-c", _SLEEPER], stdout=subprocess.PIPE, text=True
    )
    assert sleeper.stdout is not None
    sleeper.stdout.readline()
    reader = threading.Thread(target=_read, args=(sleeper.stdout, heart), daemon=True)
    reader.start()
    ending = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(heart, ending, threading.get_ident()), daemon=True
    )
    owner = QObject()
    timer = QTimer(owner, interval=int(BEAT_SECONDS * 1000), timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: _beat(heart))
    heart.last = time.monotonic()
    timer.start()
    watcher.start()
    try:
        yield heart
    finally:
        _beat(heart)
        timer.stop()
        ending.set()
        watcher.join()
        sleeper.kill()
        sleeper.wait()
        reader.join()
        sleeper.stdout.close()


def _beat(heart: Heart) -> None:
    now = time.monotonic()
    if now - heart.last > 2 * BEAT_SECONDS:
        heart.gaps.append(Gap(heart.last + BEAT_SECONDS, now))
    heart.last = now


def _read(lines: IO[str], heart: Heart) -> None:
    for line in lines:
        begin, end = map(float, line.split())
        heart.machine.append(Gap(begin, end))


def _watch(heart: Heart, ending: threading.Event, gui: int) -> None:
    while not ending.wait(BEAT_SECONDS):
        now = time.monotonic()
        frame = sys._current_frames().get(gui)
        if now - heart.last > OVERDUE_SECONDS and frame is not None:
            heart.stacks.append((now, _told(frame)))


def _told(frame: FrameType | None) -> str:
    # Nothing that reads a file: while that waits, the frames go on.
    lines: list[str] = []
    while frame is not None and len(lines) < 9:
        lines.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return "\n".join(reversed(lines))
