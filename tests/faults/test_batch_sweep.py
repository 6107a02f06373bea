"""The receiver is killed at the disk calls of batches, and of what is done with their files before they are
synced: moves, deletions, replacements; and at those of the syncing itself, which a stop goes through.

Afterwards all of a batch is there or nothing of it, and what was answered for stands where it is to stand.
In `make test` a sample of the calls is died at, in `make soak` every one in all ways, and the recoveries
too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import batch_steps
from kit.course import Course, die, recovered, run, what_is_wrong
from kit.diskshim import Call, can_build
from kit.forked import Died
from kit.sweep import Kill, all_ways, copy, gone, one_way, sweep, world_in
from kit.wire import Wire

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_SWEEP_EVERY", "1"))

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(3600 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@pytest.fixture(scope="module")
def course(short_root: Path) -> Iterator[Course]:
    with world_in(short_root / "batches") as world:
        receiver = world.start(world.template)
        wire = Wire(receiver.url, world.token)
        for step in batch_steps.first_tree():
            step.go_on(wire, world.template)
        wire.close()
        receiver.stop()
        yield run(world, batch_steps.all_changes, stopped=True)


def chosen(calls: list[Call]) -> list[Kill]:
    """Every call in all ways; in `make test`, in one way, and a part of them."""
    if SOAK:
        return [(call.index, way) for call in calls for way in all_ways(call)][::EVERY]
    names = [c for c in calls if c.kind == "name" and "catalogue" not in c.path]
    journals = [c for c in calls if "journal/" in c.path and c not in names]
    others = [c for c in calls if c not in names and c not in journals]
    some = sorted([*names[::7], *journals[::5], *others[::90]], key=lambda call: call.index)
    return [(call.index, way) for call in some for way in one_way(call)][::EVERY]


def test_killed_at_a_disk_call_of_a_batch_all_of_it_is_there_or_nothing(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    def life(kill: Kill) -> list[str]:
        data, steps = course.world.begin(), course.steps()
        die(course, data, steps, kill)
        found = recovered(course, data, steps)
        gone(data)
        return found

    before = course.world.kills
    found = sweep(chosen(course.calls), life)
    kills = course.world.kills - before
    with capsys.disabled():
        print(f"\n  {len(course.calls)} disk calls of batches, killed {kills} times")
    assert not found, "\n".join(found)
    assert kills > 20


def test_killed_in_its_replay_it_replays_all_the_same(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    world = course.world
    # Right after the commit of a batch: its files have no names yet.
    before_names = [c.index for c in course.calls if c.name == "rename" and "parts/" in c.path]
    recoveries = 0

    def life(kill: Kill) -> list[str]:
        nonlocal recoveries
        data, steps = world.begin(), course.steps()
        die(course, data, steps, kill)
        stopped = data.with_name("stopped")
        copy(data, stopped)
        for m in range(1, 400, 1 if SOAK else 17):
            shutil.rmtree(data)
            copy(stopped, data)
            try:
                world.start(data, (m, ("before", "after", "half")[m % 3])).kill()
            except Died:
                recoveries += 1
                receiver = world.start(data)
                found = what_is_wrong(course, data, steps)
                receiver.kill()
                if found:
                    return [f"and {m} calls into recovery: {sentence}" for sentence in found]
            else:
                break
        found = recovered(course, data, steps)
        gone(data)
        return found

    kills: list[Kill] = [(n, "before") for n in before_names[:: EVERY if SOAK else 6 * EVERY]]
    found = sweep(kills, life)
    with capsys.disabled():
        print(f"\n  {recoveries} replays of batches killed")
    assert not found, "\n".join(found)
    assert recoveries
