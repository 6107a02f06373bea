"""The power goes at any moment while four clients are at work, and no promise is broken.

A run of a real receiver is recorded, change by change, with a mark at each 201 that a client has seen
(``kit.recorded``). For cuts around the marks, around every sync and anywhere else, the states are rebuilt
that a disk may then hold (``kit.power_cut``); on each of them a receiver recovers, and what was marked by
then must be there (``kit.oracle``).

HOWDAH_CUT_EVERY=k takes each k-th cut alone, HOWDAH_CUT_CLIENTS=1 one client alone; `make soak` takes
all cuts, with several seeds.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from kit.diskshim import Op, can_build
from kit.forked import Forks, forks, memory
from kit.oracle import complaints
from kit.power_cut import Disk, Model, cuts, materialise, states
from kit.recorded import Run, recorded_run, starts_on
from kit.wire import Wire
from kit.workload import go_on

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_CUT_EVERY", "1"))
SEEDS = range(4) if SOAK else range(1)
PROCESSES = 2
ENOUGH = 20
"""Violations: what comes after so many tells nothing new."""
NAMES = ("anna", "ben", "clara", "dora")[: int(os.environ.get("HOWDAH_CUT_CLIENTS", "4"))]
LOSING = (Model.STRICT, Model.EXT4, Model.WILD)

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(7200 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]

Cut = tuple[int, tuple[Model, ...]]


@pytest.fixture(scope="module")
def run() -> Run:
    return recorded_run(NAMES)


def cuts_of(run: Run) -> list[Cut]:
    """Where the power goes, and what the disk may do then."""
    everywhere = range(len(run.log) + 1)
    if SOAK:
        return [(cut, tuple(Model)) for cut in everywhere][::EVERY]
    chance = random.Random(2)
    chosen: dict[int, tuple[Model, ...]] = {cut: (LOSING[cut % 3],) for cut in run.syncs}
    chosen |= {cut: (LOSING[cut % 3],) for cut in chance.sample(everywhere, len(run.log) // 10)}
    chosen |= {mark: tuple(Model) for mark in run.marks}
    return sorted(chosen.items())[::EVERY]


def violations(run: Run, chosen: list[Cut]) -> tuple[Counter[Model], list[str]]:
    """How many states of each model there were, and what was wrong on which."""
    logging.disable(logging.WARNING)  # that chunks did not survive is what a cut is about
    folder = Path(tempfile.mkdtemp(prefix="howdah-cut-", dir=memory()))
    count: Counter[Model] = Counter()
    found = []
    wanted = dict(chosen)
    try:
        for cut, disk in cuts(run.log, wanted):
            for model, seed in _draws(wanted[cut]):
                count[model] += 1
                found += [
                    f"cut {cut}, {model}, seed {seed}: {sentence}"
                    for sentence in _look(disk, model, cut + seed, folder / "data", run, cut)
                ]
                shutil.rmtree(folder / "data")
            if len(found) > ENOUGH:
                break
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder, ignore_errors=True)
    return count, found


def _draws(models: Iterable[Model]) -> Iterator[tuple[Model, int]]:
    for model in models:
        for seed in SEEDS if model in (Model.EXT4, Model.WILD) else range(1):
            yield model, seed


def _look(disk: Disk, model: Model, seed: int, folder: Path, run: Run, cut: int) -> list[str]:
    try:
        return starts_on(disk.state(model, seed), folder, run, cut)
    except Exception as error:  # noqa: BLE001 - that it does not start is what we look for
        return [f"it does not start: {error!r}"]


def all_violations(run: Run, chosen: list[Cut]) -> tuple[Counter[Model], list[str]]:
    """As `violations`, by several processes; each takes a stretch of the history."""
    step = -(-len(chosen) // PROCESSES)
    shares = [chosen[at : at + step] for at in range(0, len(chosen), step)]
    with ProcessPoolExecutor(PROCESSES, get_context("fork")) as pool:
        results = list(pool.map(violations, [run] * len(shares), shares))
    count: Counter[Model] = Counter()
    for states_, _ in results:
        count += states_
    return count, [sentence for _, found in results for sentence in found]


def test_after_a_power_cut_at_any_point_no_promise_is_broken(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    count, found = all_violations(run, cuts_of(run))
    broken = Counter(sentence.split(", ")[1] for sentence in found)
    with capsys.disabled():
        table = ", ".join(f"{model} {count[model]}/{broken[model]}" for model in Model)
        print(f"\n  {len(run.log)} changes, {len(run.marks)} promises; states/violations: {table}")
    assert not found, "\n".join(found[:50])
    assert all(count[model] for model in Model)


@pytest.fixture(scope="module")
def there(short_root: Path) -> Iterator[Forks]:
    outside = short_root / "cut"
    outside.mkdir()
    with forks(outside) as started:
        yield started


def test_after_a_power_cut_the_clients_come_to_their_end(
    run: Run, there: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    paired = next(n for n, r in enumerate(run.log) if r.op is Op.MARK) + 1
    chance = random.Random(3)
    chosen = chance.sample(range(paired, len(run.log) + 1), 300 if SOAK else max(1, 24 // EVERY))
    found = []
    for cut, disk in cuts(run.log, chosen):
        data = there.folder()
        materialise(disk.state(LOSING[cut % 3], cut), data)
        _, clients = run.promises(cut)
        receiver = there.start(data)
        wire = Wire(receiver.url, run.token)
        for client in clients:
            go_on(wire, client)
        wire.close()
        found += [f"cut {cut}: {sentence}" for sentence in complaints(data, clients, done=True)]
        receiver.kill()
        shutil.rmtree(data.parent)
    with capsys.disabled():
        print(f"\n  {len(chosen)} power cuts, after which all clients went on")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "lie",
    [
        "fsync:LIE:*:parts/",
        "fdatasync:LIE:*:catalogue.sqlite3-wal",
        "fsync:LIE:*:files",
        "fsync:LIE:*:versions",
    ],
)
def test_a_disk_that_lies_about_a_sync_is_found_out_by_these_very_cuts(lie: str) -> None:
    run = recorded_run(["anna"], fault=lie)
    chosen: list[Cut] = [(mark, LOSING) for mark in run.marks]
    _, found = violations(run, chosen)
    assert found


def test_a_run_without_a_cut_keeps_every_promise(run: Run) -> None:
    marks = [json.loads(record.data) for record in run.log if record.op is Op.MARK]
    assert sum(mark["event"] == "acknowledged" for mark in marks) > 10 * len(NAMES)
    folder = Path(tempfile.mkdtemp(dir=memory()))
    try:
        end = len(run.log)
        assert starts_on(states(run.log, end, Model.ORDERED), folder / "data", run, end) == []
    finally:
        shutil.rmtree(folder)
