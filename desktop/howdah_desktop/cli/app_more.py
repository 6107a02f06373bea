"""Commands around the transfers: freeing space, receipts, history, what is wrong, the service."""

from __future__ import annotations

from typing import Annotated

import typer

from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP

commands = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Local files and folders.")]


@commands.command(epilog=HELP)
def free(
    paths: Paths,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete them; else they go to the desktop's trash.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and compare, and take nothing away.")
    ] = False,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="Only what was sent so long ago: 12h, 30d, 4w.")
    ] = "",
    json: Json = False,
) -> None:
    """Free local space: take away what the receiver has, after both sides have read it again."""
    from howdah_desktop.cli.free import Wish, free_paths

    end(lambda: free_paths(Wish(tuple(paths), delete, dry_run, older_than), json), json)
