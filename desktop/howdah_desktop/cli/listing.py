"""`howdah ls`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from howdah_common.messages import FileInfo, FolderInfo, encode
from howdah_common.remote_path import name
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable, size_text
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.transfers import checked_folder
from howdah_desktop.remote.receiver import Receiver

PER_PAGE = 500


def list_path(path: str, as_json: bool) -> Exit:
    """Raises ProblemError."""
    receiver = context.connect(context.settings())
    try:
        for item in _items(receiver, checked_folder(path)):
            print(encode(item).decode() if as_json else _line(item))
    finally:
        receiver.close()
    return Exit.DONE


def _items(receiver: Receiver, path: str) -> Iterator[FileInfo | FolderInfo]:
    page = 1
    while True:
        answer = receiver.list(path, page, PER_PAGE)
        yield from answer.items
        if not answer.items or page * max(1, answer.per_page) >= answer.total:
            return
        page += 1


def _line(item: FileInfo | FolderInfo) -> str:
    if isinstance(item, FolderInfo):
        return f"{'':>10}  {'':16}  {printable(name(item.path))}/"
    return f"{size_text(item.size):>10}  {_when(item.modified_ns)}  {printable(name(item.path))}"


def _when(modified_ns: int) -> str:
    try:
        local = dt.datetime.fromtimestamp(modified_ns / 1e9, dt.UTC).astimezone()
    except (ValueError, OverflowError, OSError):  # beyond the years that Python knows
        return f"{'?':16}"
    return f"{local:%Y-%m-%d %H:%M}"
