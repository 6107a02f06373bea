"""What watching folders costs: ignore rules over many names; the watch of many directories, at rest and busy.

    python tests/bench/folders.py --names 100000 --directories 10000 --seconds 60

Times of the rules are the best of the rounds, as others may be at work. The watch is measured in a process of
its own. A figure above its target ends with 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from howdah_desktop.folders.hints import Dirty, Hint, Hints, Mode
from howdah_desktop.folders.ignore import Ignore

RULES = [
    *("*.tmp", "build/", "/dist", "node_modules/", "docs/*.aux", "*.py[co]", "!keep.tmp"),
    *("a/**/cache", "*.log", "core"),
]
NAMES_TARGET_SECONDS = 0.25
"""For 100,000 names."""


def best(rounds: int, work: Callable[[], object]) -> float:
    """Processor seconds."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def ignore_rules(names: int, rounds: int) -> bool:
    entries = [(f"2026/{at // 10:05}", f"IMG_{at:06}.jpg") for at in range(names)]
    nested = Ignore.of(RULES).within("2026", "*.raw\n/x/**\n!y.log")
    cases = {
        "ten rules": Ignore.of(RULES, defaults=False),
        "ten rules and the defaults": Ignore.of(RULES),
        "and three of a file": nested,
        "only *.jpg and *.png": Ignore.of(RULES, ["*.jpg", "*.png"]),
        "only *.png: every name is left out": Ignore.of(RULES, ["*.png"]),
    }
    target = NAMES_TARGET_SECONDS * names / 100_000
    good = True
    for what, ignore in cases.items():
        rule_for = ignore.rule_for
        seconds = best(rounds, lambda: [rule_for(folder, name, False) for folder, name in entries])  # noqa: B023
        good &= seconds <= target
        print(f"{names:>9,} names, {what:<36} {seconds:.3f} s  (target {target:.2f} s)")
    return good


# ---- the watch

IDLE_TARGET_SHARE = 0.001
BUSY_TARGET_SHARE = 0.05
EVENTS_A_SECOND = 1000


class Usage:
    """Of this process, since the last look."""

    def __init__(self) -> None:
        self._at, self._cpu = time.monotonic(), time.process_time()

    def share(self) -> float:
        """Of one processor."""
        at, cpu = time.monotonic(), time.process_time()
        share = (cpu - self._cpu) / (at - self._at)
        self._at, self._cpu = at, cpu
        return share


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def watch(directories: int, seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for at in range(directories // 10):
            for inner in range(10):
                (root / f"{at:05}" / f"{inner}").mkdir(parents=True)
        heard: list[Hint] = []
        counted = [0]

        def hear(hint: Hint) -> None:
            counted[0] += 1
            if not isinstance(hint, Dirty):
                heard[:] = [hint]

        hints = Hints(os.fsencode(root), hear)
        before = resident()
        begun, cpu = time.monotonic(), time.process_time()
        hints.start()
        while hints.mode is Mode.STARTING:
            time.sleep(0.01)
        taken = time.monotonic() - begun, time.process_time() - cpu
        print(
            f"{hints.watched:>9,} directories, set up{'':<28} {taken[0]:.2f} s ({taken[1]:.2f} s of the"
            f" processor), {(resident() - before) / 1e6:.1f} MB; {hints.mode.value} {hints.why}"
        )
        usage = Usage()
        time.sleep(seconds)
        idle = usage.share()
        print(
            f"{'':>9} at rest for {seconds:.0f} s{'':<31} {idle:.3%}  (target {IDLE_TARGET_SHARE:.1%})"
        )
        start = resident()
        writer = subprocess.Popen(
            [sys.executable, __file__, "--write", name, "--seconds", str(seconds)]
        )
        counted[0] = 0
        usage = Usage()
        writer.wait()
        busy = usage.share()
        print(
            f"{'':>9} {EVENTS_A_SECOND:,} writes a second for {seconds:.0f} s{'':<16} {busy:.2%}"
            f"  (target {BUSY_TARGET_SHARE:.0%}), {counted[0]:,} hints,"
            f" {(resident() - start) / 1e6:+.1f} MB; last of all: {heard}"
        )
        hints.stop()
    return idle <= IDLE_TARGET_SHARE and busy <= BUSY_TARGET_SHARE


def write(root: Path, seconds: float) -> None:
    """Files in twenty directories, again and again."""
    begun = time.monotonic()
    done = 0
    while (passed := time.monotonic() - begun) < seconds:
        while done < passed * EVENTS_A_SECOND:
            (root / f"{done % 20:05}" / "0" / f"{done % 7}").write_text("x")
            done += 1
        time.sleep(0.005)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=["rules", "watch"])
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(given.write, given.seconds)
        return 0
    good = given.only == "watch" or ignore_rules(given.names, given.rounds)
    if given.only != "rules":
        good &= watch(given.directories, given.seconds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
