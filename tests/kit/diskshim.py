"""Run a program with every change it makes below one folder counted, killed, broken or recorded.

The C side is in ``tests/faults/shim``; its head comment is the reference of the modes. Here:
building it once, the environment that switches it on, and reading (and marking) what it wrote.

A power-cut test looks like this::

    record = folder / "record"
    process = subprocess.Popen(command, env=os.environ | environment(data, record=record))
    ...  # speak to it; at each acknowledgement: mark(record, b"what was promised")
    log = read_record(record)   # goes to tests/kit/power_cut.py
"""

from __future__ import annotations

import enum
import functools
import hashlib
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

SOURCES = Path(__file__).resolve().parent.parent / "faults" / "shim"
_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-shared", "-fPIC"]
_LIBRARIES = ["-pthread"]

When = Literal["before", "after", "half"]


class Op(enum.IntEnum):
    """What one record says; the numbers are those of ``enum op`` in diskshim.h."""

    CREATE = 1
    MKDIR = 2
    WRITE = 3
    TRUNCATE = 4
    FALLOCATE = 5
    FSYNC = 6
    FDATASYNC = 7
    SYNC = 8
    RENAME = 9
    LINK = 10
    UNLINK = 11
    RMDIR = 12
    SYMLINK = 13
    MARK = 14
    FAILED_SYNC = 15


@dataclass(frozen=True, slots=True)
class Record:
    """One change, in the order in which they happened. ``path`` and ``second`` are relative to the
    root.

    ``inode`` is the file's number at that time (a number may come back for another file after a
    removal; a CREATE or MKDIR begins its new life). ``length`` is the size for TRUNCATE and the
    extent for FALLOCATE; ``flags`` are those of fallocate or renameat2; ``data`` is what was
    written, a symbolic link's target, or what a MARK says.
    """

    op: Op
    inode: int = 0
    path: str = ""
    second: str = ""
    offset: int = 0
    length: int = 0
    flags: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Call:
    """One counted call: its number from 1, libc's name, its class (write, sync, name, size)."""

    index: int
    name: str
    kind: str
    path: str
    length: int


@functools.cache
def build() -> Path:
    """The compiled shim. It is kept by the hash of its sources, so the next test run finds it ready."""
    digest = hashlib.sha256(repr((_FLAGS, _LIBRARIES)).encode())
    for source in sorted(SOURCES.glob("*.[ch]")):
        digest.update(source.name.encode() + source.read_bytes())
    # Not tempfile.gettempdir(): every test has a temporary folder of its own.
    folder = Path(f"/tmp/howdah-diskshim-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    library = folder / f"{digest.hexdigest()[:16]}.so"
    if not library.exists():
        draft = folder / f"{library.name}.{os.getpid()}"
        sources = [str(source) for source in sorted(SOURCES.glob("*.c"))]
        subprocess.run(["gcc", *_FLAGS, *sources, *_LIBRARIES, "-o", str(draft)], check=True)
        draft.rename(library)  # two test workers may build at once: either result is whole
    return library


def can_build() -> bool:
    """Whether this machine has what the shim needs: Linux and a C compiler."""
    return os.uname().sysname == "Linux" and shutil.which("gcc") is not None


def environment(
    root: Path,
    *,
    count: Path | None = None,
    kill: tuple[int, When] | None = None,
    fault: str | None = None,
    record: Path | None = None,
    armed: Path | None = None,
    seed: int | None = None,
) -> dict[str, str]:
    """The variables that switch the shim on below ``root`` (which must exist) in a child process.

    ``fault`` is ``call:what:nth[:part of path]``, several joined by commas, for example
    ``fsync:EIO:3``, ``write:ENOSPC:10+``, ``write:SHORT:~0.5``, ``sync:DELAY3000:*:parts/``. While
    the file ``armed`` does not exist, count, kill and fault rest. The files named here must lie
    outside ``root``.
    """
    for outside in (count, record, armed):
        if outside is not None and outside.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"{outside} lies below the watched folder")
    values = {"LD_PRELOAD": str(build()), "HOWDAH_SHIM_ROOT": str(root)}
    if count is not None:
        values["HOWDAH_SHIM_COUNT"] = str(count)
    if kill is not None:
        values["HOWDAH_SHIM_KILL"] = f"{kill[0]}:{kill[1]}"
    if fault is not None:
        values["HOWDAH_SHIM_FAULT"] = fault
    if record is not None:
        values["HOWDAH_SHIM_RECORD"] = str(record)
    if armed is not None:
        values["HOWDAH_SHIM_ARMED"] = str(armed)
    if seed is not None:
        values["HOWDAH_SHIM_SEED"] = str(seed)
    return values


def read_calls(count: Path) -> list[Call]:
    """The counted calls of one process. How many there are is the n of a kill sweep."""
    calls = []
    for line in count.read_text("ascii").splitlines():
        index, name, kind, path, length = line.split("\t")
        calls.append(
            Call(int(index), name, kind, unquote(path, errors="surrogateescape"), int(length))
        )
    return calls


# struct header in diskshim.c: magic, op, inode, offset, length, flags, path, second, data bytes
_HEADER = struct.Struct("<IIQQQIIII")
_MAGIC = 0x31574F48


def mark(record: Path, payload: bytes) -> None:
    """Write down in the record that ``payload`` was acknowledged by now. Any process may do so.

    One O_APPEND write: the mark falls between whole records, after every change that its
    acknowledgement can have rested on.
    """
    entry = _HEADER.pack(_MAGIC, Op.MARK, 0, 0, 0, 0, 0, 0, len(payload)) + payload
    fd = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if os.write(fd, entry) != len(entry):
            raise OSError("the mark was not written whole")
    finally:
        os.close(fd)


def read_record(record: Path) -> list[Record]:
    """The recorded history. A torn last record (the process was killed in it) is left out.

    :raises ValueError: the file is not a record, or is damaged before its end
    """
    raw = record.read_bytes()
    log, at = [], 0
    while at + _HEADER.size <= len(raw):
        magic, op, inode, offset, length, flags, *sizes = _HEADER.unpack_from(raw, at)
        if magic != _MAGIC:
            raise ValueError(f"no record at byte {at} of {record}")
        ends = [at := at + _HEADER.size]
        for size in sizes:
            ends.append(at := at + size)
        if at > len(raw):
            break
        path, second = (os.fsdecode(raw[a:b]) for a, b in pairwise(ends[:3]))
        data = raw[ends[2] : ends[3]]
        log.append(Record(Op(op), inode, path, second, offset, length, flags, data))
    return log
