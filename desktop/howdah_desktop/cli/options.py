"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Ids = Annotated[
    Optional[list[int]],  # noqa: UP045  # typer evaluates it
    typer.Argument(metavar="ID...", help="As `howdah status` shows them."),
]
SomeIds = Annotated[
    list[int], typer.Argument(metavar="ID...", help="As `howdah queue` shows them.")
]
