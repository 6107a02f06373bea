"""What happens to whole trees that are watched: checkouts, storms, deletions, disks that go and come."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from kit.git_ignore import GIT
from kit.watching import make, tree
from together.carriage import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from desktop.folders.conftest import Life


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


# ---- many at once


@pytest.mark.skipif(GIT is None, reason="git is not installed")
@pytest.mark.parametrize(
    ("files", "changed"),
    [
        (1000, 150),
        pytest.param(5000, 4800, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_a_checkout_arrives_as_a_repository_that_git_finds_whole(
    life: Life, local: Path, files: int, changed: int
) -> None:
    repository(local, files, changed)
    with life.watching(local, mirror=True) as folder:
        begun = time.monotonic()
        folder.at_rest(1000)
        first = time.monotonic() - begun
        life.mark()
        begun = time.monotonic()
        git(local, "checkout", "-q", "other")
        folder.at_rest(1000)
        print(
            f"{files:,} files there after {first:.1f} s; a checkout that changes {changed:,} after"
            f" {time.monotonic() - begun:.1f} s, with {len(life.surveys)} surveys, {life.requests}"
        )
        assert tree(folder.there) == tree(local)
        assert git(folder.there, "status", "--porcelain") == ""
        assert git(folder.there, "rev-parse", "--abbrev-ref", "HEAD") == "other\n"
        git(folder.there, "fsck", "--no-progress")
        assert len(life.surveys) < 40
        assert life.requests.total() < 300


def repository(root: Path, files: int, changed: int) -> None:
    """With two branches: in the other, so many files are changed, and some are gone, new or renamed."""
    names = [f"d{number % 50}/e{number % 7}/{number}.txt" for number in range(files)]
    make(root, {name: b"one %s\n" % name.encode() for name in names})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    git(root, "checkout", "-q", "-b", "other")
    make(root, {name: b"two %s, longer\n" % name.encode() for name in names[100 : 100 + changed]})
    for name in names[:30]:
        (root / name).unlink()
    make(root, {f"new/{name}": b"new" for name in names[:30]})
    (root / "d40" / "e3").rename(root / "renamed")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "two")
    git(root, "checkout", "-q", "main")
    git(root, "gc", "-q")


def git(root: Path, *words: str) -> str:
    options = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "gc.auto=0"]
    options += ["-c", "safe.directory=*"]
    done = subprocess.run(
        [str(GIT), *options, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_a_thousand_events_a_second_are_no_noise_and_end_right(life: Life, local: Path) -> None:
    folders, seconds = 20, 5.0
    make(local, {f"{number}": None for number in range(folders)})
    patient = FolderSettings(settle_seconds=1.5)
    with life.watching(local, settings=patient) as folder:
        folder.at_rest()
        life.mark()
        begun, written = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            while written < passed * 1000:
                name = local / f"{written % folders}" / f"{written % 7}"
                name.write_bytes(b"%d" % written)  # three events at least
                written += 1
            time.sleep(0.002)
        folder.until(lambda _: tree(folder.there) == tree(local), "it is there")
        folder.at_rest()
        assert len(tree(local)) == 7 * folders
        assert len(life.surveys) < 25
        assert life.requests.total() < 40, life.requests


# ---- deleted and restored


@pytest.mark.parametrize("mirror", [False, True], ids=["backup", "mirror"])
def test_a_folder_that_is_deleted_and_restored_is_there_again_and_costs_little(
    life: Life, local: Path, short_path: Path, mirror: bool
) -> None:
    big = os.urandom(12_000_000)
    gone = {"photos/big.bin": big, **{f"photos/deep/{n}": b"%d" % n for n in range(10)}}
    make(local, {**gone, **{f"rest/{n}": b"rest %d" % n for n in range(60)}})
    with life.watching(local, mirror=mirror) as folder:
        folder.at_rest()
        whole = tree(local)
        shutil.copytree(local / "photos", short_path / "copy")
        shutil.rmtree(local / "photos")
        folder.at_rest()
        there = tree(folder.there)
        assert there == (tree(local) if mirror else whole)
        life.mark()
        shutil.copytree(short_path / "copy", local / "photos")
        folder.at_rest()
        assert tree(folder.there) == tree(local) == whole
        # What is in the trash there is sent again.
        assert life.way.up < 200_000 + mirror * len(big)
        trashed = folder.engine._ledger.rows(
            "SELECT remote FROM acts WHERE folder = ? AND kind = 'trash'", (folder.id,)
        )
        assert len(trashed) == (1 if mirror else 0)


def test_what_is_away_for_a_moment_only_stays_in_a_mirror(
    life: Life, local: Path, short_path: Path
) -> None:
    make(local, {"b": b"b", **{f"a/{n}": b"%d" % n for n in range(10)}})
    with life.watching(local, mirror=True) as folder:
        folder.at_rest()
        life.mark()
        for _ in range(5):
            (local / "a").rename(short_path / "away")
            (short_path / "away").rename(local / "a")
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        assert not [what for what in life.requests if what.startswith(("DELETE", "PATCH"))]
        assert life.way.up < 20_000


# ---- a disk that goes and comes


@pytest.fixture
def disk(short_path: Path) -> Iterator[tuple[Callable[[], Path], Callable[[], None]]]:
    """What mounts a small disk, always the same one, and what unmounts it."""
    itself, place = short_path / "disk", short_path / "mounted"
    itself.mkdir()
    place.mkdir()

    def run(*words: str | Path) -> None:
        done = subprocess.run(list(words), capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")

    def mount() -> Path:
        run("mount", "--bind", itself, place)
        return place

    def unmount() -> None:
        # Whoever looks at this moment has it open.
        wait_until(
            lambda: subprocess.run(["umount", place], check=False).returncode == 0, "unmounted"
        )

    run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", itself)
    try:
        yield mount, unmount
    finally:
        for folder in (place, itself):
            subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


def test_a_disk_that_is_unmounted_deletes_nothing_says_so_and_goes_on_when_it_is_back(
    life: Life, disk: tuple[Callable[[], Path], Callable[[], None]]
) -> None:
    mount, unmount = disk
    local = mount()
    make(local, {"a": b"a", "folder/b": b"b", "empty": None})
    with life.watching(local, mirror=True) as folder:
        folder.at_rest()
        before = tree(folder.there)
        make(local, {"settles": b"still"})
        unmount()
        view = folder.until(lambda view: view.state == "unavailable", "it is away")
        assert "disk may not be there" in view.sentence
        assert "goes on by itself" in view.remedy
        assert view.files == 3 - 1 or view.files == 3
        # Somebody writes to where the disk is not.
        make(local, {"wrong place": b"x"})
        folder.engine.watch_scan([folder.id])
        folder.until(lambda view: view.state == "unavailable" and not view.surveying)
        assert tree(folder.there) in (before, {**before, "settles": b"still"})
        mount()
        (local / "a").unlink()
        make(local, {"later": b"later"})
        folder.until(lambda view: view.state == "active", "it goes on")
        folder.at_rest()
        folder.until(lambda _: tree(folder.there) == tree(local), "it is as here")
        assert set(tree(local)) == {"folder/b", "empty", "settles", "later"}
