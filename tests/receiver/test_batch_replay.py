"""Small files whose own files were not synced when the receiver ended: the journal gives them back, and what
other hands have done meanwhile stays."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from howdah_receiver.backup.run import Backup
from kit.native import Native, home
from kit.receiver import running_receiver
from kit.small_files import Small, send_batch, taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

FILES = [Small(f"d/{name}", name.encode() * 500) for name in ("a", "b", "c", "e", "f")]


@pytest.fixture
def receiver(short_path: Path) -> Iterator[RunningReceiver]:
    with running_receiver(short_path / "data") as receiver:
        yield receiver


@pytest.fixture
def native(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as device:
        yield device


@pytest.fixture
def killed(receiver: RunningReceiver, native: Native) -> list[dict[str, Any]]:
    """Five files were answered for, and then the process ended; none of them is synced by itself."""
    found = taken(send_batch(native, FILES))
    receiver.kill()
    assert unsynced(receiver) == 5
    return found


def unsynced(receiver: RunningReceiver) -> int:
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue:
        return int(catalogue.execute("SELECT count(*) FROM unsynced").fetchone()[0])


def damage(folder: Path) -> None:
    """As a power cut may leave what was never synced."""
    (folder / "a").write_bytes(b"")
    (folder / "b").write_bytes(bytes(500))
    (folder / "c").write_bytes(FILES[2].data[:300])
    (folder / "e").unlink()


def test_what_a_power_cut_took_is_there_again(
    receiver: RunningReceiver, native: Native, killed: list[dict[str, Any]]
) -> None:
    damage(home(receiver) / "d")
    receiver.restart()
    for sent, file in zip(FILES, killed, strict=True):
        assert (home(receiver) / sent.path).read_bytes() == sent.data
        assert native.get(f"/files/{file['id']}").json == file
        versions = native.get(f"/files/{file['id']}/versions").json["versions"]
        assert [version["id"] for version in versions] == [file["version"]]
    assert taken(send_batch(native, FILES)) == killed


def test_what_other_hands_put_there_stays(
    receiver: RunningReceiver, native: Native, killed: list[dict[str, Any]]
) -> None:
    (home(receiver) / "d/a").write_bytes(b"by hand")
    (home(receiver) / "d/b").unlink()
    (home(receiver) / "d/b").symlink_to("a")
    receiver.restart()
    assert (home(receiver) / "d/a").read_bytes() == b"by hand"
    assert (home(receiver) / "d/b").is_symlink()
    assert native.content(killed[0]["id"]).body == b"by hand"
    versions = native.get(f"/files/{killed[0]['id']}/versions").json["versions"]
    assert versions[0]["origin"] == "outside"
    assert native.content(killed[2]["id"]).body == FILES[2].data


def test_a_backup_of_a_receiver_that_was_killed_takes_them_from_the_journal(
    receiver: RunningReceiver, killed: list[dict[str, Any]], short_path: Path
) -> None:
    damage(home(receiver) / "d")
    backup = Backup(receiver.data, short_path / "backup")
    for _ in backup.run():
        pass
    assert backup.outcome.missing == []
    with running_receiver(short_path / "backup") as restored:
        for sent in FILES:
            assert (home(restored) / sent.path).read_bytes() == sent.data
        assert unsynced(restored) == 0


def test_a_receiver_that_stops_in_good_order_leaves_no_journal(
    receiver: RunningReceiver, native: Native
) -> None:
    taken(send_batch(native, FILES))
    assert receiver.stop() == 0
    assert unsynced(receiver) == 0
    assert os.listdir(receiver.data / "journal") == []


def test_without_its_journal_what_stands_is_kept_and_the_rest_is_said_to_be_gone(
    receiver: RunningReceiver, native: Native, killed: list[dict[str, Any]]
) -> None:
    for name in os.listdir(receiver.data / "journal"):
        (receiver.data / "journal" / name).unlink()
    (home(receiver) / "d/e").unlink()
    receiver.restart()
    assert native.content(killed[0]["id"]).body == FILES[0].data
    assert native.content(killed[3]["id"]).code == "file_not_found"
