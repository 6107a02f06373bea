"""A backup made while the receiver works is one moment of it, and a data folder to start from."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from howdah_receiver.backup import run as backup_run
from howdah_receiver.backup.run import TAKEN, Backup, Outcome
from howdah_receiver.errors import StartRefused
from kit.native import SMALL_CHUNK, Native, home, random_content, version_file
from kit.receiver import running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

CATALOGUE = "catalogue.sqlite3"
INDEX = "howdah-backup.sqlite3"


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as paired:
        yield paired


@pytest.fixture
def target(short_path: Path) -> Path:
    return short_path / "backup"


def backed_up(data: Path, target: Path) -> Outcome:
    backup = Backup(data, target)
    for _ in backup.run():
        pass
    return backup.outcome


def refused(words: str, data: Path, target: Path) -> None:
    with pytest.raises(StartRefused, match=words) as caught:
        backed_up(data, target)
    assert caught.value.sentence.endswith(".")
    assert caught.value.remedy.endswith(".")


def restored(target: Path, data: Path) -> Path:
    """As docs/backup.md says."""
    subprocess.run(["cp", "-a", str(target), str(data)], check=True)
    return data


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file (with its content) and folder below."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def versions_of(data: Path) -> set[tuple[object, ...]]:
    with closing(sqlite3.connect(data / CATALOGUE)) as catalogue:
        return set(catalogue.execute("SELECT id, place, size FROM versions"))


def test_a_backup_holds_everything_and_a_receiver_starts_on_it(
    receiver: RunningReceiver, device: Native, target: Path, short_path: Path
) -> None:
    old, new = random_content(3 * SMALL_CHUNK), random_content(100)
    device.published("dir/sub/a", old)
    replaced = device.published("dir/sub/a", new)
    device.published("b", b"")
    device.make_folder("empty/below")
    upload = device.sent("on its way", old)
    told = backed_up(receiver.data, target)
    assert (told.contents, told.copied, told.missing) == (3, 3, [])
    assert tree(target / "files") == tree(receiver.data / "files")
    assert tree(target / "versions") == tree(receiver.data / "versions")
    assert {path.name for path in target.iterdir()} == {
        CATALOGUE, INDEX, "files", "trash", "versions", "parts", "journal",
    }  # fmt: skip
    device.published("later", b"not in it")
    with (
        running_receiver(restored(target, short_path / "restored")) as again,
        Native(again.url, device.token) as known,
    ):
        items = {item["path"]: item for item in (*known.items("dir/sub"), *known.items())}
        assert set(items) == {"dir/sub/a", "b", "dir", "empty"}
        assert items["dir/sub/a"]["version"] == replaced["version"]
        assert known.content(items["dir/sub/a"]["id"]).body == new.data
        assert [file.read_bytes() for file in (again.data / "versions").iterdir()] == [old.data]
        # An upload that was on its way begins anew, and ends.
        assert known.received(upload) == set()
        known.stream(upload, old.stream())
        assert known.complete(upload, old).status == 201
        assert known.published("dir/sub/a", random_content(5))


def test_the_second_backup_copies_what_is_new_and_lets_go_of_what_is_gone(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    for number in range(10):
        device.published(f"dir/{number}", random_content(1000))
    backed_up(receiver.data, target)
    device.published("dir/3", random_content(1000))
    device.published("new", random_content(1000))
    stray = target / "files" / "owner" / "stray"
    stray.write_bytes(b"nobody's")
    told = backed_up(receiver.data, target)
    # The replaced content under its id, and the two new ones.
    assert (told.contents, told.copied) == (12, 3)
    assert stray.read_bytes() == b"nobody's"
    stray.unlink()
    assert tree(target / "files") == tree(receiver.data / "files")
    receiver.stop()
    with closing(sqlite3.connect(receiver.data / CATALOGUE)) as catalogue, catalogue:
        (file,) = catalogue.execute("SELECT id FROM files WHERE path = 'dir/5'").fetchone()
        catalogue.execute("UPDATE versions SET place = 'lost' WHERE file_id = ?", [file])
    assert backed_up(receiver.data, target).copied == 0
    assert not (target / "files" / "owner" / "dir" / "5").exists()


@pytest.mark.timeout(120)
def test_a_backup_while_everything_changes_is_one_moment(
    receiver: RunningReceiver, device: Native, target: Path, short_path: Path
) -> None:
    for number in range(40):
        device.published(f"dir{number % 4}/{number}", random_content(3000))
    over = threading.Event()
    changed = threading.Semaphore(0)

    def change(worker: int) -> None:
        number = 0
        with Native(receiver.url, device.token) as own:
            while not over.is_set():
                own.published(f"dir{worker}/{number % 40}", random_content(3000))
                number += 1
                changed.release()

    def after_a_change() -> Outcome:
        # A busy machine may well copy everything before the first worker has come to anything.
        while changed.acquire(blocking=False):
            pass
        assert changed.acquire(timeout=60)
        return backed_up(receiver.data, target)

    workers = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    try:
        rounds = [after_a_change() for _ in range(3)]
    finally:
        over.set()
        for worker in workers:
            worker.join()
    assert [told.missing for told in rounds] == [[], [], []]
    assert rounds[-1].contents > rounds[0].contents
    data = restored(target, short_path / "restored")
    in_backup = versions_of(data)
    with running_receiver(data) as again, Native(again.url, device.token) as known:
        for folder in known.items():
            for item in known.items(folder["path"]):
                # Every chunk of what stands there is compared with the digests of its version.
                verified = known.verify_file(item["id"])
                assert verified.status == 200, verified
                assert "version" in item
        assert again.stop() == 0
    # And none of it was taken for the work of other hands.
    assert versions_of(data) == in_backup


def test_a_change_that_is_half_way_has_not_happened_in_it(
    receiver: RunningReceiver, device: Native, target: Path, short_path: Path
) -> None:
    old = random_content(1000)
    file = device.published("a", old)
    receiver.stop()
    version, path = file["version"], home(receiver) / "a"
    # As a publication leaves it between its rename and its commit.
    os.link(path, version_file(receiver, version))
    new = path.with_name("new")
    new.write_bytes(random_content(1000).data)
    new.rename(path)
    with closing(sqlite3.connect(receiver.data / CATALOGUE)) as catalogue, catalogue:
        (space,) = catalogue.execute("SELECT id FROM spaces").fetchone()
        catalogue.execute("INSERT INTO intents VALUES ('i', 'publish', ?, x'7b7d')", [space])
    assert backed_up(receiver.data, target).missing == []
    assert (target / "files" / "owner" / "a").read_bytes() == old.data
    with (
        running_receiver(restored(target, short_path / "restored")) as again,
        Native(again.url, device.token) as known,
    ):
        (item,) = known.items()
        assert item["version"] == version
        assert known.content(item["id"]).body == old.data


def test_what_is_gone_before_it_is_copied_is_told(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    device.published("a", random_content(10))
    device.published("a", random_content(10))
    (kept,) = (receiver.data / "versions").iterdir()
    kept.unlink()
    assert backed_up(receiver.data, target).missing == [f"versions/{kept.name}"]
    said = command("backup", target, "--data", receiver.data)
    assert said.returncode == 1
    assert f"GONE 'versions/{kept.name}'" in said.stdout


def test_the_command_tells_what_it_came_to(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    device.published("a", random_content(10))
    done = command("backup", target, "--data", receiver.data, "--json")
    assert done.returncode == 0, done.stderr
    told = {"contents": 1, "bytes": 10, "copied": 1, "copied_bytes": 10, "missing": []}
    assert json.loads(done.stdout) == told
    done = command("backup", target, "--data", receiver.data)
    assert f"1 contents, 0.00 GB, are in {target}; 0 of them" in done.stdout


def test_what_other_hands_changed_is_taken_as_it_stands(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    file = device.published("a", random_content(10))
    device.digested(file["id"])  # or that would find it first
    (home(receiver) / "a").write_bytes(b"edited by hand")
    assert backed_up(receiver.data, target).missing == []
    assert (target / "files" / "owner" / "a").read_bytes() == b"edited by hand"


def test_a_copied_data_folder_can_be_backed_up_and_again(
    receiver: RunningReceiver, device: Native, target: Path, short_path: Path
) -> None:
    device.published("a", random_content(10))
    device.published("a", random_content(10))
    receiver.stop()
    elsewhere = short_path / "elsewhere"
    subprocess.run(["cp", "-r", str(receiver.data), str(elsewhere)], check=True)
    assert backed_up(elsewhere, target).copied == 2
    assert tree(target / "files") == tree(receiver.data / "files")
    assert backed_up(elsewhere, target).copied == 0


def test_a_receiver_that_does_not_run_is_left_as_it_is(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    device.published("a", random_content(10))
    receiver.stop()
    before = {path.name for path in receiver.data.iterdir()}
    backed_up(receiver.data, target)
    assert {path.name for path in receiver.data.iterdir()} == before


def test_no_receiver_starts_in_the_middle_of_a_backup(
    receiver: RunningReceiver, device: Native, target: Path
) -> None:
    device.published("a", random_content(10))
    receiver.stop()
    course = Backup(receiver.data, target).run()
    next(course)
    assert "works on" in refusal(command("serve", "--data", receiver.data, "--port", "0"))
    for _ in course:
        pass
    receiver.process.close()
    receiver.start()


def test_its_certificate_comes_along(short_path: Path, target: Path) -> None:
    with running_receiver(short_path / "d", env={"HOWDAH_RECEIVER_HOST": "0.0.0.0"}) as receiver:
        backed_up(receiver.data, target)
        assert tree(target / "tls") == tree(receiver.data / "tls")
        assert (target / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_backup_that_was_cut_off_goes_on(
    receiver: RunningReceiver, device: Native, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        device.published(str(number), random_content(1000))
    backed_up(receiver.data, target)
    first = (target / CATALOGUE).read_bytes()
    for number in range(6):
        device.published(str(number), random_content(1000))

    class Cut(Exception):
        """As a kill."""

    put, count = Backup._put, 0

    def put_some(self: Backup, source: int, place: str) -> int:
        nonlocal count
        count += 1
        if count > 4:
            raise Cut
        return put(self, source, place)

    with monkeypatch.context() as patch:
        patch.setattr(Backup, "_put", put_some)
        with pytest.raises(Cut):
            list(Backup(receiver.data, target).run())
    assert (target / CATALOGUE).read_bytes() == first
    with closing(sqlite3.connect(target / INDEX)) as index:
        assert index.execute("SELECT value FROM about WHERE name = 'whole'").fetchone() == ("no",)
    told = backed_up(receiver.data, target)
    assert told.copied == 12 - 4
    assert tree(target / "files") == tree(receiver.data / "files")
    assert not (target / TAKEN).exists()
    with closing(sqlite3.connect(target / INDEX)) as index:
        assert index.execute("SELECT value FROM about WHERE name = 'whole'").fetchone() == ("yes",)


def test_a_disk_that_is_full_is_a_sentence(
    receiver: RunningReceiver, device: Native, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.published("a", random_content(10))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_run, "_copy_bytes", full)
    with pytest.raises(StartRefused, match="not whole: No space left on device"):
        list(Backup(receiver.data, target).run())


def test_bytes_are_copied_by_hand_where_the_kernel_cannot(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    content = secrets.token_bytes(3_000_000)
    (short_path / "a").write_bytes(content)
    monkeypatch.setattr(os, "copy_file_range", refuses)
    with (short_path / "a").open("rb") as source, (short_path / "b").open("wb") as made:
        assert backup_run._copy_bytes(source.fileno(), made.fileno()) == len(content)
    assert (short_path / "b").read_bytes() == content


def test_a_folder_that_is_no_backup_of_this_receiver_is_left_alone(
    receiver: RunningReceiver, short_path: Path, target: Path
) -> None:
    data = receiver.data
    (short_path / "full").mkdir()
    (short_path / "full" / "letter").write_text("mine")
    refused("is not empty", data, short_path / "full")
    refused("beside what it is a copy of", data, data / "backup")
    refused("beside what it is a copy of", data, data.parent)
    refused("cannot be used", data, short_path / "full" / "letter" / "below")
    refused("no catalogue", short_path / "none", target)
    backed_up(data, target)
    with running_receiver(short_path / "other") as other:
        refused("another receiver", other.data, target)
    (target / INDEX).write_bytes(b"no database" * 1000)
    refused("cannot be used", data, target)
    done = command("backup", short_path / "full", "--data", data)
    assert "is not empty" in refusal(done)
