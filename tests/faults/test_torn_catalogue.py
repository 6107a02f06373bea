"""A catalogue that is torn, emptied or gone: the receiver says so and does not start. It never begins a new
one over files that are there, and never touches them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from howdah_receiver.app import Receiver
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from kit.diskshim import can_build
from kit.forked import forks
from kit.processes import spawn
from kit.receiver import PROGRAM
from kit.wire import Wire, pair
from kit.workload import go_on, mix

pytestmark = pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim")

NAME = "catalogue.sqlite3"


@pytest.fixture(scope="module")
def after(short_root: Path) -> Iterator[tuple[Path, Path]]:
    """What a receiver with files leaves when it is stopped, and when it is killed before its first
    checkpoint: then everything is in the write-ahead log."""
    outside = short_root / "torn"
    outside.mkdir()
    with forks(outside) as there:
        killed, stopped = there.folder(), there.folder()
        for data in (killed, stopped):
            receiver = there.start(data)
            wire = Wire(receiver.url, pair(receiver.url, receiver.link))
            go_on(wire, mix())
            wire.close()
            if data is stopped:
                receiver.stop()
            else:
                receiver.kill()
            (data / "control.sock").unlink(missing_ok=True)
        yield stopped, killed


def gone(catalogue: Path) -> None:
    catalogue.unlink()


def emptied(catalogue: Path) -> None:
    catalogue.write_bytes(b"")


def zeroed(catalogue: Path) -> None:
    catalogue.write_bytes(bytes(catalogue.stat().st_size))


def of_noise(catalogue: Path) -> None:
    catalogue.write_bytes(random.Random(1).randbytes(catalogue.stat().st_size))


def cut_in_half(catalogue: Path) -> None:
    whole = catalogue.read_bytes()
    catalogue.write_bytes(whole[: len(whole) // 2])


def with_a_torn_first_page(catalogue: Path) -> None:
    whole = catalogue.read_bytes()
    catalogue.write_bytes(whole[:512] + random.Random(2).randbytes(3584) + whole[4096:])


def with_zeros_in_the_middle(catalogue: Path) -> None:
    whole = bytearray(catalogue.read_bytes())
    pages = len(whole) // 4096
    for page in range(1, pages, 2):
        whole[page * 4096 : page * 4096 + 4096] = bytes(4096)
    catalogue.write_bytes(whole)


def of_one_empty_page(catalogue: Path) -> None:
    """A database without tables, as the file alone is before the first checkpoint."""
    whole = bytearray(catalogue.read_bytes()[:4096])
    whole[28:32] = (1).to_bytes(4, "big")
    whole[100:] = bytes([13, 0, 0, 0, 0, 16, 0, 0]) + bytes(4096 - 108)
    catalogue.write_bytes(whole)


TEARS = (
    gone, emptied, zeroed, of_noise, cut_in_half, with_a_torn_first_page, with_zeros_in_the_middle,
    of_one_empty_page,
)  # fmt: skip


def contents(data: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(data)): path.read_bytes()
        for folder in ("files", "versions")
        for path in (data / folder).rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("tear", TEARS)
def test_a_damaged_catalogue_is_refused_with_a_sentence_and_nothing_is_touched(
    tear: Callable[[Path], None], after: tuple[Path, Path], short_path: Path
) -> None:
    data = short_path / "data"
    shutil.copytree(after[0], data)
    tear(data / NAME)
    torn = (data / NAME).read_bytes() if (data / NAME).exists() else b""
    before = contents(data)
    with pytest.raises(StartRefused) as refused:
        Receiver(Settings(data=data))
    assert NAME in str(refused.value.sentence)
    assert refused.value.remedy
    assert contents(data) == before
    left = (data / NAME).read_bytes() if (data / NAME).exists() else b""
    # SQLite notes in two bytes of the first page that the file was opened for WAL.
    assert left == torn or (left[:16] == torn[:16] and left[100:] == torn[100:])


def test_a_catalogue_whose_log_was_left_behind_is_no_new_one(
    after: tuple[Path, Path], short_path: Path
) -> None:
    data = short_path / "data"
    shutil.copytree(after[1], data)
    (data / f"{NAME}-wal").unlink()
    (data / f"{NAME}-shm").unlink()
    with pytest.raises(StartRefused, match="catalogue"):
        Receiver(Settings(data=data))


def test_the_command_says_it_on_its_way_out(after: tuple[Path, Path], short_path: Path) -> None:
    data = short_path / "data"
    shutil.copytree(after[0], data)
    of_noise(data / NAME)
    command = [*PROGRAM, "serve", "--data", str(data), "--port", "0"]
    with spawn(command, folder=short_path) as process:
        assert process.wait() == 1
        assert "is damaged" in process.stderr.text
        assert "Traceback" not in process.stderr.text
