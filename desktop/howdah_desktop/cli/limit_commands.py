"""`howdah limit` and what is below it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP
from howdah_desktop.cli.options import Json

_NAMES = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    name="limit",
    help="Show and set how much is sent and fetched, and when.",
    epilog=HELP,
    context_settings=_NAMES,
)
rules = typer.Typer(
    name="rule",
    help="Limits by days and hours: the first rule that fits holds.",
    epilog=HELP,
    context_settings=_NAMES,
)
app.add_typer(rules)

Rest = Annotated[
    list[str], typer.Argument(metavar="RATE [down|up RATE]", help="5MB, 500kB, 10Mbit, or off.")
]
Then = Annotated[str, typer.Argument(metavar="pause|off|RATE", help="What to do then.")]


class Network(StrEnum):
    auto = "auto"
    metered = "metered"
    unmetered = "unmetered"


@app.callback(invoke_without_command=True)
def show(called: typer.Context, json: Json = False) -> None:
    if called.invoked_subcommand is None:
        from howdah_desktop.cli import limiting

        end(lambda: limiting.show(json), json)


@app.command(epilog=HELP)
def up(words: Rest, json: Json = False) -> None:
    """Limit what is sent, in bytes a second: `up 5MB`, `up 5MB down off`."""
    _set_both("up", words, json)


@app.command(epilog=HELP)
def down(words: Rest, json: Json = False) -> None:
    """Limit what is fetched, in bytes a second: `down 5MB`, `down 5MB up off`."""
    _set_both("down", words, json)


@app.command(epilog=HELP)
def metered(what: Then, json: Json = False) -> None:
    """What to do on a metered network (a phone's, say)."""
    from howdah_desktop.cli import limiting

    end(lambda: limiting.set_then("metered", what, json), json)


@app.command(epilog=HELP)
def battery(what: Then, json: Json = False) -> None:
    """What to do while this computer runs on its battery."""
    from howdah_desktop.cli import limiting

    end(lambda: limiting.set_then("battery", what, json), json)


@app.command(epilog=HELP)
def network(
    kind: Annotated[Network, typer.Argument(help="auto: as the system says.")],
    json: Json = False,
) -> None:
    """Say whether the network is metered, where the system does not know."""
    from howdah_desktop.cli import limiting

    end(lambda: limiting.set_network(kind.value, json), json)


@rules.callback(invoke_without_command=True)
def show_rules(called: typer.Context, json: Json = False) -> None:
    if called.invoked_subcommand is None:
        from howdah_desktop.cli import limiting

        end(lambda: limiting.show(json), json)


@rules.command(epilog=HELP)
def add(
    days: Annotated[
        str, typer.Option(metavar="DAYS", help="mon-fri, or sat,sun: on which it begins.")
    ] = "all",
    hours: Annotated[
        str, typer.Option(metavar="FROM-TO", help="08:00-18:00; 22:00-06:00 is over midnight.")
    ] = "00:00-24:00",
    up: Annotated[str, typer.Option(metavar="RATE", help="For what is sent; off: no limit.")] = "",
    down: Annotated[
        str, typer.Option(metavar="RATE", help="For what is fetched; off: no limit.")
    ] = "",
    pause: Annotated[bool, typer.Option("--pause", help="Nothing is sent or fetched.")] = False,
    before: Annotated[
        int, typer.Option(min=0, metavar="N", help="Before rule N; else it is the last.")
    ] = 0,
    json: Json = False,
) -> None:
    """Add a rule."""
    from howdah_desktop.cli import limiting

    wish = limiting.RuleWish(days, hours, up, down, pause, before)
    end(lambda: limiting.add_rule(wish, json), json)


@rules.command(epilog=HELP)
def remove(
    number: Annotated[
        int, typer.Argument(min=1, metavar="N", help="As `howdah limit` shows them.")
    ],
    json: Json = False,
) -> None:
    """Remove a rule."""
    from howdah_desktop.cli import limiting

    end(lambda: limiting.remove_rule(number, json), json)


def _set_both(way: str, words: list[str], json: bool) -> None:
    from howdah_desktop.cli import limiting

    end(lambda: limiting.set_rates([way, *words], json), json)
