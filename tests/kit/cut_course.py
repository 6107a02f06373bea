"""A course of changes is recorded with a mark at each answer; the states that a disk may hold after a power
cut are rebuilt from it, and on each of them a receiver recovers."""

from __future__ import annotations

import json
import logging
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from kit.diskshim import Op, Record, environment, mark, read_record
from kit.forked import memory
from kit.oracle import Snapshot, complaints, snapshot
from kit.power_cut import Disk, Model, cuts, materialise
from kit.receiver import running_receiver
from kit.recorded import look_at_uploads
from kit.tree_steps import Step
from kit.wire import Wire, pair

LOSING = (Model.STRICT, Model.EXT4, Model.WILD)


@dataclass(frozen=True)
class Run:
    """All changes in order, with a mark for each step that was answered, and what there was after it."""

    log: list[Record]
    snapshots: list[Snapshot]

    def done(self, cut: int) -> int:
        """How many steps were answered by then."""
        return sum(record.op is Op.MARK for record in self.log[:cut])


def record_run(
    first: Callable[[], list[Step]],
    changes: Callable[[], list[Step]],
    wait: Callable[[Path], None] = lambda _: None,
) -> Run:
    """`wait`: after the last step, on the data folder, for what goes on beside."""
    folder = Path(tempfile.mkdtemp(prefix="howdah-run-", dir=memory()))
    record, data = folder / "record", folder / "data"
    data.mkdir(mode=0o700)
    snapshots = []
    try:
        with running_receiver(data, env=environment(data, record=record)) as receiver:
            wire = Wire(receiver.url, pair(receiver.url, receiver.link))
            for step in first():
                step.go_on(wire, data)
            snapshots.append(snapshot(data))
            steps = changes()
            mark(record, b"first")
            for number, step in enumerate(steps):
                step.go_on(wire, data)
                snapshots.append(snapshot(data))
                mark(record, json.dumps(number).encode())
            wait(data)
            wire.close()
            receiver.kill()
        return Run(read_record(record), snapshots)
    finally:
        shutil.rmtree(folder)


def chosen_cuts(run: Run, *, soak: bool, every: int) -> dict[int, tuple[Model, ...]]:
    """Right after each answer, around syncs, and some others; with `soak`, all of them."""
    begun = next(n for n, record in enumerate(run.log) if record.op is Op.MARK) + 1
    everywhere = range(begun, len(run.log) + 1)
    if soak:
        return dict.fromkeys(everywhere[::every], tuple(Model))
    syncs = [n for n in everywhere[:-1] if run.log[n].op in (Op.FSYNC, Op.FDATASYNC)]
    chosen = random.Random(1).sample(syncs, len(syncs) // 3)
    cuts_ = {cut + cut % 2: (LOSING[cut % 3],) for cut in chosen}
    marks = [n + 1 for n in everywhere[:-1] if run.log[n].op is Op.MARK]
    return dict(sorted({**cuts_, **dict.fromkeys(marks, LOSING)}.items())[::every])


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


def all_wrong(run: Run, chosen: Mapping[int, tuple[Model, ...]]) -> tuple[list[str], int]:
    """What is wrong after the chosen cuts, and how many states that were."""
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="howdah-cut-", dir=memory()))
    found, states = [], 0
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
    return found, states
