"""Files that change while they are sent, and files that cannot be read: never a blend of two contents."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from kit.client import PROGRAM
from kit.processes import Process, unprivileged
from together.carriage import MB, MIB, Carriage, finished, rows, same, write_random

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 3 * MIB
SLOW = 2 * MB


@pytest.fixture
def slow(way: Carriage) -> Carriage:
    way.link.rate_bytes_per_second = SLOW
    return way


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(os.urandom(100_000))


def shrink(path: Path) -> None:
    os.truncate(path, SIZE // 3)


def replace(path: Path) -> None:
    write_random(path.with_name("new"), SIZE).replace(path)


def overwrite(path: Path) -> None:
    """In place, at its beginning, which has been sent by then; same size."""
    with path.open("r+b") as file:
        file.write(os.urandom(MIB))


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [grow, shrink, replace, overwrite, touch])
def test_a_file_that_changes_while_it_is_sent_arrives_as_it_is_in_the_end(
    slow: Carriage, change: Callable[[Path], None]
) -> None:
    source, other = two_sources(slow)
    sending = slow.client.start("send", source, other)
    half_way(slow)
    change(source)
    finished(sending)
    stored = slow.stored("changing.bin")
    assert same(source, stored)
    assert stored.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert same(other, slow.stored("other.bin"))
    assert not list((slow.receiver.data / "versions").iterdir()), (
        "only one content ever stood there"
    )
    slow.run("verify", source)


def test_a_file_that_is_written_to_all_the_time_is_never_published_as_a_blend(
    slow: Carriage,
) -> None:
    source, other = two_sources(slow)
    done = threading.Event()

    def write() -> None:
        with source.open("r+b") as file:
            while not done.wait(0.02):
                os.pwrite(file.fileno(), os.urandom(64), 0)
                os.pwrite(file.fileno(), os.urandom(64), SIZE - 64)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sending = slow.client.start("send", source, other)
        sending.wait_for(r"source_changed|[Ss]ettling|changed while")
        assert not slow.stored("changing.bin").exists()
        assert [row["state"] for row in rows(slow.client)] != ["failed"]
    finally:
        done.set()
        writer.join()
    finished(sending)
    assert same(source, slow.stored("changing.bin"))
    assert same(other, slow.stored("other.bin"))


def test_a_file_that_vanishes_while_it_is_sent_needs_the_user(slow: Carriage) -> None:
    source, other = two_sources(slow)
    content = source.read_bytes()
    sending = slow.client.start("send", source, other)
    half_way(slow)
    source.unlink()
    told = finished(sending, 1)
    assert "source_missing" in told
    assert "howdah resume" in told, "a remedy"
    assert same(other, slow.stored("other.bin"))
    assert not slow.stored("changing.bin").exists()
    assert [row["code"] for row in rows(slow.client)] == ["source_missing"]
    source.write_bytes(content)
    slow.run("resume")
    assert same(source, slow.stored("changing.bin"))


def test_a_file_that_becomes_unreadable_while_it_is_sent_arrives_whole(slow: Carriage) -> None:
    """It was opened while it might be read, and it is still the same file."""
    source, other = two_sources(slow)
    sending = as_unprivileged(slow, "send", source, other)
    try:
        half_way(slow)
        source.chmod(0)
        finished(sending)
    finally:
        sending.close()
    assert same(source, slow.stored("changing.bin"))
    assert same(other, slow.stored("other.bin"))


def test_a_file_that_became_unreadable_meanwhile_needs_the_user(slow: Carriage) -> None:
    source, other = two_sources(slow)
    sending = slow.client.start("send", source, other)
    half_way(slow)
    sending.kill()
    source.chmod(0)
    going_on = as_unprivileged(slow, "resume")
    try:
        told = finished(going_on, 1)
    finally:
        going_on.close()
        source.chmod(0o600)
    assert "source_unreadable" in told
    assert same(other, slow.stored("other.bin"))
    assert not slow.stored("changing.bin").exists()
    slow.run("resume")
    assert same(source, slow.stored("changing.bin"))


def test_what_cannot_be_read_is_told_and_holds_up_nothing(way: Carriage) -> None:
    tree = way.folder / "tree"
    for name in ("open.txt", "closed.txt", "closed folder/inside.txt", "open folder/inside.txt"):
        write_random(tree / name, 1000)
    closed = [tree / "closed.txt", tree / "closed folder"]
    for path in closed:
        path.chmod(0)
    sending = as_unprivileged(way, "send", tree, "--json")
    try:
        events = [json.loads(line) for line in finished(sending, 1).splitlines()]
    finally:
        sending.close()
        for path in closed:
            path.chmod(0o700)
    failed = {row["name"]: row for row in events if row.get("state") == "failed"}
    assert set(failed) == {"closed.txt", "closed folder"}
    for row in failed.values():
        assert row["code"] == "source_unreadable"
        assert row["sentence"]
        assert row["remedy"]
    for name in ("open.txt", "open folder/inside.txt"):
        assert same(tree / name, way.stored(f"tree/{name}"))
    assert not way.stored("tree/closed.txt").exists()
    way.run("resume")
    for name in ("closed.txt", "closed folder/inside.txt"):
        assert same(tree / name, way.stored(f"tree/{name}"))


def two_sources(way: Carriage) -> tuple[Path, Path]:
    return (
        write_random(way.folder / "changing.bin", SIZE),
        write_random(way.folder / "other.bin", MB),
    )


def half_way(way: Carriage) -> None:
    """Some of both is there, nothing is complete."""
    way.mark()
    way.link.wait_for(lambda: way.up > SIZE // 2)


def as_unprivileged(way: Carriage, *words: str | Path) -> Process:
    """A command of somebody for whom closed files are closed."""
    folder = way.folder / "output"
    folder.mkdir(exist_ok=True)
    env = {"HOWDAH_HOME": str(way.client.home)}
    return Process(unprivileged(*PROGRAM, *words), folder=folder, env=env)
