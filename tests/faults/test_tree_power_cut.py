"""The power goes while a tree is changed, and what was answered for is there: moves, the trash, versions, a
folder as it was, what was removed for good.

As in `test_power_cut`: a run is recorded with a mark at each answer, the states that a disk may then hold are
rebuilt, and on each of them a receiver recovers. There is then what there was after the last answer, or
after the step that was under way.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from kit import tree_steps
from kit.diskshim import Op, Record, can_build, environment, mark, read_record
from kit.forked import memory
from kit.oracle import Snapshot, complaints, snapshot
from kit.power_cut import Disk, Model, cuts, materialise
from kit.receiver import running_receiver
from kit.recorded import look_at_uploads
from kit.wire import Wire, pair

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_CUT_EVERY", "1"))
LOSING = (Model.STRICT, Model.EXT4, Model.WILD)

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(7200 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@dataclass(frozen=True)
class Run:
    """All changes in order, with a mark for each step that was answered, and what there was after it."""

    log: list[Record]
    snapshots: list[Snapshot]

    def done(self, cut: int) -> int:
        """How many steps were answered by then."""
        return sum(record.op is Op.MARK for record in self.log[:cut])


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    folder = Path(tempfile.mkdtemp(prefix="howdah-tree-run-", dir=memory()))
    record, data = folder / "record", folder / "data"
    data.mkdir(mode=0o700)
    snapshots = []
    try:
        with running_receiver(data, env=environment(data, record=record)) as receiver:
            wire = Wire(receiver.url, pair(receiver.url, receiver.link))
            for step in tree_steps.first_tree():
                step.go_on(wire, data)
            snapshots.append(snapshot(data))
            changes = tree_steps.all_changes(tree_steps.now_ns(), by_hand=False)
            mark(record, b"first")
            for number, step in enumerate(changes):
                step.go_on(wire, data)
                snapshots.append(snapshot(data))
                mark(record, json.dumps(number).encode())
            wire.close()
            receiver.kill()
        yield Run(read_record(record), snapshots)
    finally:
        shutil.rmtree(folder)


def chosen_cuts(run: Run) -> dict[int, tuple[Model, ...]]:
    """Right after each answer, around syncs, and some others; all of them in `make soak`."""
    begun = next(n for n, record in enumerate(run.log) if record.op is Op.MARK) + 1
    everywhere = range(begun, len(run.log) + 1)
    if SOAK:
        return dict.fromkeys(everywhere[::EVERY], tuple(Model))
    syncs = [n for n in everywhere[:-1] if run.log[n].op in (Op.FSYNC, Op.FDATASYNC)]
    chosen = random.Random(1).sample(syncs, len(syncs) // 3)
    cuts_ = {cut + cut % 2: (LOSING[cut % 3],) for cut in chosen}
    marks = [n + 1 for n in everywhere[:-1] if run.log[n].op is Op.MARK]
    return dict(sorted({**cuts_, **dict.fromkeys(marks, LOSING)}.items())[::EVERY])


def what_is_wrong(run: Run, disk: Disk, model: Model, cut: int, folder: Path) -> list[str]:
    materialise(disk.state(model, cut), folder)
    receiver = Receiver(Settings(data=folder))
    try:
        look_at_uploads(receiver)
        receiver.tree.go_on_removing()
    finally:
        receiver.stop()
    done = run.done(cut)
    found = complaints(folder, [], done=False)
    there = snapshot(folder)
    if not found and there not in run.snapshots[done - 1 : done + 1]:
        found.append(
            f"after step {done - 1} there is neither what was, nor what was to be: {there}"
        )
    return found


def test_after_a_power_cut_there_is_what_was_answered_for(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="howdah-tree-cut-", dir=memory()))
    chosen, found, states = chosen_cuts(run), [], 0
    try:
        for cut, disk in cuts(run.log, chosen):
            for model in chosen[cut]:
                states += 1
                wrong = what_is_wrong(run, disk, model, cut, folder / "data")
                found += [f"cut {cut}, {model}: {sentence[:2000]}" for sentence in wrong]
                shutil.rmtree(folder / "data")
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder)
    with capsys.disabled():
        print(f"\n  {len(run.log)} changes of a disk, {states} states after a power cut")
    assert not found, "\n".join(found[:20])
