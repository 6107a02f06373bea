"""A disk that fails, is full, or lies: no completion is answered for that is not safe, and once the disk
is well again everything goes on.

The faults come from the disk shim, below a real receiver, while a file says so. HOWDAH_FAULTS_EVERY=k
takes each k-th call of the sweep alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from howdah_common.ranges import RangeSet
from kit.diskshim import can_build, read_calls
from kit.forked import Forked, Forks, forks
from kit.oracle import complaints
from kit.wire import Answer, Wire, frame, pair
from kit.workload import CHUNK_BYTES, Load, content

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_FAULTS_EVERY", "1"))
TROUBLE = {"storage_failed", "storage_full", "upload_incomplete"}
"""What a completion may answer instead."""

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@dataclass
class Machine:
    """A data folder with a paired device, and a disk that fails while `armed` exists."""

    forks: Forks
    data: Path
    token: str
    armed: Path
    count: Path
    receiver: Forked | None = None
    wire: Wire | None = None

    def start(self, fault: str | None = None) -> Wire:
        """The receiver, again; its disk is well until `broken`."""
        self.receiver = self.forks.start(self.data, fault=fault, armed=self.armed, count=self.count)
        self.wire = Wire(self.receiver.url, self.token)
        return self.wire

    def end(self) -> None:
        """Kill it."""
        if self.wire is not None:
            self.wire.close()
        if self.receiver is not None:
            self.receiver.kill()
        self.wire = self.receiver = None

    def break_disk(self) -> None:
        self.armed.touch()

    def mend_disk(self) -> None:
        self.armed.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def there(short_root: Path) -> Iterator[Forks]:
    outside = short_root / "failing"
    outside.mkdir()
    with forks(outside) as started:
        yield started


@pytest.fixture(scope="module")
def paired(there: Forks) -> tuple[Path, str]:
    """A data folder to copy, and the token of its device."""
    data = there.folder()
    receiver = there.start(data)
    token = pair(receiver.url, receiver.link)
    receiver.stop()
    return data, token


def machine_on(there: Forks, paired: tuple[Path, str], folder: Path) -> Machine:
    data = there.folder()
    shutil.copytree(paired[0], data)
    name = data.parent.name
    return Machine(there, data, paired[1], folder / f"{name}.armed", folder / f"{name}.count")


@pytest.fixture
def machine(there: Forks, paired: tuple[Path, str], short_path: Path) -> Iterator[Machine]:
    made = machine_on(there, paired, short_path)
    yield made
    made.end()


def first() -> Load:
    # With its SHA-256 known at once: nothing goes on in the background when the disk breaks.
    return Load("a/b/notes", content("1", 300), with_sha256=True, client_id="1" * 32)


def second() -> Load:
    return Load("a/b/notes", content("2", 2 * CHUNK_BYTES), with_sha256=True, client_id="2" * 32)


def send(wire: Wire, load: Load) -> None:
    """All up to the completion."""
    load.send(wire, _received(wire, load))


def _received(wire: Wire, load: Load) -> RangeSet:
    if not load.upload:
        load.start(wire)
    return RangeSet(wire.get(f"/uploads/{load.upload}").expect(200)["received"])


def go_on(wire: Wire, load: Load) -> None:
    """To the end; a failed fsync may have taken back what was acknowledged."""
    load.chunks.clear()
    load.complete(wire)
    load.go_on(wire)


def is_well(machine: Machine, *loads: Load, done: bool) -> None:
    found = complaints(machine.data, [loads], done=done)
    assert not found, "\n".join(found)


def one_call_fails(machine: Machine, fault: str) -> tuple[Answer, list[str]]:
    """A replacement whose completion meets `fault`; it goes on once the disk is well, over a restart."""
    wire = machine.start(fault)
    before, load = first(), second()
    before.go_on(wire)
    send(wire, load)
    machine.break_disk()
    answer = load.complete(wire)
    machine.mend_disk()
    names = [call.name for call in read_calls(machine.count)]
    go_on(wire, load)
    is_well(machine, before, load, done=True)
    machine.end()
    machine.start()
    is_well(machine, before, load, done=True)
    machine.end()
    return answer, names


def test_whatever_call_of_a_completion_fails_it_is_not_answered_for_and_goes_on_later(
    there: Forks, paired: tuple[Path, str], short_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, calls = one_call_fails(machine_on(there, paired, short_path), "*:DELAY0:*")
    met = 0
    for n in range(1, len(calls) + 1, EVERY):
        errors = ("EIO", "ENOSPC") if SOAK else (("EIO", "ENOSPC")[n % 2],)
        for error in errors:
            for from_there_on in ("", "+") if SOAK else (("", "+")[n // 2 % 2],):
                fault = f"*:{error}:{n}{from_there_on}"
                answer, met_calls = one_call_fails(machine_on(there, paired, short_path), fault)
                if len(met_calls) < n:
                    continue  # it came to its end with a call less: two commits were one
                where = f"{fault} ({calls[n - 1]})"
                assert answer.code in TROUBLE, f"{where}: {answer.status} {answer.body}"
                met += 1
    with capsys.disabled():
        print(f"\n  {len(calls)} disk calls of a completion, {met} times one failed")


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_completion_that_failed_is_carried_through_by_the_next_start(
    machine: Machine, error: str
) -> None:
    wire = machine.start(f"fsync:{error}:*:files/owner/a/b")
    before, load = first(), second()
    before.go_on(wire)
    send(wire, load)
    machine.break_disk()
    assert load.complete(wire).code in TROUBLE
    machine.end()
    machine.mend_disk()
    wire = machine.start()
    is_well(machine, before, load, done=False)
    go_on(wire, load)
    is_well(machine, before, load, done=True)


def test_a_disk_that_fails_during_recovery_too_loses_nothing(machine: Machine) -> None:
    fault = "fsync:EIO:*:files/owner/a/b"
    wire = machine.start(fault)
    before, load = first(), second()
    before.go_on(wire)
    send(wire, load)
    machine.break_disk()
    assert load.complete(wire).code in TROUBLE
    machine.end()
    wire = machine.start(fault)  # still broken: it starts, but cannot carry the change through yet
    assert load.complete(wire).code in TROUBLE
    machine.mend_disk()
    go_on(wire, load)
    is_well(machine, before, load, done=True)


def test_after_a_failed_fsync_the_chunks_are_asked_for_again(machine: Machine) -> None:
    wire = machine.start("fsync:EIO:1:parts/")
    load = second()
    send(wire, load)
    machine.break_disk()
    assert load.complete(wire).code == "storage_failed"
    assert load.complete(wire).code == "upload_incomplete"
    assert not _received(wire, load)
    go_on(wire, load)
    is_well(machine, load, done=True)


def test_a_failed_fsync_that_cannot_even_be_written_down_is_not_forgotten(machine: Machine) -> None:
    met, loads = 0, list[Load]()
    for n in range(1, 12):  # the catalogue fails from its n-th write on
        load = Load(f"again/{n}", content("2", 2 * CHUNK_BYTES), client_id=f"{n:032x}")
        wire = machine.start(f"fsync:EIO:1:parts/,write:EIO:{n}+:catalogue.sqlite3-wal")
        loads.append(load)
        send(wire, load)
        machine.break_disk()
        assert load.complete(wire).code in TROUBLE
        machine.mend_disk()
        failed = "fsync" in [call.name for call in read_calls(machine.count)]
        # The disk is well, and would say of the next fsync that all is there.
        answer = load.complete(wire)
        assert answer.code in TROUBLE if failed else answer.status == 201, answer.body
        met += failed
        go_on(wire, load)
        is_well(machine, *loads, done=True)
        machine.end()
        machine.count.unlink()
    assert met


@pytest.mark.parametrize("fault", ["FLIP", "LIE"])
@pytest.mark.parametrize("way", ["stream", "plain"])
def test_what_the_disk_made_of_a_chunk_is_seen_before_it_counts(
    machine: Machine, fault: str, way: str
) -> None:
    wire = machine.start(f"write:{fault}:1:parts/")
    load = second()
    load.start(wire)
    machine.break_disk()
    if way == "plain":
        answer = load.put(wire, 0)
        missing = [0, 1]
    else:
        frames = b"".join(frame(n, load.pieces[n], load.algorithm) for n in (0, 1))
        answer = wire.put_stream(load.upload, frames)
        missing = [n for n in (0, 1) if n not in _received(wire, load)]
    assert answer.code == "chunk_mismatch"
    assert missing
    go_on(wire, load)
    is_well(machine, load, done=True)


@pytest.mark.parametrize("fault", ["write:FLIP:~0.3:parts/", "write:SHORT:~0.7:parts/"])
def test_a_disk_that_errs_at_random_ends_with_equal_trees(machine: Machine, fault: str) -> None:
    wire = machine.start(fault)
    load = Load("large", content("large", 20 * CHUNK_BYTES + 5), client_id="3" * 32)
    machine.break_disk()
    load.start(wire)
    for _ in range(100):
        received = _received(wire, load)
        missing = [n for n in range(load.plan.total_chunks) if n not in received]
        if not missing:
            break
        for number in missing:
            assert load.put(wire, number).status in (201, 422)
    load.complete(wire).expect(201)
    is_well(machine, load, done=True)


def test_a_disk_that_is_full_at_the_start_is_known_before_the_bytes_come(machine: Machine) -> None:
    wire = machine.start("size:ENOSPC:*:parts/")
    load = second()
    machine.break_disk()
    answer = wire.post(
        "/uploads",
        {"client_id": load.client_id, "path": load.path, "size": len(load.content),
         "modified_ns": 0, "digest_algorithm": load.algorithm},
    )  # fmt: skip
    assert (answer.status, answer.code) == (507, "storage_full")
    assert wire.get("/uploads").expect(200)["uploads"] == []
    assert os.listdir(machine.data / "parts") == []
    machine.mend_disk()
    load.go_on(wire)
    is_well(machine, load, done=True)


def test_chunks_that_cannot_be_written_down_do_not_count(machine: Machine) -> None:
    wire = machine.start("write:ENOSPC:*:catalogue.sqlite3-wal")
    load = second()
    load.start(wire)
    machine.break_disk()
    frames = frame(0, load.pieces[0], load.algorithm)
    assert wire.put_stream(load.upload, frames).status >= 500
    assert load.put(wire, 1).status >= 500
    machine.mend_disk()
    assert not _received(wire, load)
    load.go_on(wire)
    is_well(machine, load, done=True)
