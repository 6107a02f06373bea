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
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import tree_steps
from kit.diskshim import Call, can_build, read_calls
from kit.forked import Died
from kit.oracle import Snapshot, complaints, snapshot
from kit.sweep import Kill, World, all_ways, copy, gone, one_way, sweep, wait_until, world_in
from kit.tree_steps import Step
from kit.wire import NoAnswer, Wire

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_SWEEP_EVERY", "1"))
SLACK = 40
"""Threads of the receiver take turns as they like: a life may have a few calls less."""

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(3600 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@dataclass
class Course:
    """A run that nobody ended: its disk calls, and what there was after each step."""

    world: World
    at_ns: int
    calls: list[Call]
    snapshots: list[list[Snapshot]]
    """Before the first step, then what there may be while and after each."""

    def steps(self) -> list[Step]:
        return tree_steps.all_changes(self.at_ns)


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
        yield _run(world, at_ns)


def _run(world: World, at_ns: int) -> Course:
    data, count = world.begin(), world.outside / "trees.count"
    receiver = world.start(data, count=count)
    wire = Wire(receiver.url, world.token)
    snapshots = [[snapshot(data)]]
    try:
        for step in tree_steps.all_changes(at_ns):
            seen = []
            if step.before is not None:
                step.before(data)
                step.before = None
                seen = [snapshot(data)]
            step.go_on(wire, data)
            snapshots.append([*seen, snapshot(data)])
    finally:
        wire.close()
        receiver.kill()
    assert complaints(data, [], done=False) == []
    gone(data)
    return Course(world, at_ns, read_calls(count), snapshots)


def go_on(world: World, url: str, data: Path, steps: list[Step]) -> bool:
    """Whether all was done before the receiver died."""
    wire = Wire(url, world.token)
    try:
        for step in steps:
            if not step.acknowledged:
                step.go_on(wire, data)
    except NoAnswer:
        return False
    finally:
        wire.close()
    return True


def what_is_wrong(course: Course, data: Path, steps: list[Step]) -> list[str]:
    """Once what is removed for good is gone: nothing waits for that, not even the start."""
    allowed = _allowed(course, steps)
    found: list[str] = []

    def well() -> bool:
        found[:] = complaints(data, [], done=False, edited=_edited(steps))
        return not any(("intent" in one) for one in found)

    wait_until(well)
    there = snapshot(data)
    if not found and there not in allowed:
        step = next((step for step in steps if not step.acknowledged), steps[-1])
        return [f"at {step.name!r}: {difference(there, allowed)}"]
    return found


def _allowed(course: Course, steps: list[Step]) -> list[Snapshot]:
    done = sum(step.acknowledged for step in steps)
    allowed = [course.snapshots[done][-1]]
    if done < len(steps) and steps[done].begun:
        allowed += course.snapshots[done + 1]
    return allowed


def _edited(steps: list[Step]) -> bool:
    """Whether other hands have just edited something that nobody has asked for yet."""
    return any(s.before is not None and s.begun and not s.acknowledged for s in steps)


def difference(there: Snapshot, allowed: list[Snapshot]) -> str:
    lines = []
    for name in ("files", "kept", "trash"):
        is_, may = getattr(there, name), [getattr(one, name) for one in allowed]
        if is_ not in may:
            lines.append(f"{name} are {_short(is_)}, not {' or '.join(map(_short, may))}")
    return "; ".join(lines) or "a mixture of before and after"


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_short(one) for one in value) + "]"
    return repr(value[:4] if isinstance(value, bytes) else value)


def recovered(course: Course, data: Path, steps: list[Step]) -> list[str]:
    """Start again, look, go on to the end, look."""
    world = course.world
    receiver = world.start(data)
    try:
        found = what_is_wrong(course, data, steps)
        if found:
            return [f"after the start: {sentence}" for sentence in found]
        if not go_on(world, receiver.url, data, steps):
            return [f"it died unasked: {receiver.story()[-2000:]}"]
        found = what_is_wrong(course, data, steps)
    finally:
        receiver.kill()
    return [f"at the end: {sentence}" for sentence in found]


def die(course: Course, data: Path, steps: list[Step], kill: Kill) -> bool:
    """A life that ends at `kill`; False where it had come to its end before."""
    try:
        receiver = course.world.start(data, kill)
    except Died:
        return True
    if go_on(course.world, receiver.url, data, steps):
        receiver.kill()
        return False
    receiver.wait()
    course.world.kills += 1
    return True


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
