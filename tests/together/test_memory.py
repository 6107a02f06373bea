"""The memory of both programs does not grow with the file."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.client import Client
from kit.launching import ANEW
from kit.receiver import running_receiver
from together.carriage import MB, MIB, wait_until, write_random

if TYPE_CHECKING:
    from kit.processes import Process

SMALL_BYTES = 50 * MB
MOST_DIFFERENCE = 20 * MB
MOST_CLIENT = 80 * MB
MOST_RECEIVER = 140 * MB
"""At rest it has 71 to 92 MB, other in each run: what counts is that the size of a file changes nothing."""


@dataclass(frozen=True)
class Peaks:
    """The most memory that was resident at once, in bytes (VmHWM)."""

    client_up: int
    client_down: int
    receiver: int


def test_memory_for_1_gib_is_that_for_50_mb(short_path: Path) -> None:
    compare(short_path, 1024 * MIB)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_memory_for_5_gib_is_that_for_50_mb(short_path: Path) -> None:
    compare(short_path, 5 * 1024 * MIB)


def compare(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < 2 * size + 2 * 1024 * MIB:
        pytest.skip(f"needs {2 * size / MB:.0f} MB of free disk")
    small, large = measured(folder / "small", SMALL_BYTES), measured(folder / "large", size)
    for what in ("client_up", "client_down", "receiver"):
        a, b = getattr(small, what) / MB, getattr(large, what) / MB
        print(f"{what:12} {SMALL_BYTES / MB:6.0f} MB: {a:5.1f}   {size / MB:6.0f} MB: {b:5.1f}")
    assert large.client_up < MOST_CLIENT
    assert large.client_down < MOST_CLIENT
    assert large.receiver < MOST_RECEIVER
    assert large.client_up - small.client_up < MOST_DIFFERENCE
    assert large.client_down - small.client_down < MOST_DIFFERENCE
    assert large.receiver - small.receiver < MOST_DIFFERENCE


def measured(folder: Path, size: int) -> Peaks:
    """The peaks of one file's way up and down, by programs that have done nothing else."""
    folder.mkdir()
    source = write_random(folder / "film.bin", size)
    client = Client(folder / "howdah", ANEW)
    with running_receiver(folder / "data", env=ANEW) as receiver:
        client.run("pair", receiver.link)
        up = peak(client.start("send", source))
        source.unlink()
        down = peak(client.start("get", "film.bin", "--to", folder / "back"))
        assert (folder / "back" / "film.bin").stat().st_size == size
        at_receiver = high_water(receiver.process.pid)
    client.close()
    shutil.rmtree(folder)
    return Peaks(up, down, at_receiver)


def peak(command: Process) -> int:
    """The most that a command ever had, asked until it ended well."""
    most = 0

    def ended() -> bool:
        nonlocal most
        most = max(most, high_water(command.pid))
        return not command.running

    wait_until(ended, "the command's end", seconds=600)
    assert command.wait() == 0, command.stdout.text + command.stderr.text
    return most


def high_water(pid: int) -> int:
    """VmHWM of a process in bytes; 0 once it has ended."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", told, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
