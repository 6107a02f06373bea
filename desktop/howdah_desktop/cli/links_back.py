"""`howdah get --links`: what was fetched of links that were kept as small files becomes links again."""

from __future__ import annotations

import filecmp
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from howdah_desktop.cli.display import printable
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.transfers import Kind, TransferState
from howdah_desktop.link_names import FILE_SUFFIX, LINK_SUFFIX, MOST_TARGET_BYTES, is_reserved


class StaysText(Exception):
    """The message says why it does not become a link."""


def write_links_back(home: Path, group: int, as_json: bool) -> None:
    """Of what a group has fetched. What stays as it came is told. Raises ProblemError."""
    for base, path in _fetched(home, group):
        try:
            _put_back(base, path)
        except (StaysText, OSError) as reason:
            why = (
                reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
            )
            _tell(path, why, as_json)


def _fetched(home: Path, group: int) -> Iterator[tuple[Path, Path]]:
    """The folder that was fetched into, and where such a file came to stand."""
    ledger = Ledger(home, read_only=True)
    try:
        rows = ledger.in_states([TransferState.DONE], group)
    finally:
        ledger.close()
    for row in rows:
        if row.kind is Kind.DOWNLOAD and row.final_path and is_reserved(row.final_path):
            yield Path(os.fsdecode(row.local)), Path(row.final_path)


def _put_back(base: Path, path: Path) -> None:
    """Raises StaysText, OSError."""
    root, folder = base.resolve(), path.parent.resolve()
    if not folder.is_relative_to(root):
        raise StaysText("Its folder is behind a link.")
    if path.name.endswith(FILE_SUFFIX):
        _take_name(path, folder / path.name.removesuffix(FILE_SUFFIX))
        return
    name = path.name.removesuffix(LINK_SUFFIX)
    target = _target(path)
    _check_inside(root, folder, target)
    place = folder / name
    try:
        os.symlink(target, os.fsencode(place))  # noqa: PTH211  # bytes
    except FileExistsError:
        if not place.is_symlink() or os.fsencode(os.readlink(place)) != target:  # noqa: PTH115  # bytes
            raise StaysText(f"Something else is called {name!r} here.") from None
    path.unlink()


def _take_name(path: Path, place: Path) -> None:
    """A file that only there had another name. Raises StaysText, OSError."""
    if place.is_file() and not place.is_symlink() and filecmp.cmp(path, place, shallow=False):
        path.unlink()  # it was fetched before
        return
    if os.path.lexists(place):
        raise StaysText(f"Something else is called {place.name!r} here.")
    path.rename(place)


def _target(path: Path) -> bytes:
    """What the link is to hold. Raises StaysText, OSError."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= MOST_TARGET_BYTES:
        raise StaysText("It is no link that was kept.")
    target = path.read_bytes()
    if b"\0" in target:
        raise StaysText("It is no link that was kept.")
    return target


def _check_inside(root: Path, folder: Path, target: bytes) -> None:
    """That a link in `folder` stays in `root`, also once other links come to stand on its way.

    Raises StaysText. Steps up count from the real folder, so they are only taken first: `a/..` leads
    elsewhere once `a` is a link. Steps down lead through links that were looked at in the same way, or that
    stand there now.
    """
    steps = [step for step in target.split(b"/") if step not in (b"", b".")]
    ups = next((at for at, step in enumerate(steps) if step != b".."), len(steps))
    outside = (
        target.startswith(b"/")
        or b".." in steps[ups:]
        or ups > len(folder.relative_to(root).parts)
        or not _leads_to(folder, target).is_relative_to(root)
    )
    if outside:
        raise StaysText(f"It would lead out of the folder, to {os.fsdecode(target)!r}.")


def _leads_to(folder: Path, target: bytes) -> Path:
    """As far as it leads now. Links that lead in a circle, which Path.resolve does not like, lead nowhere."""
    return Path(os.path.realpath(folder / os.fsdecode(target)))


def _tell(path: Path, why: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"event": "stays_text", "path": str(path), "sentence": why}), flush=True)
    else:
        print(f"howdah: stays a file: {printable(str(path))}: {printable(why)}", file=sys.stderr)
