"""Breaks the code on purpose, one place at a time, and sees a test notice (`make mutants`).

Each mutant is an exact replacement in a copy of the packages, never in the tree itself, and names the
tests that must fail with it. One that survives is a promise that no test holds. Names as arguments choose
mutants; `--list` shows them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from faults.mutants_list import MUTANTS, Mutant, Trial

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("common", "receiver", "desktop")
AT_ONCE = 2


class Stale(Exception):
    """A mutant's old text stands not exactly once in its file."""


@dataclass(frozen=True)
class Outcome:
    failed: bool
    seconds: float
    tests: str
    """What failed, or the last lines where nothing ran."""


def mutated(mutant: Mutant, source: str) -> str:
    """Raises Stale."""
    count = source.count(mutant.old)
    if count != 1:
        raise Stale(f"mutant is stale: {mutant.name}: {count} times in {mutant.file}")
    return source.replace(mutant.old, mutant.new)


@contextmanager
def copy_of_the_packages(mutant: Mutant | None) -> Iterator[Path]:
    """With the mutant in it, if there is one. Raises Stale."""
    folder = Path(tempfile.mkdtemp(prefix="howdah-mutant-"))
    try:
        for name in SOURCES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        if mutant is not None:
            place = folder / mutant.file
            place.write_text(mutated(mutant, place.read_text()))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(packages: Path, trials: Iterable[Trial]) -> Outcome:
    """The trials with those packages, until one fails."""
    began = time.monotonic()
    told = ""
    for trial in trials:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(packages / name) for name in SOURCES),
            "PYTHONDONTWRITEBYTECODE": "1",
            **trial.environment,
        }
        words = ["-m", "pytest", "-q", "-x", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, *words, *trial.tests],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = "\n".join(done.stdout.splitlines()[-5:])
        if done.returncode == 1:
            failed = [line.split(" - ")[0] for line in done.stdout.splitlines()
                      if line.startswith(("FAILED", "ERROR"))]  # fmt: skip
            name = failed[0].partition("::")[2] if failed else told
            return Outcome(True, time.monotonic() - began, name)
        if done.returncode != 0:
            raise RuntimeError(f"pytest could not run {trial.tests}:\n{done.stdout}{done.stderr}")
    return Outcome(False, time.monotonic() - began, told)


def try_one(mutant: Mutant) -> Outcome:
    with copy_of_the_packages(mutant) as packages:
        outcome = run(packages, mutant.trials)
    verdict = outcome.tests if outcome.failed else "SURVIVED"
    print(f"{mutant.name:<58} {outcome.seconds:5.0f} s  {verdict}", flush=True)
    return outcome


def check_the_unbroken(mutants: Sequence[Mutant]) -> None:
    """The copy without a mutant is what runs, and passes what is asked of the mutants."""
    trials: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Trial] = {}
    for trial in (trial for mutant in mutants for trial in mutant.trials):
        trials[trial.tests, _frozen(trial.environment)] = trial
    with copy_of_the_packages(None) as packages:
        where = subprocess.run(
            [
                sys.executable,
                "-c",
                "import howdah_receiver as r, howdah_common as c; print(r.__file__)",
            ],
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(str(packages / name) for name in SOURCES)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if not where.startswith(str(packages)):
            raise RuntimeError(f"the copy is not what runs, but {where}")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(lambda trial: run(packages, [trial]), trials.values()))
    for trial, outcome in zip(trials.values(), outcomes, strict=True):
        if outcome.failed:
            raise RuntimeError(f"without a mutant, {trial.tests} fails: {outcome.tests}")
    print(f"unbroken: {len(trials)} selections pass", flush=True)


def _frozen(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(environment.items()))


def main(words: Sequence[str]) -> int:
    if "--list" in words:
        print("\n".join(mutant.name for mutant in MUTANTS))
        return 0
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    check_the_unbroken(chosen)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(try_one, chosen))
    survived = [m.name for m, outcome in zip(chosen, outcomes, strict=True) if not outcome.failed]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} mutants were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
