"""The receiver is killed (SIGKILL) at every disk call there is, SQLite's included, and nothing is lost.

Before, after and half-way through call n, for n from 1 to the last call of a small mix of uploads,
replacements, a cancel and folders. Then it is started again, without help; the clients go on as clients
do; and the data folder must hold what was promised, and nothing half-made (``kit.oracle``).

In `make soak` the mix of one client, first starts, recoveries and three clients at once die at every n, in
all three ways. In `make test` the mix dies at every call that changes a name, in all ways, and at each sixth
of the others (writes, syncs, sizes), in one of the ways by turns; the rest dies at some n.
HOWDAH_SWEEP_EVERY=k takes each k-th death alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from howdah_receiver.catalogue.tables import SEARCH_TABLES
from kit.diskshim import Call, When, can_build, read_calls
from kit.forked import Died, Forked
from kit.oracle import complaints
from kit.sweep import Kill, World, all_ways, copy, one_way, sweep, world_in
from kit.wire import NoAnswer, Wire, pair
from kit.workload import Promise, go_on, mix

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_SWEEP_EVERY", "1"))
Clients = list[list[Promise]]

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(3600 if SOAK else 1200),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@pytest.fixture(scope="module")
def world(short_root: Path) -> Iterator[World]:
    with world_in(short_root / "sweep") as world:
        yield world


def use(receiver: Forked, token: str, clients: Clients) -> bool:
    """All clients go on at once; whether they came to their end before the receiver died."""

    def one(promises: Sequence[Promise]) -> bool:
        wire = Wire(receiver.url, token)
        try:
            go_on(wire, promises)
        except NoAnswer:
            return False
        finally:
            wire.close()
        return True

    if len(clients) == 1:
        return one(clients[0])
    with ThreadPoolExecutor(len(clients)) as pool:
        return all(list(pool.map(one, clients)))


def die(world: World, data: Path, clients: Clients, kill: Kill) -> bool:
    """A life that ends at `kill`; False where it had come to its end before."""
    try:
        receiver = world.start(data, kill)
    except Died:
        return True
    if use(receiver, world.token, clients):
        receiver.kill()
        return False
    receiver.wait()
    world.kills += 1
    return True


def recovered(world: World, data: Path, clients: Clients, *, look_again: bool) -> list[str]:
    """Start again, look, go on to the end, look; with `look_again`, whether a next start changes anything."""
    receiver = world.start(data)
    try:
        found = complaints(data, clients, done=False)
        if found:
            return [f"after the start: {sentence}" for sentence in found]
        if not use(receiver, world.token, clients):
            return [f"it died unasked: {receiver.story()[-2000:]}"]
        found = complaints(data, clients, done=True)
    finally:
        receiver.kill()
    if not look_again or found:
        return [f"at the end: {sentence}" for sentence in found]
    world.start(data).stop()
    before = everything(data)
    world.start(data).stop()
    return [] if everything(data) == before else ["the second start found something to do"]


def everything(data: Path) -> tuple[list[str], list[tuple[str, int, int]]]:
    """All rows and all files, for comparing; without the digests that are computed in the background."""
    catalogue = sqlite3.connect(f"file:{data / 'catalogue.sqlite3'}?mode=ro", uri=True)
    catalogue.execute("PRAGMA query_only = 1")
    catalogue.create_function("nothing", 0, lambda: None)
    rows = []
    for (table,) in catalogue.execute(
        "SELECT name FROM sqlite_master WHERE type='table'"
    ).fetchall():
        if table.startswith(SEARCH_TABLES) or table == "audit":
            continue  # an index, which cannot be read as a table; and each start is noted
        columns = [
            column[1]
            for column in catalogue.execute(f"PRAGMA table_info({table})")
            if column[1] != "sha256"
        ]
        rows += [
            f"{table} {row}"
            for row in catalogue.execute(f"SELECT {','.join(columns)} FROM {table}")
        ]
    catalogue.close()
    files = [
        (str(path.relative_to(data)), path.stat().st_ino, path.stat().st_mtime_ns)
        for folder in ("files", "versions", "parts", "trash")
        for path in sorted((data / folder).rglob("*"))
    ]
    return rows, files


def devices(data: Path) -> int:
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as catalogue:
        (count,) = catalogue.execute("SELECT count(*) FROM devices").fetchone()
    return int(count)


def calls_of(world: World, clients: Clients, data: Path | None = None) -> list[Call]:
    """The disk calls of a life that nobody ends."""
    data = data or world.begin()
    count = world.outside / f"{data.parent.name}.count"
    receiver = world.forks.start(data, count=count)
    assert use(receiver, world.token, clients), receiver.story()
    receiver.kill()
    shutil.rmtree(data.parent)
    return read_calls(count)


def ways(call: Call) -> list[When]:
    """All of them, or in `make test` one, by turns."""
    return all_ways(call) if SOAK else one_way(call)


def tell(capsys: pytest.CaptureFixture[str], what: str) -> None:
    with capsys.disabled():
        print(f"\n  {what}")


def _ways_of_the_mix(call: Call) -> list[When]:
    """Names decide what a recovery finds: none is left out, in whatever run."""
    if SOAK or call.kind == "name":
        return all_ways(call)
    return ways(call) if call.index % 6 == 0 else []


def test_killed_at_every_disk_call_it_keeps_what_it_promised(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = calls_of(world, [mix()])
    kills = [(call.index, way) for call in calls for way in _ways_of_the_mix(call)][::EVERY]

    def life(kill: Kill) -> list[str]:
        data, clients = world.begin(), [mix()]
        died = die(world, data, clients, kill)
        # Threads of the receiver take turns as they like: a life may have a few calls less.
        if not died and kill[0] < len(calls) - 40:
            return ["it never came to that call"]
        found = recovered(world, data, clients, look_again=kill[0] % 10 == 0)
        shutil.rmtree(data.parent)
        return found

    before = world.kills
    found = sweep(kills, life)
    tell(
        capsys, f"{len(calls)} disk calls, killed {world.kills - before} times, recovered each time"
    )
    assert not found, "\n".join(found)


def test_killed_at_every_disk_call_of_its_first_start_it_begins_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def life(kill: Kill) -> list[str]:
        data, token = world.forks.folder(), ""
        try:
            receiver = world.start(data, kill)
        except Died:
            pass
        else:
            try:
                token = pair(receiver.url, receiver.link)
            except (Died, NoAnswer):
                world.kills += 1
            finally:
                receiver.kill()
        receiver = world.start(data)
        try:
            if token or not devices(data):
                wire = Wire(receiver.url, token or pair(receiver.url, receiver.link))
                status = wire.get("/uploads").status
                wire.close()
            else:
                # It was paired, and died before it could say so: it prints no further link by itself.
                status = 200
        finally:
            receiver.kill()
        shutil.rmtree(data.parent)
        return [] if status == 200 else ["its device is not known any more"]

    data = world.forks.folder()
    count = world.outside / "first.count"
    receiver = world.forks.start(data, count=count)
    pair(receiver.url, receiver.link)
    receiver.kill()
    calls = read_calls(count)
    kills = [(call.index, way) for call in calls for way in ways(call)]
    before = world.kills
    found = sweep(kills[:: EVERY if SOAK else 3 * EVERY], life)
    tell(capsys, f"{len(calls)} disk calls of a first start, killed {world.kills - before} times")
    assert not found, "\n".join(found)


def test_killed_at_every_disk_call_of_its_recovery_it_recovers_all_the_same(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = calls_of(world, [mix()])
    # Where most is under way: what was replaced has its second name, the part has moved, or not yet.
    names = [c.index for c in calls if c.name in ("link", "rename") or "versions" in c.path]
    chosen = names[:: EVERY if SOAK else 4 * EVERY] + (
        [c.index for c in calls[::9]] if SOAK else []
    )
    before = world.kills
    recoveries = 0

    def life(kill: Kill) -> list[str]:
        nonlocal recoveries
        data, clients = world.begin(), [mix()]
        died = die(world, data, clients, kill)
        stopped = data.with_name("stopped")
        copy(data, stopped)
        for m in range(1, 400, 1 if SOAK else 4):
            shutil.rmtree(data)
            copy(stopped, data)
            try:
                world.start(data, (m, ("before", "after", "half")[m % 3])).kill()
            except Died:
                recoveries += 1
                receiver = world.start(data)
                found = complaints(data, clients, done=False)
                receiver.kill()
                if found:
                    return [f"and {m} calls into recovery: {sentence}" for sentence in found]
            else:
                break
        found = recovered(world, data, clients, look_again=died)
        shutil.rmtree(data.parent)
        return found

    found = sweep([(n, "after") for n in chosen], life)
    kills = world.kills - before
    tell(capsys, f"{len(chosen)} deaths, {recoveries} of their recoveries killed ({kills} kills)")
    assert not found, "\n".join(found)


def test_killed_at_any_disk_call_of_three_clients_at_once_it_keeps_what_it_promised(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def clients() -> Clients:
        return [mix("anna"), mix("ben"), mix("clara")]

    calls = calls_of(world, clients())
    kills = [(call.index, way) for call in calls for way in ways(call)]
    before = world.kills

    def life(kill: Kill) -> list[str]:
        data, three = world.begin(), clients()
        die(world, data, three, kill)
        found = recovered(world, data, three, look_again=False)
        shutil.rmtree(data.parent)
        return found

    found = sweep(kills[:: EVERY if SOAK else 61 * EVERY], life)
    tell(capsys, f"{len(calls)} disk calls of three at once, killed {world.kills - before} times")
    assert not found, "\n".join(found)
