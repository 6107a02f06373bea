"""A scrub reads everything again, and finds what a disk has lost."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from kit.native import Native, random_content, rot
from kit.receiver import running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from kit.receiver import RunningReceiver


@pytest.fixture
def receiver(short_path: Path) -> Iterator[RunningReceiver]:
    with running_receiver(short_path / "data") as running:
        yield running


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as device:
        yield device


def scrub(data: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = command("scrub", "--data", data, "--json", *more)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_what_is_whole_is_read_and_nothing_is_found(
    receiver: RunningReceiver, device: Native
) -> None:
    device.published("a/b", random_content(200_000))
    device.published("a/b", random_content(100_000))  # the first is a version now
    device.published("empty", random_content(0))
    code, found = scrub(receiver.data)
    assert (code, found["findings"]) == (0, [])
    assert (found["contents"], found["bytes"], found["total_bytes"]) == (3, 300_000, 300_000)


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_byte_that_changed_by_itself_is_found_in_files_and_in_versions(
    receiver: RunningReceiver, device: Native, running: bool
) -> None:
    first = device.published("a/b", random_content(200_000))
    device.published("a/b", random_content(100_000))
    device.published("fine", random_content(10))
    rot(receiver.data / "versions" / first["version"])
    rot(receiver.data / "files/owner/a/b")
    if not running:
        receiver.stop()
    code, found = scrub(receiver.data)
    assert code == 1
    assert [finding["path"] for finding in found["findings"]] == ["a/b", "a/b"]
    assert all("not what was received" in finding["sentence"] for finding in found["findings"])
    assert found["contents"] == 3


def test_what_is_damaged_is_not_served_and_heals_with_the_same_content(
    receiver: RunningReceiver, device: Native
) -> None:
    content = random_content(100_000)
    file = device.published("a", content)
    rot(receiver.data / "files/owner/a")
    assert scrub(receiver.data)[0] == 1
    assert device.content(file["id"]).code == "file_damaged"
    again = device.published("a", content)
    assert device.content(again["id"]).body == content.data
    os.unlink(receiver.data / "versions" / file["version"])


def test_a_version_that_is_gone_is_found(receiver: RunningReceiver, device: Native) -> None:
    first = device.published("a", random_content(10))
    device.published("a", random_content(11))
    os.unlink(receiver.data / "versions" / first["version"])
    code, found = scrub(receiver.data)
    assert (code, [finding["version"] for finding in found["findings"]]) == (1, [first["version"]])


def test_what_other_hands_changed_is_no_damage(receiver: RunningReceiver, device: Native) -> None:
    file = device.published("a", random_content(10))
    (receiver.data / "files/owner/a").write_bytes(b"changed on purpose")
    assert scrub(receiver.data)[0] == 0
    assert device.content(file["id"]).body == b"changed on purpose"


def test_a_sample_is_a_part_of_it(receiver: RunningReceiver, device: Native) -> None:
    for number in range(40):
        device.published(f"a/{number}", random_content(100))
    code, found = scrub(receiver.data, "--sample", "25%")
    assert code == 0
    assert 0 < found["contents"] < 40


@pytest.mark.parametrize("sample", ["0", "101%", "much"])
def test_a_sample_that_is_none_is_refused(short_path: Path, sample: str) -> None:
    assert "--sample" in refusal(command("scrub", "--data", short_path, "--sample", sample))


def test_a_person_reads_what_was_found(receiver: RunningReceiver, device: Native) -> None:
    device.published("a", random_content(1000))
    done = command("scrub", "--data", receiver.data)
    assert done.stdout == "1 contents read, 0.00 GB, 0 damaged.\n"
    rot(receiver.data / "files/owner/a")
    done = command("scrub", "--data", receiver.data)
    assert "DAMAGED 'a'" in done.stdout
    assert done.returncode == 1


def test_what_is_in_the_trash_is_read_too(receiver: RunningReceiver, device: Native) -> None:
    first = device.published("f/a", random_content(1_000))
    device.published("f/a", random_content(2_000))
    device.published("f/b", random_content(3_000))
    folder = next(item["id"] for item in device.items() if item["path"] == "f")
    entry = device.delete_folder(folder).json["id"]
    code, found = scrub(receiver.data)
    assert (code, found["contents"], found["bytes"]) == (0, 3, 6_000)
    rot(receiver.data / "trash" / entry / "b")
    rot(receiver.data / "versions" / first["version"])
    code, found = scrub(receiver.data)
    assert code != 0
    assert sorted(one["path"] for one in found["findings"]) == ["f/a", "f/b"]
