"""The receiver is killed at the disk calls of all that changes a tree: moves, the trash, versions, a folder
as it was, removing for good, and files that other hands edit meanwhile.

Afterwards there is either what was there before the step that was under way, or what is there after it:
byte for byte, on the disk and in the catalogue, with every count right. What that is was written down in a
run that nobody ended. In `make test` every call that changes a name and some of the others are died at in
one way; in `make soak` every call in all ways, and the recoveries too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import tree_steps
from kit.course import Course, die, recovered, run, what_is_wrong
from kit.diskshim import Call, can_build
from kit.forked import Died
from kit.sweep import Kill, all_ways, copy, gone, one_way, sweep, world_in
from kit.wire import Wire

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_SWEEP_EVERY", "1"))
SLACK = 40
"""Threads of the receiver take turns as they like: a life may have a few calls less."""

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(3600 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@pytest.fixture(scope="module")
def course(short_root: Path) -> Iterator[Course]:
    with world_in(short_root / "trees") as world:
        receiver = world.start(world.template)
        wire = Wire(receiver.url, world.token)
        for step in tree_steps.first_tree():
            step.go_on(wire, world.template)
        at_ns = tree_steps.now_ns()
        wire.close()
        receiver.stop()
        yield run(world, lambda: tree_steps.all_changes(at_ns))


def chosen(calls: list[Call]) -> list[Kill]:
    """Every call in all ways; in `make test`, in one way, names and a part of the rest."""
    if SOAK:
        return [(call.index, way) for call in calls for way in all_ways(call)][::EVERY]
    names = [c for c in calls if c.kind == "name" and "catalogue" not in c.path]
    others = [c for c in calls if c not in names][::31]
    kills = [(c.index, way) for c in sorted([*names[::3], *others], key=lambda c: c.index)
             for way in one_way(c)]  # fmt: skip
    return kills[::EVERY]


def test_killed_at_a_disk_call_of_a_change_there_is_what_was_before_it_or_after(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    def life(kill: Kill) -> list[str]:
        data, steps = course.world.begin(), course.steps()
        died = die(course, data, steps, kill)
        if not died and kill[0] < len(course.calls) - SLACK:
            return ["it never came to that call"]
        found = recovered(course, data, steps)
        gone(data)
        return found

    before = course.world.kills
    found = sweep(chosen(course.calls), life)
    with capsys.disabled():
        kills = course.world.kills - before
        print(f"\n  {len(course.calls)} disk calls of changes of trees, killed {kills} times")
    assert not found, "\n".join(found)


def test_killed_in_its_recovery_it_recovers_all_the_same(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    world = course.world
    names = [c.index for c in course.calls if c.name in ("link", "rename", "renameat2", "rmdir")]
    recoveries = 0

    def life(kill: Kill) -> list[str]:
        nonlocal recoveries
        data, steps = world.begin(), course.steps()
        die(course, data, steps, kill)
        stopped = data.with_name("stopped")
        copy(data, stopped)
        for m in range(1, 400, 1 if SOAK else 7):
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

    found = sweep([(n, "after") for n in names[:: EVERY if SOAK else 12 * EVERY]], life)
    with capsys.disabled():
        print(f"\n  {recoveries} recoveries of changes of trees killed")
    assert not found, "\n".join(found)
