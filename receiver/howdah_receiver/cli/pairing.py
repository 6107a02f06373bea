"""`howdah-receiver pair`."""

from __future__ import annotations

import sys

import typer

from howdah_receiver.cli.options import Config, Data, settings_from

commands = typer.Typer()


@commands.command()
def pair(data: Data = None, config: Config = None) -> None:
    """Print a pairing link, good once and for 15 minutes, for `howdah pair LINK`."""
    from howdah_receiver.admin import commands

    (answer,) = commands.run(settings_from(data=data, config=config), "pair")
    link = str(answer["link"])
    if sys.stdout.isatty():
        import segno

        segno.make(link, micro=False).terminal(compact=True)
    print(link)
