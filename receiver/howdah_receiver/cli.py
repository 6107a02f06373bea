"""`howdah-receiver serve|pair|doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from howdah_receiver.errors import StartRefused

app = typer.Typer(
    help="Receives files, whole and verified.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Data = Annotated[
    Path | None, typer.Option(help="The folder that holds everything.", show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", help="Say more on standard error.")]


def main() -> None:
    try:
        app()
    except StartRefused as error:
        print(f"howdah-receiver: {error.sentence}\n{error.remedy}", file=sys.stderr)
        sys.exit(1)


@app.command()
def serve(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="0 for a free one.", show_default="8484")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that clients may call this receiver by; more than once.",
                     show_default=False),
    ] = None,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Run a receiver. Prints its address once it listens, and a pairing link until a device has paired.

    Ctrl-C or SIGTERM stop it. On any address but a loopback one it speaks TLS with its own certificate,
    whose fingerprint is in the pairing link.
    """
    from howdah_receiver import log, server

    log.set_up(debug=debug)
    server.serve(_settings(data=data, host=host, port=port, allowed_hosts=allowed_host))


@app.command()
def pair(data: Data = None) -> None:
    """Print a pairing link, good once and for 15 minutes, for `howdah pair LINK`."""
    from howdah_receiver.admin import commands

    settings = _settings(data=data)
    (answer,) = commands.run(settings.data, "pair")
    link = str(answer["link"])
    if sys.stdout.isatty():
        import segno

        segno.make(link, micro=False).terminal(compact=True)
    print(link)


@app.command()
def doctor(data: Data = None) -> None:
    """Check the set-up and the data folder. Exit code 1 where something needs you."""
    from howdah_receiver.doctor import examine

    findings = examine(_settings(data=data))
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'BAD '} {finding.sentence}")
        if finding.remedy:
            print(f"     {finding.remedy}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def _settings(**given: Any) -> Any:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from howdah_receiver.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        raise StartRefused(
            f"A setting cannot be read: {error}.",
            'Correct it in the environment; a list is written as ["one", "two"].',
        ) from error
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "_".join(str(part) for part in wrong["loc"])
        raise StartRefused(
            f"The setting {name} cannot be {wrong['input']!r}: {wrong['msg']}.",
            f"Correct --{name.replace('_', '-')} or HOWDAH_RECEIVER_{name.upper()}.",
        ) from error
