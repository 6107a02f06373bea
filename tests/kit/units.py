"""What a systemd unit lets its program do, as numbers for `confined.py`."""

from __future__ import annotations

import platform
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.processes import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL_NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
CONFINED = Path(__file__).with_name("confined.py")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd's tools are not installed"
)


def said(*words: str | Path) -> str:
    """What a command prints, on either stream; it must succeed."""
    done = subprocess.run(
        list(words), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def exposure(unit: Path) -> float:
    """How much a unit leaves open, from 0 to 10."""
    told = said("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert match is not None, told
    return float(match[1])


def skip_without_walls() -> None:
    if platform.machine() != "x86_64" or not CALL_NUMBERS.exists():
        pytest.skip("the numbers of system calls are not known here")
    if tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2]) < (6, 3):
        pytest.skip("this kernel has no PR_SET_MDWE")


def calls_of(*sets: str) -> set[str]:
    """The names of the system calls in systemd's sets."""
    found: set[str] = set()
    for line in said("systemd-analyze", "--no-pager", "syscall-filter", *sets).splitlines():
        word = line.strip()
        if line.startswith((" ", "\t")) and word and not word.startswith("#"):
            found |= calls_of(word) if word.startswith("@") else {word}
    return found


def allowed_calls(unit: Path) -> list[int]:
    """By the unit's SystemCallFilter lines, as numbers."""
    lines = re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.MULTILINE)
    names = calls_of("@default")
    for line in lines:
        sets = line.lstrip("~").split()
        names = names - calls_of(*sets) if line.startswith("~") else names | calls_of(*sets)
    numbers = dict(
        re.findall(r"^#define __NR_(\w+) (\d+)$", CALL_NUMBERS.read_text(), re.MULTILINE)
    )
    return sorted(int(numbers[name]) for name in names if name in numbers)


def allowed_families(unit: Path) -> list[int]:
    match = re.search(r"^RestrictAddressFamilies=(.*)$", unit.read_text(), re.MULTILINE)
    assert match is not None
    return [int(getattr(socket, name)) for name in match[1].split()]


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """The socket that a service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind("\0" + address[1:] if address.startswith("@") else address)
        door.settimeout(PATIENCE_SECONDS)
        yield door
