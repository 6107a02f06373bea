"""Whether the GUI thread stays free: how long its event loop was kept from beating, and by whom.

A busy machine is no finding. What it holds up itself is measured twice: in a process of its own (a thread of
this one would wait for Python's lock, and so for just that code which is to be found out), and by the kernel,
which counts how long a thread stood in line for a processor (Linux: /proc/PID/task/TID/schedstat).
"""

from __future__ import annotations

import glob
import signal
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
TELL = signal.SIGUSR1
"""Makes the GUI thread tell where it is. To look at it from another one (sys._current_frames) can end the
process: CPython 3.11 reads frames that are just being made."""

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
    in_line: float = 0.0
    """Seconds of it in line for a processor."""

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def without(self, others: list[Gap]) -> float:
        """Seconds of it that were nobody else's."""
        shared = (min(self.end, other.end) - max(self.begin, other.begin) for other in others)
        return self.seconds - max(sum(one for one in shared if one > 0), self.in_line)


@dataclass
class Heart:
    """What was measured. Read it when the block has ended."""

    gaps: list[Gap] = field(default_factory=list)
    """Of the GUI thread: from one beat to the next."""
    machine: list[Gap] = field(default_factory=list)
    stacks: list[tuple[float, str]] = field(default_factory=list)
    """What the GUI thread was doing while it was overdue."""
    last: float = 0.0
    in_line: dict[int, float] = field(default_factory=dict)
    """By thread, at the last beat."""

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
    before = signal.signal(
        TELL, lambda number, frame: heart.stacks.append((time.monotonic(), _told(frame)))
    )
    heart.last, heart.in_line = time.monotonic(), _in_line()
    timer.start()
    watcher.start()
    try:
        yield heart
    finally:
        _beat(heart)
        timer.stop()
        ending.set()
        watcher.join()
        signal.signal(TELL, before)
        sleeper.kill()
        sleeper.wait()
        reader.join()
        sleeper.stdout.close()


def _beat(heart: Heart) -> None:
    now, in_line = time.monotonic(), _in_line()
    if now - heart.last > 2 * BEAT_SECONDS:
        stood = {
            thread: seconds - heart.in_line.get(thread, seconds)
            for thread, seconds in in_line.items()
        }
        own = stood.pop(threading.get_native_id(), 0.0)
        # And one of the others may have had Python's lock while it stood there.
        heart.gaps.append(Gap(heart.last + BEAT_SECONDS, now, own + max(stood.values(), default=0)))
    heart.last, heart.in_line = now, in_line


def _in_line() -> dict[int, float]:
    """How long each thread has waited for a processor, as far as the system tells."""
    found = {}
    for task in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(task) as file:
                found[int(task.split("/")[4])] = int(file.read().split()[1]) / 1e9
        except OSError:
            pass  # it has just ended
    return found


def _read(lines: IO[str], heart: Heart) -> None:
    for line in lines:
        begin, end = map(float, line.split())
        heart.machine.append(Gap(begin, end))


def _watch(heart: Heart, ending: threading.Event, gui: int) -> None:
    while not ending.wait(BEAT_SECONDS):
        if time.monotonic() - heart.last > OVERDUE_SECONDS:
            signal.pthread_kill(gui, TELL)


def _told(frame: FrameType | None) -> str:
    lines: list[str] = []
    while frame is not None and len(lines) < 9:
        lines.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return "\n".join(reversed(lines))
