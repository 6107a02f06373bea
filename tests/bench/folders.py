"""What watching folders costs: the ignore rules over many names.

    python tests/bench/folders.py --names 100000

Each figure is the best of the rounds, as others may be at work, with its target; one above it ends with 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    return 0 if ignore_rules(given.names, given.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
