"""`howdah-receiver space`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from howdah_receiver.cli.asking import bytes_or_none, number_or_none
from howdah_receiver.cli.options import Config, Data, Json, settings_from
from howdah_receiver.cli.showing import Columns, show, size, word

commands = typer.Typer(help="Spaces: add, list, members, limits.", no_args_is_help=True)

Space = Annotated[str, typer.Argument(help="Its name or id.")]
_COLUMNS: Columns = {
    "name": word("name"),
    "kind": word("kind"),
    "folder": word("folder"),
    "CASE-FOLD": word("case_fold"),
    "used": size("used_bytes"),
    "quota": size("quota_bytes"),
    "FILES": word("used_files"),
    "MOST FILES": word("quota_files"),
    "ID": word("id"),
}
_MEMBERS: Columns = {"name": word("name"), "role": word("role"), "ACCOUNT": word("account")}


def _tell(
    command: str,
    data: Data,
    config: Config,
    as_json: bool,
    columns: Columns = _COLUMNS,
    **arguments: Any,
) -> None:
    from howdah_receiver.admin.commands import run

    settings = settings_from(data=data, config=config)
    show(run(settings, f"space.{command}", **arguments), columns, as_json=as_json)


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    owner: Annotated[
        str | None, typer.Option(help="The account that owns it.", show_default="owner")
    ] = None,
    case_fold: Annotated[
        bool, typer.Option("--case-fold", help="Names that differ by case alone are the same.")
    ] = False,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a shared space."""
    _tell("add", data, config, as_json, name=name, owner=owner, case_fold=case_fold)


@commands.command("list")
def list_spaces(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Show all spaces."""
    _tell("list", data, config, as_json)


@commands.command()
def members(space: Space, data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Show who is a member of a space, and as what."""
    _tell("members", data, config, as_json, _MEMBERS, space=space)


@commands.command()
def role(
    space: Space,
    account: Annotated[str, typer.Argument(help="Its name, e-mail address or id.")],
    new: Annotated[
        Literal["owner", "writer", "reader", "sender", "none"],
        typer.Argument(metavar="owner|writer|reader|sender|none"),
    ],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make an account a member of a space, or no member any more. A sender may only put files in."""
    wanted = None if new == "none" else new
    _tell("role", data, config, as_json, _MEMBERS, space=space, account=account, role=wanted)


@commands.command()
def quota(
    space: Space,
    most_bytes: Annotated[
        str | None, typer.Option("--bytes", metavar="SIZE|none", help="Such as 500 GB.")
    ] = None,
    most_files: Annotated[str | None, typer.Option("--files", metavar="N|none")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Limit what a space may hold: files, versions, trash and what is on its way."""
    values: dict[str, Any] = {}
    if most_bytes is not None:
        values["quota_bytes"] = bytes_or_none(most_bytes)
    if most_files is not None:
        values["quota_files"] = number_or_none(most_files, "files")
    _tell("change", data, config, as_json, space=space, **values)


@commands.command("case-fold")
def case_fold(
    space: Space,
    how: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Whether names that differ by case or Unicode form alone are the same there."""
    _tell("change", data, config, as_json, space=space, case_fold=how == "on")
