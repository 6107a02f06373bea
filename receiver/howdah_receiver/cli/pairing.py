"""`howdah-receiver pair`."""

from __future__ import annotations

import sys

import typer

from howdah_receiver.cli.options import Config, Data, settings_from
from howdah_receiver.errors import StartRefused

commands = typer.Typer()


@commands.command()
def pair(data: Data = None, config: Config = None) -> None:
    """Print a pairing link, good once and for 15 minutes, for `howdah pair LINK`."""
    from howdah_receiver import control

    settings = settings_from(data=data, config=config)
    answer = control.ask(settings.data, "pair")
    if answer is None:
        raise StartRefused(
            f"No receiver is running on {settings.data}.",
            "Start one with `howdah-receiver serve`, or name its folder with --data.",
        )
    link = str(answer["link"])
    if sys.stdout.isatty():
        import segno

        segno.make(link, micro=False).terminal(compact=True)
    print(link)
