"""A scan takes up what other programs did in `files/`: nothing of it is an error, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from kit.native import Native
from kit.receiver import running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver


@pytest.fixture
def receiver(short_path: Path) -> Iterator[RunningReceiver]:
    with running_receiver(short_path / "data") as running:
        yield running


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as device:
        yield device


@pytest.fixture
def files(receiver: RunningReceiver, device: Native) -> Path:
    """The folder that other programs work in, with three files that came by upload."""
    for path in ("a", "b/c", "b/d/e"):
        device.published(path, path.encode())
    return receiver.data / "files/owner"


def scan(data: Path, *more: str, code: int = 0) -> dict[str, Any]:
    """What was found in the one space there is; the first scan after it finds nothing."""
    done = command("scan", "--data", data, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["spaces"]
    assert isinstance(found, dict)
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in found.items() if isinstance(count, int) and count}


def contents(device: Native, folder: str = "") -> dict[str, bytes]:
    found = {}
    for item in device.items(folder):
        if item["kind"] == "file":
            found[item["path"]] = device.content(item["id"]).body
        else:
            found |= contents(device, item["path"])
    return found


def test_where_nobody_did_anything_nothing_is_found(files: Path, receiver: RunningReceiver) -> None:
    assert counts(scan(receiver.data)) == {"looked_at": 3}


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_was_put_in_by_hand_is_there(
    files: Path, receiver: RunningReceiver, device: Native, running: bool
) -> None:
    (files / "new/deep").mkdir(parents=True)
    (files / "new/deep/film").write_bytes(b"by hand")
    (files / "empty").mkdir()
    if not running:
        receiver.stop()
    assert counts(scan(receiver.data)) == {"looked_at": 4, "taken_in": 1}
    if not running:
        receiver.restart()
    assert contents(device)["new/deep/film"] == b"by hand"
    assert "empty" in [item["path"] for item in device.items()]
    assert counts(scan(receiver.data)) == {"looked_at": 4}


def test_what_was_changed_is_a_version_and_no_error(
    files: Path, receiver: RunningReceiver, device: Native
) -> None:
    (files / "a").write_bytes(b"edited")
    assert counts(scan(receiver.data)) == {"looked_at": 3, "taken_in": 1}
    (item,) = [item for item in device.items() if item["path"] == "a"]
    assert device.content(item["id"]).body == b"edited"
    newest, *_ = device.get(f"/files/{item['id']}/versions").json["versions"]
    assert newest["origin"] == "outside"


def test_what_was_renamed_stays_the_file_that_it_was(
    files: Path, receiver: RunningReceiver, device: Native
) -> None:
    before = {item["id"] for item in device.items("b")}
    device.published("b/c", b"a second version")
    (files / "b").rename(files / "renamed")
    found = scan(receiver.data)
    assert counts(found) == {"looked_at": 3, "moved": 2}
    assert contents(device) == {
        "a": b"a",
        "renamed/c": b"a second version",
        "renamed/d/e": b"b/d/e",
    }
    (item,) = [item for item in device.items("renamed") if item["kind"] == "file"]
    assert item["id"] in before
    assert len(device.get(f"/files/{item['id']}/versions").json["versions"]) == 2
    assert [item["path"] for item in device.items()] == ["renamed", "a"]


def test_what_was_removed_is_forgotten_and_its_last_version_is_in_the_trash(
    files: Path, receiver: RunningReceiver, device: Native
) -> None:
    device.published("a", b"the second")  # what was uploaded first is kept
    (files / "a").unlink()
    shutil.rmtree(files / "b")
    assert counts(scan(receiver.data)) == {"to_trash": 1, "forgotten": 2}
    assert device.items() == []
    (entry,) = device.get("/trash").json["items"]
    assert device.post(f"/trash/{entry['id']}/restore", {}).status == 200
    assert contents(device) == {"a": b"a"}


def test_a_disk_that_is_not_mounted_forgets_nothing(
    receiver: RunningReceiver, device: Native
) -> None:
    for number in range(60):
        device.published(f"many/{number}", b"x")
    place = receiver.data / "files/owner"
    place.rename(receiver.data / "elsewhere")
    place.mkdir()
    assert counts(scan(receiver.data, code=1)) == {"left_alone": 60}
    assert len(device.items("many")) == 60
    place.rmdir()
    (receiver.data / "elsewhere").rename(place)
    assert counts(scan(receiver.data)) == {"looked_at": 60}
    shutil.rmtree(place / "many")
    assert counts(scan(receiver.data, "--forget")) == {"forgotten": 60}
    assert device.items() == []


def test_what_is_no_file_is_passed_over_and_named(files: Path, receiver: RunningReceiver) -> None:
    (files / "link").symlink_to("/etc/passwd")
    os.mkfifo(files / "pipe")
    with open(os.fsencode(files) + b"/\xff", "wb"):
        pass
    found = scan(receiver.data)
    assert sorted(found["passed_over"]) == ["\\xff", "link", "pipe"]
    assert counts(found) == {"looked_at": 3}


def test_a_space_that_there_is_not_is_refused(receiver: RunningReceiver) -> None:
    assert "no space 'x'" in refusal(command("scan", "--data", receiver.data, "--space", "x"))


def test_a_person_reads_what_was_found(files: Path, receiver: RunningReceiver) -> None:
    (files / "new").write_bytes(b"n")
    assert command("scan", "--data", receiver.data).stdout == (
        "owner: 4 files looked at, 1 read anew, 0 moved, 0 to the trash, 0 forgotten.\n"
    )
