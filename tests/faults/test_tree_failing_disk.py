"""A disk that fails while a tree is changed: nothing is answered for that is not safe, and once it is well
again everything is carried through, by the next change or by the next start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import tree_steps
from kit.diskshim import can_build
from kit.oracle import Snapshot, complaints, snapshot
from kit.sweep import World, wait_until, world_in
from kit.tree_steps import Step
from kit.wire import Wire

FAULTS = [
    "rename:EIO:*", "link:EIO:*", "unlink:EIO:*", "rmdir:EIO:*", "mkdir:ENOSPC:*",
    "fsync:EIO:*:files/", "fsync:EIO:*:trash", "fsync:EIO:*:versions",
    "write:ENOSPC:*:catalogue.sqlite3-wal",
]  # fmt: skip
AND_RESTARTED = ["rename:EIO:*", "fsync:EIO:*:trash", "write:ENOSPC:*:catalogue.sqlite3-wal"]
"""Each while a step is asked for first; then the disk is well again."""

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def world(short_root: Path) -> Iterator[World]:
    with world_in(short_root / "failing-trees") as found:
        receiver = found.start(found.template)
        wire = Wire(receiver.url, found.token)
        for step in tree_steps.first_tree():
            step.go_on(wire, found.template)
        wire.close()
        receiver.stop()
        yield found


@pytest.fixture(scope="module")
def at_ns(world: World) -> int:
    return tree_steps.now_ns()


@pytest.fixture(scope="module")
def wanted(world: World, at_ns: int) -> Snapshot:
    """What there is when nothing fails."""
    data = world.begin()
    receiver = world.start(data)
    wire = Wire(receiver.url, world.token)
    try:
        for step in tree_steps.all_changes(at_ns):
            step.go_on(wire, data)
    finally:
        wire.close()
        receiver.stop()
    return snapshot(data)


def was_done(step: Step, wire: Wire, data: Path) -> bool:
    """Whether it was answered for; a step finds out by itself what is left of it."""
    try:
        step.go_on(wire, data)
    except AssertionError:  # another answer than the one that it wants
        return False
    return True


@pytest.mark.parametrize(
    ("fault", "restarted"),
    [*((fault, False) for fault in FAULTS), *((fault, True) for fault in AND_RESTARTED)],
)
def test_what_a_failing_disk_stopped_is_carried_through(
    world: World, at_ns: int, wanted: Snapshot, fault: str, restarted: bool
) -> None:
    data = world.begin()
    armed = world.outside / f"{data.parent.name}.armed"
    receiver = world.forks.start(data, fault=fault, armed=armed)
    wire = Wire(receiver.url, world.token)
    failed = 0
    try:
        for step in tree_steps.all_changes(at_ns):
            armed.touch()
            done = was_done(step, wire, data)
            failed += not done
            armed.unlink()
            if not done and restarted:
                wire.close()
                receiver.kill()
                receiver = world.forks.start(data, fault=fault, armed=armed)
                wire = Wire(receiver.url, world.token)
            # What was begun may have been carried through by the first call, which then finds it gone.
            assert done or any(was_done(step, wire, data) for _ in range(3)), step.name
        found: list[str] = []

        def well() -> bool:
            found[:] = complaints(data, [], done=False)
            return not any("intent" in one for one in found)

        receiver.stop()
        receiver = world.forks.start(data)
        wait_until(well)
        assert not found, "\n".join(found)
        assert snapshot(data) == wanted
    finally:
        wire.close()
        receiver.kill()
    assert failed, "the fault was never met"
