"""`howdah ls`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from howdah_common.messages import FileInfo, FileList, FolderInfo, encode
from howdah_common.remote_path import name
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable, size_text
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.transfers import checked_folder
from howdah_desktop.remote.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Wanted:
    sort_by: str
    reverse: bool
    search: str


def list_path(path: str, wanted: Wanted, as_json: bool) -> Exit:
    """Raises ProblemError."""
    receiver = context.connect(context.settings())
    try:
        for page in _pages(receiver, checked_folder(path), wanted):
            for item in page.items:
                print(encode(item).decode() if as_json else _line(item, bool(wanted.search)))
        if page.total_is_at_least:
            print("howdah: too many to be sorted: the newest come first", file=sys.stderr)
    finally:
        receiver.close()
    return Exit.DONE


def _pages(receiver: Receiver, path: str, wanted: Wanted) -> Iterator[FileList]:
    """One at least."""
    order = "desc" if wanted.reverse else "asc"
    page = receiver.sorted(path, wanted.sort_by, order, wanted.search, None)
    yield page
    while page.next is not None and page.items:
        page = receiver.sorted(path, wanted.sort_by, order, wanted.search, page.next)
        yield page


def _line(item: FileInfo | FolderInfo, whole_path: bool) -> str:
    shown = printable(item.path if whole_path else name(item.path))
    if isinstance(item, FolderInfo):
        size = "" if item.bytes is None else size_text(item.bytes)
        return f"{size:>10}  {'':16}  {shown}/"
    return f"{size_text(item.size):>10}  {_when(item.modified_ns)}  {shown}"


def _when(modified_ns: int) -> str:
    try:
        local = dt.datetime.fromtimestamp(modified_ns / 1e9, dt.UTC).astimezone()
    except (ValueError, OverflowError, OSError):  # beyond the years that Python knows
        return f"{'?':16}"
    return f"{local:%Y-%m-%d %H:%M}"
