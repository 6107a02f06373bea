"""Watched files that are hard to carry: closed to whoever reads, oddly named, enormous and full of holes."""

from __future__ import annotations

import os
import re
import shutil
import time
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.engine.attach import running_engine
from howdah_desktop.engine.explaining import explain_path
from howdah_desktop.folders.watched import FolderSettings
from kit.client import PROGRAM
from kit.native import home
from kit.processes import Process, unprivileged
from kit.watching import SETTLE_SECONDS, engine_of, make, tree
from together.carriage import wait_until

if TYPE_CHECKING:
    from desktop.folders.conftest import Life
    from howdah_desktop.engine.views import FolderView
    from kit.client import Client
    from kit.receiver import RunningReceiver


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


# ---- what cannot be read, or be named


def test_what_cannot_be_read_is_said_holds_up_nothing_and_comes_once_it_can(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    """As somebody for whom closed files are closed, who is not root."""
    make(local, {"open": b"o", "closed": b"c", "folder/in": b"i", "closed folder/deep/in": b"d"})
    with engine_of(paired) as engine:
        settings = FolderSettings(settle_seconds=SETTLE_SECONDS)
        engine.watch_add(os.fsencode(local), "copy", True, settings)
    for name in ("closed", "closed folder"):
        (local / name).chmod(0)
    there = home(receiver) / "copy"
    words = unprivileged(*PROGRAM, "run")
    service = Process(words, folder=paired.home, env={"HOWDAH_HOME": str(paired.home)})
    try:
        wait_until(lambda: tree(there) == {"open": b"o", "folder/in": b"i"}, "the others")
        wait_until(lambda: view_of(paired).transfers == {"done": 2, "failed": 1}, "it is said")
        assert view_of(paired).left_out == {"source_unreadable": 1}
        for name in ("closed", "closed folder"):
            said = paired.run("explain", local / name, code=1).stdout
            assert "read" in said
            assert "right" in said
        # What was there and cannot be read any more is not deleted there.
        (local / "folder").chmod(0)
        wait_until(lambda: view_of(paired).left_out == {"source_unreadable": 2}, "it is said")
        for name in ("closed", "closed folder", "folder"):
            (local / name).chmod(0o700)
        wait_until(lambda: tree(there) == tree(local), "all of it")
        wait_until(lambda: view_of(paired).transfers == {"done": 4}, "nothing failed")
        assert view_of(paired).left_out == {}
    finally:
        service.close()
        for name in ("closed", "closed folder", "folder"):
            (local / name).chmod(0o700)


def view_of(client: Client) -> FolderView:
    """As the service shows it."""
    found = running_engine(client.home)
    assert found is not None
    with closing(found):
        (view,) = found.watched()
        return view


NAMES = [
    "-rf",
    "--help",
    "two\nlines",
    "\x1b[31mred\x07",
    "a'b\"c`d$(e)",
    "ends with a dot.",
    " leading and trailing ",
    "%2e%2e",
    "..x",
    "CON",
    "\u202etxt.exe",
    unicodedata.normalize("NFC", "é.txt"),
    unicodedata.normalize("NFD", "é.txt"),
    "Case",
    "case",
    "x" * 255,
    "ü" * 127,
    "😀" * 60,
]


def test_whatever_they_are_called_they_arrive_are_moved_and_deleted(
    life: Life, local: Path
) -> None:
    make(local, {name: name.encode() for name in NAMES})
    make(local, {f"in/{name}/{name}": b"x" + name.encode() for name in NAMES})
    make(local, {f"rest/{number}": b"r" for number in range(300)})
    with life.watching(local, mirror=True) as folder:
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        life.mark()
        for name in NAMES:
            (local / "in" / name / name).rename(local / "in" / name / name[::-1])
        (local / "in").rename(local / "-o")
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        for name in NAMES:
            (local / name).unlink()
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        assert not [what for what in life.requests if what.startswith("POST batch")]


def test_a_name_that_is_no_text_or_no_path_is_left_out_said_and_goes_once_it_is_renamed(
    life: Life, local: Path
) -> None:
    make(local, {"good": b"g"})
    raw = os.fsencode(local)
    for name, content in ((b"caf\xe9.txt", b"latin"), (b"back\\slash", b"slash")):
        with open(os.path.join(raw, name), "wb") as file:  # bytes
            file.write(content)
    os.makedirs(os.path.join(raw, b"dir\xff", b"deep"))  # bytes
    (local / os.fsdecode(b"dir\xff") / "deep" / "in").write_bytes(b"in")
    with life.watching(local) as folder:
        view = folder.at_rest()
        assert tree(folder.there) == {"good": b"g"}
        assert view.left_out == {"name_not_unicode": 2, "bad_path": 1}
        for name in (b"caf\xe9.txt", b"dir\xff/deep/in", b"back\\slash"):
            why = explain_path(folder.engine._ledger, os.path.join(raw, name))
            assert not why.is_there
            assert why.sentence
            assert why.remedy
        os.rename(os.path.join(raw, b"caf\xe9.txt"), local / "café.txt")
        os.rename(os.path.join(raw, b"dir\xff"), local / "dir")
        (local / "back\\slash").rename(local / "slash")
        view = folder.at_rest()
        assert tree(folder.there) == tree(local)
        assert view.left_out == {}


# ---- a file of holes


@pytest.mark.parametrize(
    "size",
    [
        300_000_000,
        pytest.param(20_000_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
    ids=["300 MB", "20 GB"],
)
def test_a_sparse_file_arrives_in_little_memory_and_holds_up_no_note(
    life: Life, local: Path, size: int
) -> None:
    if shutil.disk_usage(life.way.folder).free < 2 * size:
        pytest.skip(f"needs {2 * size:,} bytes of free disk")
    local.mkdir()
    with (local / "disk.img").open("wb") as image:
        for at in (0, size // 2, size - 4):
            image.seek(at)
            image.write(b"mark")
    assert (local / "disk.img").stat().st_blocks * 512 < 1_000_000
    memory = resident(anew=True)
    with life.watching(local) as folder:
        life.mark()
        begun = time.monotonic()
        folder.until(lambda view: view.transfers.get("sending"), "it is on its way", 60)
        make(local, {"note": b"a note"})
        folder.until(lambda _: (folder.there / "note").exists(), "the note is there", 30)
        noted = time.monotonic() - begun
        folder.until(lambda view: view.transfers == {"done": 2}, "it is there", 1000)
        seconds = time.monotonic() - begun
        stored = folder.there / "disk.img"
        assert stored.stat().st_size == size
        with stored.open("rb") as file:
            for at in (0, size // 2, size - 4):
                assert os.pread(file.fileno(), 4, at) == b"mark"
        grown = resident() - memory
        print(
            f"a sparse file of {size:,} bytes: {seconds:.1f} s, {life.way.up:,} bytes went up, the note"
            f" after {noted:.1f} s, memory +{grown / 1e6:.0f} MB, on the disk there"
            f" {stored.stat().st_blocks * 512:,} bytes"
        )
        stored.unlink()
    assert grown < 120_000_000


def resident(*, anew: bool = False) -> int:
    """The most bytes that this process had at once; `anew`: now, and it is counted from here on."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
