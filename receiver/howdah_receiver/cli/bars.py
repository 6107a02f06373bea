"""A bar for long work: on a terminal it moves, elsewhere there is a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from howdah_receiver.admin import commands
from howdah_receiver.control import Line
from howdah_receiver.settings import Settings

_LINE_SECONDS = 10


Unit = Literal["bytes", "files"]


def with_bar(
    settings: Settings, command: str, title: str, *, unit: Unit = "bytes", **arguments: Any
) -> dict[str, Any]:
    """Run a command that tells its `progress` (`done` of `total`, in that unit); its result.

    Raises StartRefused.
    """
    return show(commands.run(settings, command, **arguments), title, unit)


def show(lines: Iterator[Line], title: str, unit: Unit = "bytes") -> dict[str, Any]:
    """The `result` of lines, with a bar for the `progress` before it. Raises what they raise."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        return _plainly(lines, title, unit)
    done = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    with Progress(
        TextColumn(title), BarColumn(), done, TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task(title, total=None)
        for line in lines:
            if "progress" in line:
                told = line["progress"]
                bar.update(task, completed=told["done"], total=told["total"] or None)
            else:
                found: dict[str, Any] = line["result"]
                return found
    raise AssertionError(f"{title} ended without a result")


def _plainly(lines: Iterator[Line], title: str, unit: Unit) -> dict[str, Any]:
    told = time.monotonic()
    for line in lines:
        if "result" in line:
            found: dict[str, Any] = line["result"]
            return found
        if time.monotonic() - told >= _LINE_SECONDS:
            told = time.monotonic()
            done, total = line["progress"]["done"], line["progress"]["total"]
            shown = f"{done / 1e9:.2f} of {total / 1e9:.2f} GB"
            print(f"{title}: {shown if unit == 'bytes' else f'{done} of {total}'}", file=sys.stderr)
    raise AssertionError(f"{title} ended without a result")
