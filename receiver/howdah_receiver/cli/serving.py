"""`howdah-receiver serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from howdah_receiver.cli.options import Config, Data, Set, settings_from

commands = typer.Typer()


@commands.command()
def serve(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        str | None, typer.Option(help="0 for a free one.", show_default="8484", metavar="N")
    ] = None,
    unix: Annotated[
        Path | None, typer.Option(help="A socket to listen on instead.", show_default=False)
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that clients may call this receiver by; more than once.",
                     show_default=False),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="What clients call it by, if not by where it listens.",
                                 show_default=False)
    ] = None,
    config: Config = None,
    more: Set = None,
    debug: Annotated[bool, typer.Option("--debug", help="Say more on standard error.")] = False,
) -> None:  # fmt: skip
    """Run a receiver. Prints its address once it listens, and a pairing link until a device has paired.

    Ctrl-C or SIGTERM stop it. On any address but a loopback one it speaks TLS with its own certificate,
    whose fingerprint is in the pairing link.
    """
    from howdah_receiver import log, server

    settings = settings_from(
        more,
        config=config,
        data=data,
        host=host,
        port=port,
        unix=unix,
        allowed_hosts=allowed_host,
        public_url=public_url,
        debug=debug or None,
    )
    log.set_up(debug=settings.debug, form=settings.log_format)
    server.serve(settings)
