"""The command, put together. What a command does is imported when it runs: `--help` is quick."""

from __future__ import annotations

import sys

import typer

from howdah_receiver.cli import (
    accounts,
    auditing,
    backup,
    care,
    devices,
    invitations,
    links,
    looking,
    pairing,
    serving,
    spaces,
)
from howdah_receiver.errors import StartRefused

app = typer.Typer(
    help="Receives files, whole and verified.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# Without a name its commands stand beside the others; with one, below it: add_typer(x, name="account").
app.add_typer(serving.commands)
app.add_typer(pairing.commands)
app.add_typer(accounts.commands, name="account")
app.add_typer(invitations.commands)
app.add_typer(spaces.commands, name="space")
app.add_typer(devices.commands, name="device")
app.add_typer(looking.commands)
app.add_typer(links.commands, name="link")
app.add_typer(care.commands)
app.add_typer(backup.commands)
app.add_typer(auditing.commands)


def run() -> None:
    try:
        app(prog_name="howdah-receiver")
    except StartRefused as error:
        print(f"howdah-receiver: {error.sentence}\n{error.remedy}", file=sys.stderr)
        sys.exit(1)
