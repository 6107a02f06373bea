"""What a folder's rule names is freed here once the receiver has it, while nobody waits for the disk."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine import freeing_rounds
from howdah_desktop.engine.history import About, History
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.freeing.freeing import Freeing, Outcome
from howdah_desktop.freeing.how import FreeRule, How
from howdah_desktop.freeing.putting_back import LOCK_NAME
from howdah_desktop.system import exclusive_lock
from kit.watching import SETTLE_SECONDS, Watching, make, quick_watching, tree, watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from howdah_desktop.engine.history import Event
    from howdah_desktop.engine.views import FreedView
    from howdah_desktop.freeing.sent import Sent
    from kit.client import Client
    from kit.receiver import RunningReceiver

MONTH = 30 * 24 * 3600.0
RULE = FreeRule(MONTH, How.DELETE)
TREE: dict[str, bytes | None] = {
    "old.bin": b"old" * 50_000,
    "folder/older.txt": b"older",
    "new.txt": b"new",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_watching(monkeypatch)
    monkeypatch.setattr(freeing_rounds, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(freeing_rounds, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(freeing_rounds, "AWAY_SECONDS", 0.05)


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


@contextmanager
def arrived(
    client: Client, receiver: RunningReceiver, local: Path, old: tuple[str, ...]
) -> Iterator[Watching]:
    """TREE is there; `old` since two months. No rule is set yet."""
    make(local, TREE)
    settings = FolderSettings(settle_seconds=SETTLE_SECONDS)
    with watching(client, receiver, local, settings=settings) as folder:
        folder.at_rest()
        for name in TREE:
            folder.until(lambda _, name=name: has_sha256(folder, name), f"SHA-256 of {name}")
        age(folder, *old)
        yield folder


def has_sha256(folder: Watching, name: str) -> bool:
    """The receiver works it out soon after it has come."""
    receiver = folder.engine._presence.current()
    (item,) = receiver.list(f"copy/{name}").items
    return getattr(item, "sha256", None) is not None


def age(folder: Watching, *names: str) -> None:
    """They arrived two months ago."""
    ledger = folder.engine._ledger

    def back() -> None:
        with ledger.one_commit():
            for name in names:
                where, _, last = name.rpartition("/")
                ledger._db.execute(
                    "UPDATE known SET agreed = agreed - ? WHERE dir = ? AND name = ?",
                    (2 * MONTH, where.encode(), last.encode()),
                )

    folder.engine._control.ask(back)


def a_round(folder: Watching, rule: FreeRule = RULE) -> FreedView:
    """The rule is set, and a round gone through by it."""
    before = folder.view().freed

    def due() -> None:
        folder.engine._freeing._due = 0.0

    folder.engine.watch_free([folder.id], rule)
    folder.engine._control.ask(due)
    found = folder.until(lambda view: view.freed not in (None, before), "a round").freed
    assert found is not None
    return found


def history(client: Client) -> list[Event]:
    found = History(client.home)
    try:
        return [e for e in found.events(About(), 100) if e.what in ("freed", "stays")]
    finally:
        found.close()


def test_what_arrived_long_ago_goes_and_stays_there_and_what_is_new_stays_here(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin", "folder/older.txt")) as folder:
        found = a_round(folder)
        assert (found.files, found.freed_bytes, found.stays) == (2, 150_005, 0)
        # Folders stay.
        assert tree(local) == {"new.txt": b"new", "folder": None}
        folder.at_rest()
        assert tree(folder.there) == TREE
        assert not set(folder.view().transfers) - {"done"}
    assert {Path(event.path).name for event in history(paired)} == {"old.bin", "older.txt"}


def test_what_was_freed_by_rule_can_come_back_and_is_sent_when_it_changes(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin",)) as folder:
        assert a_round(folder).files == 1
        make(local, {"old.bin": b"another"})
        folder.at_rest()
        assert tree(folder.there) == {**TREE, "old.bin": b"another"}


def test_it_goes_to_the_trash_unless_it_is_told_to_be_deleted(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin",)) as folder:
        assert a_round(folder, FreeRule(MONTH)).files == 1
        assert not (local / "old.bin").exists()
    trash = Path(os.environ["XDG_DATA_HOME"]) / "Trash" / "files"
    assert (trash / "old.bin").read_bytes() == TREE["old.bin"]


def test_what_changed_since_it_was_sent_stays_until_it_has_been_there_as_long(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin", "folder/older.txt")) as folder:
        folder.engine.watch_pause([folder.id])  # it is not sent again yet
        (local / "old.bin").write_bytes(b"changed")
        folder.engine.watch_resume([folder.id])
        folder.engine.watch_free([folder.id], RULE)
        folder.until(lambda view: view.freed is not None, "a round")
        folder.at_rest()
        assert tree(local) == {"old.bin": b"changed", "new.txt": b"new", "folder": None}
        assert tree(folder.there)["old.bin"] == b"changed"


def test_what_is_not_the_same_as_there_stays_and_is_listed_once(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin", "folder/older.txt")) as folder:
        # As a disk does that forgets: other bytes, and nothing else shows it.
        path = local / "old.bin"
        was = path.stat()
        with path.open("r+b") as file:
            file.write(b"rot")
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        found = a_round(folder)
        assert (found.files, found.stays) == (1, 1)
        (stays,) = found.first_stays
        assert (stays.path, stays.code) == (str(path), "copy_differs")
        assert a_round(folder).stays == 1
        assert set(tree(local)) == {"old.bin", "new.txt", "folder"}
        (told,) = [event for event in history(paired) if event.what == "stays"]
        assert (told.path, told.code) == ("copy/old.bin", "copy_differs")


def test_a_file_that_stayed_is_not_read_again_within_the_day(
    paired: Client,
    receiver: RunningReceiver,
    local: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    def damaged(self: object, sent: Sent) -> Outcome:
        asked.append(sent.local)
        return Outcome(sent.local, problem=ProblemError("file_damaged"))

    monkeypatch.setattr(Freeing, "free", damaged)
    with arrived(paired, receiver, local, ("old.bin",)) as folder:
        assert a_round(folder).stays == 1
        assert a_round(folder).stays == 1
        assert len(asked) == 1
        (local / "old.bin").touch()
        folder.at_rest()
        age(folder, "old.bin")
        a_round(folder)
        assert len(asked) == 2


def test_the_rules_of_a_folder_and_what_is_behind_a_link_stay(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    make(local, {".howdahignore": b"*.tmp\n"})
    with arrived(paired, receiver, local, (".howdahignore", "folder/older.txt")) as folder:
        (local / "folder").rename(short_path / "elsewhere")
        (local / "folder").symlink_to(short_path / "elsewhere")
        a_round(folder)
        assert (local / ".howdahignore").exists()
        assert (short_path / "elsewhere" / "older.txt").exists()


def test_while_something_of_the_user_is_under_way_it_waits(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin",)) as folder:
        slow = short_path / "slow.bin"
        slow.write_bytes(bytes(3_000_000))
        folder.engine.set_limits(Limits(up=1_000_000))
        folder.engine.add_sends([os.fsencode(slow)])
        folder.until(lambda _: folder.engine._runs.running, "it is under way")
        folder.engine.watch_free([folder.id], RULE)
        while True:
            is_here = (local / "old.bin").exists()
            if not folder.engine._runs.running:
                break
            assert is_here
            folder.engine._news.wait(folder.engine._news.change, 0.05)
        folder.until(lambda view: view.freed is not None and view.freed.files == 1, "its turn")


def test_while_somebody_frees_by_hand_it_waits(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    with arrived(paired, receiver, local, ("old.bin",)) as folder:
        with exclusive_lock(paired.home / LOCK_NAME):
            assert a_round(folder).files == 0
            assert (local / "old.bin").exists()
        folder.until(lambda view: view.freed is not None and view.freed.files == 1, "its turn")


def test_a_round_ends_when_the_rule_does(
    paired: Client,
    receiver: RunningReceiver,
    local: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with arrived(paired, receiver, local, ("old.bin", "folder/older.txt")) as folder:
        free = Freeing.free

        def free_one(self: Freeing, sent: Sent) -> Outcome:
            found = free(self, sent)
            folder.engine.watch_free([folder.id], None)
            return found

        monkeypatch.setattr(Freeing, "free", free_one)
        assert a_round(folder).files == 1
        assert len(tree(local)) == 3 - 1
        assert folder.view().free is None


def test_a_mirror_refuses_the_rule(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    other = short_path / "other"
    other.mkdir()
    with watching(paired, receiver, local, mirror=True) as folder:
        with pytest.raises(ProblemError, match="free_rule_mirror"):
            folder.engine.watch_free([folder.id], RULE)
        with pytest.raises(ProblemError, match="free_rule_mirror"):
            folder.engine.watch_add(
                os.fsencode(other), "other", mirror=True, settings=FolderSettings(free=RULE)
            )
        assert len(folder.engine.watched()) == 1
        assert folder.view().free is None


def test_the_rule_is_set_shown_changed_and_removed_by_the_command(
    paired: Client, short_path: Path
) -> None:
    folder = short_path / "watched"
    folder.mkdir()
    paired.run("watch", "add", folder, "--free-after", "30d")
    assert "arrived 30d ago or earlier goes to the trash" in paired.run("watch", "list").stdout
    paired.run("watch", "set", folder, "--free-how", "delete")
    (shown,) = paired.run("watch", "list", "--json").stdout.splitlines()
    assert json.loads(shown)["free"] == {"after_seconds": MONTH, "how": "delete"}
    paired.run("watch", "set", "1", "--free-after", "12h")
    assert "arrived 12h ago or earlier is deleted here" in paired.run("watch", "list").stdout
    paired.run("watch", "set", "--all", "--free-after", "never")
    assert "ago or earlier" not in paired.run("watch", "list").stdout
    assert "--free-after" in paired.run("watch", "set", "1", code=2).stderr
    assert "7d" in paired.run("watch", "set", "1", "--free-after", "soon", code=2).stderr
    assert "--free-after" in paired.run("watch", "set", "1", "--free-how", "trash", code=2).stderr
    mirror = short_path / "mirror"
    mirror.mkdir()
    said = paired.run("watch", "add", mirror, "--mirror", "--free-after", "30d", code=1)
    assert "free_rule_mirror" in said.stderr
