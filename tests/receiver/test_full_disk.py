"""A disk that is really full: said before the bytes come, and everything that counted is kept."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kit.native import Native, part_file, random_content
from kit.receiver import RunningReceiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024


@pytest.fixture
def small_disk(short_path: Path) -> Iterator[Path]:
    """64 MB, and no more."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = short_path / "data"  # the receiver's folder itself: what the test writes goes elsewhere
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "howdah-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def full(small_disk: Path) -> Iterator[RunningReceiver]:
    with running_receiver(small_disk) as receiver:
        yield receiver


@pytest.fixture
def device(full: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(full) as paired:
        yield paired


def assert_catalogue_is_whole(receiver: RunningReceiver) -> None:
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue:
        assert catalogue.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_does_not_fit_is_refused_before_a_byte_comes(
    full: RunningReceiver, device: Native
) -> None:
    answer = device.start("large", None, size=100 * MIB)
    assert (answer.status, answer.code) == (507, "storage_full")
    assert int(answer.headers["retry-after"]) > 0
    assert os.listdir(full.data / "parts") == []
    assert device.uploads().json == {"uploads": []}
    small = random_content(MIB)
    file = device.published("small", small)
    assert device.content(file["id"]).body == small.data
    # What is reserved is reserved: two that fit alone do not fit together.
    first = device.start("a", None, size=40 * MIB)
    second = device.start("b", None, size=40 * MIB)
    assert (first.status, second.status, second.code) == (201, 507, "storage_full")
    device.cancel(first.json["id"])
    assert device.start("b", None, size=40 * MIB).status == 201
    assert_catalogue_is_whole(full)


def test_a_pipe_that_fills_the_disk_goes_on_once_there_is_room(
    full: RunningReceiver, device: Native
) -> None:
    in_the_way = device.started("in-the-way", None, size=24 * MIB)
    content = random_content(48 * MIB, MIB)
    upload = device.started("pipe", None, chunk_bytes=MIB)
    counted = -1
    while (answer := device.stream(upload, content.frame(counted + 1))).status == 200:
        counted += 1
    assert (answer.status, answer.code) == (507, "storage_full")
    assert 10 < counted < 47
    there = device.received(upload)
    assert there == set(range(counted + 1))
    assert_catalogue_is_whole(full)
    assert device.ask("GET", "/healthz").status == 200

    assert device.cancel(in_the_way).status == 204
    assert not part_file(full, in_the_way).exists()
    answer = device.stream(upload, content.stream(range(counted + 1, content.total)))
    assert answer.status == 200
    done = device.complete(upload, content)
    assert done.status == 201
    assert device.content(done.json["file"]["id"]).body == content.data
    assert_catalogue_is_whole(full)


def test_a_disk_without_a_byte_left_harms_nothing_and_needs_no_restart(
    full: RunningReceiver, device: Native, small_disk: Path
) -> None:
    old = random_content(MIB)
    file = device.published("old", old)
    content = random_content(2 * MIB, MIB)
    upload = device.sent("new", content)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as other:
        for piece in (MIB, 4096, 1):
            while True:
                try:
                    other.write(bytes(piece))
                except OSError:
                    break
    answers = [
        device.start("more", None, size=MIB),
        device.start("pipe", None),
        device.make_folder("folder"),
        device.complete(upload, content),
    ]
    for answer in answers:
        assert answer.status in (200, 201, 503, 507), answer
        assert answer.code in (None, "storage_full", "storage_failed")
    assert device.content(file["id"]).body == old.data
    assert device.ask("GET", "/healthz").status == 200

    ballast.unlink()
    assert device.complete(upload, content).status == 201
    assert device.published("after", random_content(MIB))["size"] == MIB
    assert_catalogue_is_whole(full)
    full.kill()
    full.process.close()
    full.start()
    assert device.content(file["id"]).body == old.data
    assert {item["path"] for item in device.items()} >= {"old", "new", "after"}
    assert_catalogue_is_whole(full)
