"""What commands tell, for people and for programs: a table on a terminal, plain lines with tabs elsewhere,
or one JSON object a line."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Line = Mapping[str, Any]
Columns = Mapping[str, Callable[[Line], str]]
"""Their headings, and what stands below. Those in capitals are for programs: a terminal is too narrow."""

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def show(lines: Iterable[Line], columns: Columns, *, as_json: bool) -> None:
    """`as_json`: all that is known, a list."""
    found = list(lines)
    if as_json:
        print(json.dumps(found))
    elif sys.stdout.isatty():
        _show_table(found, columns)
    else:
        for line in found:
            print("\t".join(clean(text(line)) for text in columns.values()))


def _show_table(lines: list[Line], columns: Columns) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE)
    shown = {heading: text for heading, text in columns.items() if not heading.isupper()}
    for heading in shown:
        # An id is of use only as a whole; whatever else is long goes on below.
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for line in lines:
        table.add_row(*(Text(clean(text(line))) for text in shown.values()))
    Console().print(table)


def clean(text: str) -> str:
    """Without what would move the cursor, or look like another line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def word(name: str) -> Callable[[Line], str]:
    """The member of that name; a dash where there is none."""

    def text(line: Line) -> str:
        value = line[name]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "-" if value is None else str(value)

    return text


def size(name: str) -> Callable[[Line], str]:
    return lambda line: "-" if line[name] is None else size_in_words(line[name])


def moment(name: str) -> Callable[[Line], str]:
    """In the time of this machine."""

    def text(line: Line) -> str:
        if line[name] is None:
            return "-"
        moment = dt.datetime.fromtimestamp(line[name] / 1e9).astimezone()
        return moment.isoformat(" ", "minutes")[:16]

    return text


def size_in_words(count: int) -> str:
    amount, unit = float(count), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}" if unit else f"{count} B"
