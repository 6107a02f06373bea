"""`howdah-receiver audit`."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from howdah_receiver.cli.options import Config, Data, settings_from
from howdah_receiver.errors import StartRefused

commands = typer.Typer()


@commands.command()
def audit(
    since: Annotated[
        str | None, typer.Option(help="Not older than this: 24h, 7d.", show_default=False)
    ] = None,
    what: Annotated[
        str | None, typer.Option(help="Of that kind alone: paired, say.", show_default=False)
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Print who signed in, and what was done to accounts, devices and links. The newest first."""
    from howdah_receiver.admin import commands as admin

    since_ns = None if since is None else time.time_ns() - _nanoseconds(since)
    settings = settings_from(data=data, config=config)
    for entry in admin.run(settings, "audit", since_ns=since_ns, what=what, count=count):
        print(json.dumps(entry) if as_json else _line(entry))


def _nanoseconds(text: str) -> int:
    """Raises StartRefused."""
    from pydantic import TypeAdapter, ValidationError

    from howdah_receiver.settings.values import Seconds

    try:
        return int(TypeAdapter(Seconds).validate_python(text) * 10**9)
    except ValidationError as error:
        raise StartRefused(
            f"The flag --since cannot be {text!r}.", "It takes a span of time such as 24h or 7d."
        ) from error


def _line(entry: dict[str, Any]) -> str:
    """One line, whatever is in it: names come from anywhere."""
    from howdah_receiver.log import escaped

    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(entry["time_ns"] // 10**9))
    detail = [f"{name}={value}" for name, value in entry["detail"].items()]
    words = [
        when,
        entry["what"],
        entry.get("account_name") or entry.get("account_id", "-"),
        entry.get("device_name") or entry.get("device_id", "-"),
        entry.get("address", "-"),
        *detail,
    ]
    return escaped("  ".join(map(str, words)))
