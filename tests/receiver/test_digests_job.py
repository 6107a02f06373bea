"""The whole-file SHA-256: it comes by itself, and only where the content is still what was sent."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kit.native import MODIFIED_NS, Content, Native, home, random_content, rot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

MIB = 1024 * 1024


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as paired:
        yield paired


def whole(content: Content) -> str:
    return hashlib.sha256(content.data).hexdigest()


def test_every_file_gets_its_digest(device: Native) -> None:
    contents = [random_content(size) for size in (0, 1, 65_536, 65_537, 300_000)]
    files = [device.published(f"a/{n}", content) for n, content in enumerate(contents)]
    for file, content in zip(files, contents, strict=True):
        assert device.digested(file["id"])["sha256"] == whole(content)
    listed = {item["id"]: item["sha256"] for item in device.items("a")}
    assert listed == {
        file["id"]: whole(content) for file, content in zip(files, contents, strict=True)
    }


def test_a_restart_in_the_middle_forgets_nothing(receiver: RunningReceiver, device: Native) -> None:
    contents = [random_content(24 * MIB + n, MIB) for n in range(4)]
    files = [device.published(f"a/{n}", content) for n, content in enumerate(contents)]
    receiver.kill()
    receiver.process.close()
    receiver.start()
    receiver.restart()
    for file, content in zip(files, contents, strict=True):
        assert device.digested(file["id"])["sha256"] == whole(content)


def test_a_version_that_was_replaced_before_its_turn_holds_up_nobody(
    receiver: RunningReceiver, device: Native
) -> None:
    first = random_content(24 * MIB, MIB)
    device.published("a", first)
    second = device.published("a", random_content(10))
    third = device.published("b", random_content(11))
    assert "sha256" in device.digested(second["id"])
    assert "sha256" in device.digested(third["id"])


def test_content_that_rotted_before_its_digest_is_marked_and_refused(
    receiver: RunningReceiver, device: Native
) -> None:
    content = random_content(200_000)
    file = device.published("a/b", content)
    device.digested(file["id"])
    receiver.stop()
    # As if the start before had died first: its row is without the digest.
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute("UPDATE versions SET sha256 = NULL")
    rot(home(receiver) / "a" / "b", 150_000)
    receiver.process.close()
    receiver.start()
    receiver.process.wait_for("no longer matches", stream="stderr")
    while (answer := device.content(file["id"])).status == 200:
        pass  # the time limit of the test ends it
    assert (answer.status, answer.code) == (500, "file_damaged")
    assert "sha256" not in device.file(file["id"]).json
    again = device.published("a/b", content, modified_ns=MODIFIED_NS)
    assert device.digested(again["id"])["sha256"] == whole(content)
    assert device.content(again["id"]).body == content.data


def test_a_file_that_other_hands_took_holds_up_nobody(
    receiver: RunningReceiver, device: Native
) -> None:
    file = device.published("a", random_content(10))
    (home(receiver) / "a").unlink()
    other = device.published("b", random_content(11))
    assert "sha256" in device.digested(other["id"])
    assert device.content(file["id"]).code == "file_not_found"
