"""How much was read, on a terminal; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def reading_bar(title: str) -> Iterator[Callable[[int], None]]:
    """To be called with bytes as they are read. Lines that are printed meanwhile stand above it."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console  # slow to import
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TransferSpeedColumn,
    )

    console = Console(file=sys.stderr)
    columns = (SpinnerColumn(), TextColumn(title), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda count: progress.advance(task, count)
