"""The `howdah-receiver` command.

Read in this order: `app` (what there is), `options` (what commands have in common, and how they come to
their settings), then a module for each group of commands. To add one, write a module with a
`commands = typer.Typer()` of its own and name it in `app`.
"""

from __future__ import annotations


def main() -> None:
    """The console script."""
    from howdah_receiver.cli.app import run  # late: importing this package costs nothing

    run()
