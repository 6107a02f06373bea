"""What a folder holds that is to be sent, found step by step."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_desktop import system
from howdah_desktop.engine.ledger import NewTransfer
from howdah_desktop.engine.transfers import Kind

SORTED_AT_ONCE = 10_000


def walk(
    root: bytes, remote: str, own_folder: bytes, check: Callable[[], None]
) -> Iterator[NewTransfer]:
    """The rows for `root`, which goes to the folder `remote`.

    Links are not followed and devices not opened: they come as skipped. Folders that hold nothing come
    as such. Files come by name, before the folders beside them. `check` is called between entries, and may
    raise to end it.
    """
    folders = [(root, remote)]
    while folders:
        folder, target = folders.pop()
        below: list[tuple[bytes, str]] = []
        empty = True
        try:
            with os.scandir(folder) as entries:
                for entry in _by_name(entries, check):
                    if entry.path == own_folder:
                        yield _skipped(entry.path, target, "own_folder")
                        continue
                    row = classify(entry.path, entry.name, target)
                    if row is None:
                        below.append((entry.path, _below(target, entry.name)))
                    else:
                        yield row
                    empty = empty and row is not None and row.skipped is not None
        except OSError as error:
            yield _failed(folder, target, system.source_problem(error))
            continue
        folders += reversed(below)
        if empty and target:
            yield NewTransfer(Kind.FOLDER, folder, target, size=0)


def _by_name(
    entries: Iterator[os.DirEntry[bytes]], check: Callable[[], None]
) -> Iterator[os.DirEntry[bytes]]:
    """In the order that people read; of a folder of millions, some thousands at a time."""
    while block := list(islice(entries, SORTED_AT_ONCE)):
        check()
        for entry in sorted(block, key=lambda entry: entry.name):
            check()
            yield entry


def classify(path: bytes, name: bytes, folder: str) -> NewTransfer | None:
    """The row for one entry that goes into `folder`; None: a folder to be looked into."""
    try:
        target = remote_path.check_path(_below(folder, name))
    except UnicodeDecodeError:
        proposed = remote_path.join(folder, name.decode("utf-8", "replace").replace("\ufffd", "_"))
        detail = f"Proposed: {remote_path.name(proposed)}"
        return _failed(path, proposed, ProblemError("name_not_unicode", detail))
    except remote_path.BadPath as error:
        return _failed(path, _below(folder, name), ProblemError("bad_path", str(error)))
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116  # bytes
    except OSError as error:
        return _failed(path, target, system.source_problem(error))
    if stat.S_ISDIR(found.st_mode):
        return None
    if stat.S_ISLNK(found.st_mode):
        return _skipped(path, target, "symlink")
    if not stat.S_ISREG(found.st_mode):
        return _skipped(path, target, "special")
    return NewTransfer(Kind.UPLOAD, path, target, size=found.st_size)


@dataclass(frozen=True, slots=True)
class Named:
    """A path that the user named."""

    real: bytes
    """Where it really is."""
    row: NewTransfer | None
    """None: a folder."""
    target: str
    """Its path at the receiver."""


def named_by_user(path: bytes, folder: str) -> Named:
    """What is at `path`, to go into `folder`. A link that the user names is meant: it is followed, once."""
    whole = os.path.abspath(path)  # noqa: PTH100  # bytes; and links must not be resolved in the name
    name = os.path.basename(whole)  # noqa: PTH119  # bytes
    real = os.path.realpath(whole)
    if not name:
        return Named(
            real, None, folder
        )  # the file system's root: what it holds goes into the folder
    row = classify(real, name, folder)
    if row is not None and row.skipped == "special":
        row = _failed(real, row.remote, ProblemError("source_not_a_file"))
    target = row.remote if row is not None else _below(folder, name)
    return Named(real, row, target)


def same_folder(path: Path) -> bytes:
    return os.path.realpath(os.fsencode(path))


def _below(folder: str, name: bytes) -> str:
    return remote_path.join(folder, name.decode("utf-8"))


def _skipped(path: bytes, target: str, rule: str) -> NewTransfer:
    return NewTransfer(Kind.UPLOAD, path, target, skipped=rule)


def _failed(path: bytes, target: str, problem: ProblemError) -> NewTransfer:
    return NewTransfer(Kind.UPLOAD, path, target, failed=problem.code, detail=problem.detail)
