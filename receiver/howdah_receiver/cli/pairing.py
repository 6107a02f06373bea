"""`howdah-receiver pair`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from howdah_receiver.cli.options import Config, Data, settings_from

commands = typer.Typer()


@commands.command()
def pair(
    account: Annotated[
        str | None, typer.Option(help="Whose device it will be.", show_default="owner")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="All that it will reach.", show_default="all of its spaces")
    ] = None,
    send_only: Annotated[
        bool, typer.Option("--send-only", help="It may put files in, and sees nothing.")
    ] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Print a pairing link, good once and for 15 minutes, for `howdah pair LINK`."""
    from howdah_receiver.admin import commands

    settings = settings_from(data=data, config=config)
    found = commands.run(settings, "pair", account=account, space=space, send_only=send_only)
    (answer,) = found
    link = str(answer["link"])
    if sys.stdout.isatty():
        import segno

        segno.make(link, micro=False).terminal(compact=True)
    print(link)
