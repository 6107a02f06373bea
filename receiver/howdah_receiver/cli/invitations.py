"""`howdah-receiver invite`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from howdah_receiver.cli.options import Config, Data, Json, settings_from
from howdah_receiver.cli.showing import Columns, moment, show, word

commands = typer.Typer()

_COLUMNS: Columns = {
    "for": word("email"),
    "as": word("role"),
    "SPACE": word("space"),
    "until": moment("expires_ns"),
    "id": word("id"),
}


@commands.command()
def invite(
    email: Annotated[
        str | None, typer.Option(help="For this address alone.", show_default="whoever has it")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="The account will be an admin.")] = False,
    space: Annotated[
        str | None, typer.Option(help="It will be a member of this space.", show_default="none")
    ] = None,
    role: Annotated[
        Literal["owner", "writer", "reader", "sender"],
        typer.Option(help="What it will be there.", metavar="owner|writer|reader|sender"),
    ] = "writer",
    days: Annotated[int, typer.Option(help="So long is it good.", min=1, max=365)] = 7,
    list_them: Annotated[bool, typer.Option("--list", help="Show those that are open.")] = False,
    revoke: Annotated[
        str | None, typer.Option(metavar="ID", help="Take one back.", show_default=False)
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print an invitation's code, good for one account. It is shown this once."""
    from howdah_receiver.admin.commands import run

    settings = settings_from(data=data, config=config)
    if list_them:
        show(run(settings, "invite.list"), _COLUMNS, as_json=as_json)
        return
    if revoke is not None:
        found = run(settings, "invite.revoke", invitation=revoke)
        show(found, {"id": word("id")}, as_json=as_json)
        return
    found = run(
        settings,
        "invite",
        email=email,
        role="admin" if admin else "member",
        space=space,
        space_role=role,
        days=days,
    )
    columns: Columns = {"code": word("code")}
    if sys.stdout.isatty():
        columns = {**columns, "until": moment("expires_ns")}
    show(found, columns, as_json=as_json)
