"""A course of changes that is gone through once without harm, and then again and again by receivers that die
on the way: afterwards there is what was before the step that was under way, or what is after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit.diskshim import Call, read_calls
from kit.forked import Died, Forked
from kit.oracle import Snapshot, complaints, snapshot
from kit.sweep import Kill, World, gone, wait_until
from kit.tree_steps import Step
from kit.wire import NoAnswer, Wire


@dataclass
class Course:
    """A run that nobody ended: its disk calls, and what there was after each step."""

    world: World
    steps: Callable[[], list[Step]]
    """Anew, as if none had been taken yet."""
    calls: list[Call]
    snapshots: list[list[Snapshot]]
    """Before the first step, then what there may be while and after each."""
    stopped: bool = False
    """It ends with a stop in good order, which is a part of it."""


def run(world: World, steps: Callable[[], list[Step]], *, stopped: bool = False) -> Course:
    """`stopped`: it ends with a stop in good order."""
    data, count = world.begin(), world.outside / "trees.count"
    receiver = world.start(data, count=count)
    wire = Wire(receiver.url, world.token)
    snapshots = [[snapshot(data)]]
    try:
        for step in steps():
            seen = []
            if step.before is not None:
                step.before(data)
                step.before = None
                seen = [snapshot(data)]
            step.go_on(wire, data)
            snapshots.append([*seen, snapshot(data)])
    finally:
        wire.close()
        _end(receiver, stopped=stopped)
    assert complaints(data, [], done=False) == []
    gone(data)
    return Course(world, steps, read_calls(count), snapshots, stopped)


def _end(receiver: Forked, *, stopped: bool) -> None:
    if stopped:
        receiver.stop()
    else:
        receiver.kill()


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
        _end(receiver, stopped=course.stopped)
        return False
    receiver.wait()
    course.world.kills += 1
    return True
