"""`howdah-receiver link list` and `link revoke`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from howdah_receiver.cli.options import Config, Data, Json, settings_from

commands = typer.Typer(help="See and end the links that people have made.", no_args_is_help=True)


@commands.command("list")
def list_links(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    as_json: Json = False,
) -> None:
    """List the links of all accounts. Their addresses are kept nowhere, and cannot be shown."""
    from howdah_receiver.admin import commands

    settings = settings_from(data=data, config=config)
    for line in commands.run(settings, "link.list", all=everything):
        print(json.dumps(line) if as_json else _line(line))


@commands.command("revoke")
def revoke(
    link: Annotated[str, typer.Argument(metavar="ID", help="As `link list` shows it, or its beginning.")],
    data: Data = None,
    config: Config = None,
) -> None:  # fmt: skip
    """End a link, at once and for good."""
    from howdah_receiver.admin import commands

    (line,) = commands.run(settings_from(data=data, config=config), "link.revoke", id=link)
    print(f"Revoked {line['id']}.")


def _line(line: Mapping[str, Any]) -> str:
    most = "" if line["most_uses"] is None else f" of {line['most_uses']}"
    place = (
        f"{line['space']}:{line['path']}" if line["path"] is not None else f"{line['space']}: gone"
    )
    ends = "" if line["expires_ns"] is None else f", until {_time(line['expires_ns'])}"
    label = f" ({line['label']})" if line["label"] else ""
    words = f"{line['id'][:12]}  {line['kind']:7}  {line['state']:7}  {place}{label}, by {line['account']}, "
    return _printable(f"{words}{line['uses']}{most} uses{ends}")


def _time(when_ns: int) -> str:
    return f"{dt.datetime.fromtimestamp(when_ns // 10**9, dt.UTC):%Y-%m-%d %H:%M} UTC"


def _printable(words: str) -> str:
    """Names of files are data: none of them moves the cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
