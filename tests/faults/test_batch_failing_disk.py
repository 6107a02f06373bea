"""A disk that fails while batches come: no file is answered for that is not safe, nothing half-made is seen,
and once the disk is well again a repetition of the same batch gets all of it through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import batch_steps
from kit.diskshim import can_build
from kit.oracle import complaints, snapshot
from kit.sweep import wait_until, world_in
from kit.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.oracle import Snapshot
    from kit.sweep import World
    from kit.tree_steps import Step

FAULTS = [
    "write:ENOSPC:*:journal/", "write:EIO:*:journal/", "fsync:EIO:*:journal",
    "write:ENOSPC:*:parts/", "rename:EIO:*", "mkdir:ENOSPC:*", "fsync:EIO:*:files/",
    "unlink:EIO:*", "write:ENOSPC:*:catalogue.sqlite3-wal",
]  # fmt: skip
"""Each while a step is asked for first; then the disk is well again."""

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def world(short_root: Path) -> Iterator[World]:
    with world_in(short_root / "failing-batches") as found:
        receiver = found.start(found.template)
        wire = Wire(receiver.url, found.token)
        for step in batch_steps.first_tree():
            step.go_on(wire, found.template)
        wire.close()
        receiver.stop()
        yield found


@pytest.fixture(scope="module")
def wanted(world: World) -> Snapshot:
    """What there is when nothing fails."""
    data = world.begin()
    receiver = world.start(data)
    wire = Wire(receiver.url, world.token)
    try:
        for step in batch_steps.all_changes():
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


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_failing_disk_stopped_comes_through_once_it_is_well(
    world: World, wanted: Snapshot, fault: str, *, restarted: bool
) -> None:
    data = world.begin()
    armed = world.outside / f"{data.parent.name}.armed"
    receiver = world.forks.start(data, fault=fault, armed=armed)
    wire = Wire(receiver.url, world.token)
    failed = 0
    try:
        for step in batch_steps.all_changes():
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
        receiver.stop()
        receiver = world.forks.start(data)
        found: list[str] = []

        def well() -> bool:
            found[:] = complaints(data, [], done=False)
            return not any("intent" in one for one in found)

        wait_until(well)
        assert not found, "\n".join(found)
        assert snapshot(data) == wanted
    finally:
        wire.close()
        receiver.kill()
    assert failed or fault.startswith("unlink")
