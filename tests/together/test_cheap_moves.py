"""What only moved in a watched folder costs next to nothing: bytes on the wire, between both programs."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.remote import secrets
from kit.native import home
from kit.watching import SETTLE_SECONDS, Watching, engine_of, quick_watching, watched_by
from together.carriage import MB, Carriage, lasting, same, wait_until, write_random

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_desktop.engine.engine import Engine

FEW = pytest.param(1_000, 100_000, id="1000 files, 100 MB", marks=pytest.mark.timeout(180))
MANY = pytest.param(
    10_000,
    100_000,
    id="10000 files, 1 GB",
    marks=[pytest.mark.soak, pytest.mark.timeout(1_800)],
)
SMALLER = pytest.param(100 * MB, id="100 MB", marks=pytest.mark.timeout(120))
LARGE = pytest.param(1_000 * MB, id="1 GB", marks=[pytest.mark.soak, pytest.mark.timeout(900)])


@pytest.fixture(scope="module")
def way(short_root: Path) -> Iterator[Carriage]:
    """One for all of them: each test has a folder of its own."""
    with lasting(short_root / "moves") as whole:
        yield whole


@pytest.fixture(scope="module")
def engine(way: Carriage) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patched:
        quick_watching(patched)
        patched.setenv("HOWDAH_HOME", str(way.client.home))
        pairing = secrets.load()
        patched.setattr(secrets, "load", lambda: pairing)
        with engine_of(way.client) as running:
            yield running


@contextmanager
def watching(way: Carriage, engine: Engine, name: str) -> Iterator[Watching]:
    settings = FolderSettings(settle_seconds=SETTLE_SECONDS)
    space = home(way.receiver)
    folder = watched_by(engine, way.folder / name, space, name, mirror=True, settings=settings)
    try:
        yield folder
    finally:
        engine.watch_remove([folder.id])


@pytest.mark.parametrize(("files", "size"), [FEW, MANY])
def test_a_folder_that_is_renamed_moves_there_in_one_stroke(
    way: Carriage, engine: Engine, files: int, size: int
) -> None:
    local = way.folder / f"renamed-{files}"
    many_files(local / "before", files, size)
    with watching(way, engine, local.name) as folder:
        folder.at_rest(1_500)
        assert names(folder.there) == names(local)
        one = names(local / "before")[files // 2]
        way.mark()
        begun = time.monotonic()
        (local / "before").rename(local / "after")
        # Nobody tells it to look: it hears of it, and is done when the ledger has it all.
        wait_until(lambda: is_known(folder, f"after/{one}"), "it is known there", 120)
        seconds = time.monotonic() - begun
        folder.at_rest(300)
        print(f"{files:,} files renamed: {seconds:.2f} s, {way.up + way.down:,} bytes went")
        assert way.up + way.down < MB
        assert names(folder.there) == names(local)
        assert same(local / "after" / one, folder.there / "after" / one)
        acts = engine._ledger.rows(
            "SELECT kind, is_dir FROM acts WHERE folder = ? ORDER BY id", (folder.id,)
        )
        assert acts == [("move", 1)]
        assert folder.view().transfers == {"done": files}
        # All that is known below it goes by its new place: a change is a version of the same file.
        (local / "after" / one).write_bytes(b"changed")
        (local / "after" / one).with_name("new").write_bytes(b"new")
        folder.at_rest(300)
        assert (folder.there / "after" / one).read_bytes() == b"changed"
        assert names(folder.there) == names(local)


@pytest.mark.parametrize("size", [SMALLER, LARGE])
def test_a_file_that_is_dropped_elsewhere_is_not_sent_again(
    way: Carriage, engine: Engine, size: int
) -> None:
    """As a copy in the watched folder, and by hand to another place."""
    local = way.folder / f"dropped-{size}"
    source = write_random(local / "here" / "film.bin", size)
    with watching(way, engine, local.name) as folder:
        folder.at_rest(600)
        way.mark()
        begun = time.monotonic()
        copied = local / "there" / "copy.bin"
        copied.parent.mkdir()
        shutil.copyfile(source, copied)
        folder.at_rest(300)
        assert same(source, folder.there / "there" / "copy.bin")
        copy = way.up
        way.mark()
        way.run("send", source, "--to", f"elsewhere-{size}", timeout=300)
        assert same(source, way.stored(f"elsewhere-{size}/film.bin"))
        print(
            f"{size:,} bytes copied in the folder: {copy:,} went up; dropped elsewhere: {way.up:,};"
            f" {time.monotonic() - begun:.1f} s for both"
        )
        assert copy < MB
        assert way.up < MB


def test_what_was_deleted_in_a_mirror_and_comes_back_is_not_sent_again(
    way: Carriage, engine: Engine
) -> None:
    local = way.folder / "back"
    film = write_random(local / "films" / "film.bin", 30 * MB)
    for number in range(30):  # or one file would be too much of all
        write_random(local / f"{number}.bin", 1_000)
    with watching(way, engine, local.name) as folder:
        folder.at_rest(100)
        backup = shutil.copyfile(film, way.folder / "backup.bin")
        shutil.rmtree(local / "films")
        wait_until(lambda: not (folder.there / "films").exists(), "it is in the trash", 60)
        folder.at_rest(100)
        way.mark()
        film.parent.mkdir()
        shutil.move(backup, film)
        folder.at_rest(100)
        print(f"{film.stat().st_size:,} bytes brought back: {way.up:,} went up")
        assert same(film, folder.there / "films" / "film.bin")
        assert way.up < MB


# ---- inside


def many_files(root: Path, files: int, size: int) -> None:
    """Of bytes that nobody has sent before, in a hundred folders."""
    for number in range(files):
        write_random(root / f"{number % 10}" / f"{number // 10 % 10}" / f"{number}.bin", size)


def names(root: Path) -> list[str]:
    """Of all files below it."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".howdah")
    )


def is_known(folder: Watching, path: str) -> bool:
    return folder.engine._ledger.known(folder.id, path.encode()) is not None
