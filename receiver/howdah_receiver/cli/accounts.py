"""`howdah-receiver account`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from howdah_receiver.cli.asking import PasswordStdin, bytes_or_none, new_password, number_or_none
from howdah_receiver.cli.options import Config, Data, Json, settings_from
from howdah_receiver.cli.showing import Line, show, size, word

commands = typer.Typer(help="Accounts: add, list, change, disable.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="Its name, e-mail address or id.")]
_COLUMNS = {
    "name": word("name"),
    "email": word("email"),
    "role": word("role"),
    "disabled": word("disabled"),
    "PASSWORD": word("password"),
    "used": size("used_bytes"),
    "quota": size("quota_bytes"),
    "FILES": word("used_files"),
    "MOST FILES": word("quota_files"),
    "ID": word("id"),
}


def _tell(command: str, data: Data, config: Config, as_json: bool, **arguments: Any) -> None:
    from howdah_receiver.admin.commands import run

    settings = settings_from(data=data, config=config)
    lines: list[Line] = list(run(settings, f"account.{command}", **arguments))
    show(lines, _COLUMNS, as_json=as_json)


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    email: Annotated[str | None, typer.Option(help="To sign in with, beside the name.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May look after all accounts.")] = False,
    without_password: Annotated[
        bool, typer.Option("--no-password", help="Its devices are paired, and nobody signs in.")
    ] = False,
    password_stdin: PasswordStdin = False,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make an account with its home space."""
    password = None if without_password else new_password(from_stdin=password_stdin)
    role = "admin" if admin else "member"
    _tell("add", data, config, as_json, name=name, email=email, password=password, role=role)


@commands.command("list")
def list_accounts(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Show all accounts."""
    _tell("list", data, config, as_json)


@commands.command()
def password(
    account: Account,
    password_stdin: PasswordStdin = False,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Set its password. Everybody who is signed in to it by password is signed out."""
    new = new_password(from_stdin=password_stdin)
    _tell("password", data, config, as_json, account=account, password=new)


@commands.command()
def disable(
    account: Account, data: Data = None, config: Config = None, as_json: Json = False
) -> None:
    """Lock it: none of its tokens counts. What it has stays."""
    _tell("change", data, config, as_json, account=account, disabled=True)


@commands.command()
def enable(
    account: Account, data: Data = None, config: Config = None, as_json: Json = False
) -> None:
    """Unlock it."""
    _tell("change", data, config, as_json, account=account, disabled=False)


@commands.command()
def role(
    account: Account,
    new: Annotated[Literal["admin", "member"], typer.Argument(metavar="admin|member")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make it an admin, who looks after all accounts, or a member."""
    _tell("change", data, config, as_json, account=account, role=new)


@commands.command()
def quota(
    account: Account,
    most_bytes: Annotated[
        str | None, typer.Option("--bytes", metavar="SIZE|none", help="Such as 500 GB.")
    ] = None,
    most_files: Annotated[str | None, typer.Option("--files", metavar="N|none")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Limit what its spaces may hold: files, versions, trash and what is on its way."""
    values: dict[str, Any] = {}
    if most_bytes is not None:
        values["quota_bytes"] = bytes_or_none(most_bytes)
    if most_files is not None:
        values["quota_files"] = number_or_none(most_files, "files")
    _tell("change", data, config, as_json, account=account, **values)
