"""Every change of a watched tree is hinted, and when hints may have been lost, that is said."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from howdah_desktop.folders import inotify, source
from howdah_desktop.folders.hints import Closed, Dirty, Doubtful, Hint, Hints, Mode
from kit.git_ignore import GIT
from kit.heard import Heard, closed, dirty, grown, until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "c").mkdir()
    (folder / "a" / "old.txt").write_text("old")
    return folder


# ---- single changes


def test_a_new_file_makes_its_folder_dirty_and_its_close_is_told(root: Path) -> None:
    with watching(root) as (hints, heard):
        assert hints.mode is Mode.EVENTS
        assert hints.why == ""
        (root / "a" / "b" / "new").write_text("new")
        heard.wait_for(*dirty("a/b"), *closed("a/b/new"))
        assert set(heard.hints) == {Dirty(b"a/b"), Closed(b"a/b/new")}


def test_a_file_that_stays_open_is_told_while_it_grows(root: Path) -> None:
    with (root / "c" / "log").open("wb", buffering=0) as log, watching(root) as (_, heard):
        log.write(b"line\n")
        assert heard.wait_for(*grown("c")) == grown("c")


def test_a_file_that_is_cut_is_told(root: Path) -> None:
    with watching(root) as (_, heard):
        os.truncate(root / "a" / "old.txt", 1)
        assert heard.wait_for(*grown("a")) == grown("a")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: os.utime(path, ns=(1, 1)),
        lambda path: path.chmod(0o600),
        lambda path: os.link(path, path.with_name("second")),
    ],
    ids=["deleted", "touched", "mode", "linked"],
)
def test_whatever_is_done_to_a_file_makes_its_folder_dirty(root: Path, change: object) -> None:
    assert callable(change)
    with watching(root) as (_, heard):
        change(root / "a" / "old.txt")
        heard.wait_for(*dirty("a"))


def test_looking_changes_nothing(root: Path) -> None:
    with watching(root) as (_, heard):
        (root / "a" / "old.txt").read_text()
        assert [path.name for path in root.rglob("*")]
        (root / "c" / "x").touch()
        heard.wait_for(*dirty("c"))
        assert not set(heard.hints) & set(dirty("", "a", "a/b"))


def test_a_rename_makes_both_folders_dirty(root: Path) -> None:
    with watching(root) as (_, heard):
        (root / "a" / "old.txt").rename(root / "a" / "same folder")
        heard.wait_for(*dirty("a"))
        heard.forget()
        (root / "a" / "same folder").rename(root / "c" / "there")
        heard.wait_for(*dirty("a", "c"))


def test_a_file_that_an_editor_replaces_makes_its_folder_dirty(root: Path) -> None:
    with watching(root) as (_, heard):
        (root / "a" / ".tmp").write_text("new")
        (root / "a" / ".tmp").replace(root / "a" / "old.txt")
        heard.wait_for(*dirty("a"), *closed("a/.tmp"))


def test_names_that_are_not_utf_8_are_told_as_they_are(root: Path) -> None:
    with watching(root) as (_, heard):
        os.mkdir(os.path.join(os.fsencode(root), b"caf\xe9"))
        heard.wait_for(Dirty(b""), Dirty(b"caf\xe9"))
        Path(os.fsdecode(os.path.join(os.fsencode(root), b"caf\xe9", b"\xff"))).write_text("x")
        heard.wait_for(Closed(b"caf\xe9/\xff"))


# ---- directories


def test_a_new_folder_is_dirty_itself_and_watched(root: Path) -> None:
    with watching(root) as (_, heard):
        (root / "n" / "o" / "p").mkdir(parents=True)
        heard.wait_for(*dirty("", "n", "n/o", "n/o/p"))
        heard.forget()
        (root / "n" / "o" / "p" / "q").write_text("x")
        heard.wait_for(*dirty("n/o/p"), *closed("n/o/p/q"))


def test_a_tree_that_is_moved_in_is_dirty_and_watched_to_its_end(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "x" / "y").mkdir(parents=True)
    with watching(root) as (_, heard):
        (tmp_path / "out").rename(root / "in")
        heard.wait_for(*dirty("", "in", "in/x", "in/x/y"))
        heard.forget()
        (root / "in" / "x" / "y" / "z").write_text("x")
        heard.wait_for(*closed("in/x/y/z"))


def test_a_folder_that_is_moved_is_known_by_its_new_path(root: Path) -> None:
    with watching(root) as (hints, heard):
        (root / "a").rename(root / "c" / "moved")
        heard.wait_for(*dirty("", "c", "c/moved"))
        heard.forget()
        (root / "c" / "moved" / "b" / "x").write_text("x")
        heard.wait_for(*closed("c/moved/b/x"))
        assert set(heard.hints) <= {*dirty("c/moved/b", "c/moved", "c"), *closed("c/moved/b/x")}
        assert hints.watched == 4


def test_folders_that_change_places_are_told_apart(root: Path) -> None:
    with watching(root) as (_, heard):
        (root / "a").rename(root / "x")
        (root / "c").rename(root / "a")
        (root / "x").rename(root / "c")
        heard.wait_for(*dirty("", "a", "c"))
        (root / "a" / "was c").write_text("x")
        (root / "c" / "b" / "was a-b").write_text("x")
        heard.wait_for(*closed("a/was c", "c/b/was a-b"))


def test_what_is_moved_out_is_no_longer_watched(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(root) as (hints, heard):
        assert hints.watched == 4
        (root / "a").rename(tmp_path / "out")
        heard.wait_for(*dirty(""))
        heard.forget()
        (tmp_path / "out" / "b" / "x").write_text("x")
        until(lambda: hints.watched == 2)
        (root / "c" / "y").write_text("x")
        heard.wait_for(*closed("c/y"))
        assert set(heard.hints) == {*dirty("c"), *closed("c/y")}
        (tmp_path / "out").rename(root / "back")
        heard.wait_for(*dirty("", "back", "back/b"))
        (root / "back" / "b" / "z").write_text("x")
        heard.wait_for(*closed("back/b/z"))


def test_a_folder_that_is_deleted_and_made_again_is_watched_again(root: Path) -> None:
    with watching(root) as (hints, heard):
        for turn in range(5):
            shutil.rmtree(root / "a")
            (root / "a" / "b").mkdir(parents=True)
            heard.wait_for(*dirty("", "a", "a/b"))
            heard.forget()
            (root / "a" / "b" / str(turn)).write_text("x")
            heard.wait_for(*closed(f"a/b/{turn}"))
        until(lambda: hints.watched == 4)


def test_links_to_folders_are_not_followed_but_the_root_may_be_one(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "door").symlink_to(root)
    with watching(tmp_path / "door") as (hints, heard):
        assert hints.watched == 4
        (tmp_path / "elsewhere" / "x").write_text("x")
        (root / "a" / "y").write_text("x")
        heard.wait_for(*closed("a/y"))
        assert set(heard.hints) == {*dirty("a"), *closed("a/y")}


def test_our_own_folder_is_not_watched(root: Path) -> None:
    (root / "c" / "home" / "deep").mkdir(parents=True)
    with watching(root, own_folder=os.fsencode(root / "c" / "home")) as (hints, heard):
        assert hints.watched == 4
        (root / "c" / "home" / "ledger").write_text("x")
        (root / "c" / "home" / "deep" / "x").write_text("x")
        (root / "c" / "y").write_text("x")
        heard.wait_for(*closed("c/y"))
        assert set(heard.hints) == {*dirty("c"), *closed("c/y")}


# ---- many changes


def test_after_a_storm_of_trees_every_folder_is_watched(root: Path) -> None:
    with watching(root) as (hints, heard):
        for number in range(30):
            (root / "src" / f"{number}" / "deep" / "er").mkdir(parents=True)
            (root / "src" / f"{number}" / "deep" / "f").write_text("x")
        shutil.copytree(root / "src", root / "copy")
        (root / "copy").rename(root / "c" / "copy")
        shutil.rmtree(root / "src")
        heard.wait_for(*dirty("", "c", "c/copy"))
        until(lambda: hints.watched == 4 + 1 + 3 * 30)
        for number in range(30):
            (root / "c" / "copy" / f"{number}" / "deep" / "er" / "x").write_text("x")
        heard.wait_for(*closed(*(f"c/copy/{number}/deep/er/x" for number in range(30))))


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history_every_folder_is_watched_under_its_path(
    root: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    outside = tmp_path / "outside"
    outside.mkdir()
    with watching(root) as (hints, heard):
        for number in range(150):
            folders = [folder for folder, _, _ in os.walk(root)]
            name, other = chance.choice(folders), chance.choice(folders)
            match chance.randrange(10):
                case 0 | 1 | 2:
                    Path(name, f"{number}").mkdir()
                case 3:
                    Path(name, f"{number}", "x", "y").mkdir(parents=True)
                case 4 | 5 | 6 if name != str(root) and not f"{other}/".startswith(f"{name}/"):
                    # Under few names, so that folders take the places of others.
                    with suppress(OSError):
                        os.rename(name, os.path.join(other, chance.choice("abc")))
                case 7 if name != str(root):
                    os.rename(name, outside / f"{number}")
                case 8 if os.listdir(outside):
                    chosen = chance.choice(sorted(os.listdir(outside)))
                    os.rename(outside / chosen, os.path.join(other, f"{number}"))
                case 9 if name != str(root) and len(folders) > 10:
                    shutil.rmtree(name)
        left = [os.path.relpath(folder, root) for folder, _, _ in os.walk(root)]
        until(lambda: hints.watched == len(left))
        heard.wait(lambda told: not any(isinstance(hint, Doubtful) for hint in told))
        for folder in left:
            (root / folder / "file").write_text("x")
        expected = closed(*(os.path.normpath(f"{folder}/file") for folder in left))
        told = heard.wait_for(*expected)
        assert {hint for hint in told if isinstance(hint, Closed)} == set(expected)


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_a_checkout_makes_every_folder_that_it_changed_dirty(root: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = [str(GIT), *identity, "-c", "gc.auto=0", *words]
        subprocess.run(command, cwd=root, check=True, capture_output=True)

    folders = [f"d{number % 7}/e{number}" for number in range(60)]
    git("init", "-q", "-b", "main")
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for name in "abcde":
            (root / folder / name).write_text(name)
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    git("checkout", "-q", "-b", "other")
    for folder in folders[::2]:
        (root / folder / "a").write_text("changed")
    for folder in folders[1::4]:
        shutil.rmtree(root / folder)
    git("commit", "-q", "-a", "-m", "two")
    with watching(root) as (_, heard):
        git("checkout", "-q", "main")
        heard.wait_for(*dirty(*folders[::2], *folders[1::4]))
        assert not set(dirty(*folders[3::4])) & set(heard.hints)


def test_what_repeats_is_told_a_few_times_only(root: Path) -> None:
    with watching(root) as (_, heard):
        for number in range(1000):
            (root / "c" / f"{number % 10}").write_text("x")
        (root / "a" / "last").write_text("x")
        told = heard.wait_for(*closed("a/last"))
        # 3,000 events at least
        assert len(told) < 1000
        assert not any(isinstance(hint, Doubtful) for hint in told)


# ---- doubt

OVERFLOW = struct.pack("iIII", -1, 0x4000, 0, 0)


def test_an_overflow_that_the_kernel_tells_makes_everything_doubtful_and_is_watched_past(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []
    read = inotify.Inotify._read
    monkeypatch.setattr(inotify.Inotify, "_read", lambda self: read(self) + b"".join(reads))
    with watching(root) as (hints, heard):
        reads.append(OVERFLOW)
        (root / "a" / "x").write_text("x")
        until(lambda: hints.mode is Mode.STARTING)
        reads.clear()
        heard.wait_for_doubt("more changed at once")
        until(lambda: hints.mode is Mode.EVENTS)
        heard.forget()
        (root / "a" / "b" / "y").write_text("x")
        heard.wait_for(*closed("a/b/y"))


def test_a_queue_that_really_overflows_is_noticed(root: Path) -> None:
    queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queued > 70_000:
        pytest.skip(f"this machine's queue holds {queued:,} events: too many to fill")
    with watching(root) as (hints, heard):
        heard.hold.clear()
        (root / "c" / "first").touch()
        heard.wait_for(*dirty("c"))  # and whoever told it waits
        for _ in range(queued // 4 + 1):  # two events each
            (root / "a" / "old.txt").rename(root / "a" / "new.txt")
            (root / "a" / "new.txt").rename(root / "a" / "old.txt")
        (root / "made meanwhile").mkdir()
        heard.hold.set()
        heard.wait_for_doubt("more changed at once")
        assert hints.mode is Mode.EVENTS
        heard.forget()
        (root / "made meanwhile" / "x").write_text("x")
        heard.wait_for(*closed("made meanwhile/x"))


def test_a_root_that_is_deleted_makes_everything_doubtful_and_is_watched_when_it_is_back(
    root: Path,
) -> None:
    with watching(root) as (_, heard):
        shutil.rmtree(root)
        heard.wait_for_doubt("moved or deleted")
        heard.wait_for_doubt("not there")
        told = len([hint for hint in heard.hints if hint == Doubtful("the folder is not there")])
        assert told == 1
        heard.forget()
        (root / "new").mkdir(parents=True)
        heard.wait_for_doubt("not there")
        heard.forget()
        (root / "new" / "x").write_text("x")
        heard.wait_for(*closed("new/x"))


def test_a_root_that_is_moved_away_makes_everything_doubtful(root: Path, tmp_path: Path) -> None:
    with watching(root) as (_, heard):
        root.rename(tmp_path / "other")
        heard.wait_for_doubt("moved or deleted")


def test_a_root_whose_parent_is_renamed_is_noticed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.1)
    inner = root / "a" / "b"
    with watching(inner) as (hints, heard):
        (root / "a").rename(root / "z")
        heard.wait_for_doubt("not there")
        (root / "z").rename(root / "a")
        until(lambda: hints.mode is Mode.EVENTS)
        (inner / "x").write_text("x")
        heard.wait_for(*closed("x"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A place where a small disk may be mounted, and what mounts it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount() -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        return folder

    yield mount
    while subprocess.run(["umount", folder], capture_output=True).returncode == 0:
        pass


def test_a_disk_that_is_unmounted_is_told_by_the_kernel(disk: Callable[[], Path]) -> None:
    folder = disk()
    with watching(folder) as (hints, heard):
        (folder / "x").write_text("x")
        heard.wait_for(*closed("x"))
        subprocess.run(["umount", folder], check=True)
        heard.wait_for_doubt("unmounted")
        until(lambda: hints.mode is Mode.EVENTS)


def test_a_disk_that_is_mounted_over_the_folder_is_noticed(
    disk: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.1)
    with watching(tmp_path / "disk") as (hints, heard):
        folder = disk()
        heard.wait_for_doubt("something else stands")
        until(lambda: hints.mode is Mode.EVENTS)
        heard.forget()
        (folder / "y").write_text("x")
        heard.wait_for(*closed("y"))


def test_a_watcher_that_dies_says_so_and_begins_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Event()
    read = inotify.Inotify._read

    def fail(self: inotify.Inotify) -> bytes:
        if broken.is_set():
            broken.clear()
            raise ZeroDivisionError
        return read(self)

    monkeypatch.setattr(inotify.Inotify, "_read", fail)
    with watching(root) as (hints, heard):
        broken.set()
        (root / "a" / "x").write_text("x")
        heard.wait(lambda told: len([h for h in told if isinstance(h, Doubtful)]) == 2)
        heard.wait_for_doubt("ended by a fault")
        assert hints.mode is Mode.EVENTS
        heard.forget()
        (root / "a" / "y").write_text("x")
        heard.wait_for(*closed("a/y"))
    assert "ZeroDivisionError" in caplog.text


def test_whoever_hears_may_fail_and_hears_again(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    failed: list[Hint] = []

    def fail_once(hint: Hint) -> None:
        if not failed:
            failed.append(hint)
            raise ZeroDivisionError
        heard(hint)

    hints = Hints(os.fsencode(root), fail_once, pauses_seconds=(0.01,))
    hints.start()
    try:
        heard.wait_for_doubt("ended by a fault")
        until(lambda: hints.mode is Mode.EVENTS)
    finally:
        hints.stop()
    assert "ZeroDivisionError" in caplog.text


# ---- starting and stopping


def test_nothing_is_heard_after_a_stop_and_nothing_stays_open(root: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with watching(root) as (hints, heard):
        hints.stop()
        heard.forget()
        (root / "a" / "x").write_text("x")
        assert heard.hints == []
    assert set(os.listdir("/proc/self/fd")) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "howdah-hints"]


def test_a_stop_right_after_or_before_a_start_is_fine(root: Path) -> None:
    for _ in range(50):
        hints = Hints(os.fsencode(root), lambda hint: None)
        hints.start()
        hints.stop()
    Hints(os.fsencode(root), lambda hint: None).stop()


def test_whoever_hears_may_stop_it(root: Path) -> None:
    stopped = threading.Event()

    def stop(hint: Hint) -> None:
        hints.stop()
        stopped.set()

    hints = Hints(os.fsencode(root), stop)
    hints.start()
    assert stopped.wait(10)
    hints.stop()


def test_it_waits_without_looking_around(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    read = inotify.Inotify.read

    def counted(self: inotify.Inotify, seconds: float | None) -> list[inotify.Event]:
        waits.append(seconds)
        return read(self, seconds)

    monkeypatch.setattr(inotify.Inotify, "read", counted)
    with watching(root) as (_, heard):
        (root / "a" / "x").write_text("x")
        heard.wait_for(*closed("a/x"))
        until(lambda: waits[-1] == source.LOOK_SECONDS)
        count = len(waits)
        assert not threading.Event().wait(1)
        assert len(waits) <= count + 2
