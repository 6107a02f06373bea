"""`howdah-receiver device`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from howdah_receiver.cli.options import Config, Data, Json, settings_from
from howdah_receiver.cli.showing import Columns, moment, show, word
from howdah_receiver.errors import StartRefused

commands = typer.Typer(help="Devices: list, rename, revoke.", no_args_is_help=True)

Device = Annotated[str, typer.Argument(help="Its id; `device list` shows it.")]
MOST_HOURS = 24 * 366
_COLUMNS: Columns = {
    "name": word("name"),
    "account": word("account"),
    "KIND": word("kind"),
    "SEND-ONLY": word("send_only"),
    "last seen": moment("seen_ns"),
    "FROM": word("address"),
    "LAST FILE": moment("arrived_ns"),
    "ALARM AFTER H": word("alarm_hours"),
    "id": word("id"),
}


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
    show(run(settings, f"device.{command}", **arguments), columns, as_json=as_json)


@commands.command("list")
def list_devices(
    account: Annotated[
        str | None, typer.Option(help="Its devices alone.", show_default="all accounts")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show paired devices and logins that are not revoked, newest first."""
    _tell("list", data, config, as_json, account=account)


@commands.command()
def rename(
    device: Device,
    name: Annotated[str, typer.Argument(help="What it is called from now on.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give a device another name."""
    _tell("change", data, config, as_json, device=device, name=name)


@commands.command()
def revoke(device: Device, data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Its token is good for nothing from now on."""
    _tell("revoke", data, config, as_json, {"id": word("id")}, device=device)


@commands.command()
def alarm(
    device: Device,
    hours: Annotated[str, typer.Argument(metavar="HOURS|off")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """After how many hours without a file from it somebody is told."""
    wanted = None
    if hours != "off":
        wanted = int(hours) if hours.isdecimal() and len(hours) < 6 else 0
        if not 1 <= wanted <= MOST_HOURS:
            raise StartRefused(
                f"{hours!r} is no number of hours.", f"Give 1 to {MOST_HOURS}, or off."
            )
    _tell("change", data, config, as_json, device=device, alarm_hours=wanted)
