"""`howdah queue` and what is below it."""

from __future__ import annotations

from typing import Annotated

import typer

from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP
from howdah_desktop.cli.options import Json, SomeIds

app = typer.Typer(
    name="queue",
    help="Show what goes next, and change the order.",
    epilog=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="So many at most.")]


@app.callback(invoke_without_command=True)
def show(called: typer.Context, limit: Limit = 50, json: Json = False) -> None:
    if called.invoked_subcommand is None:
        from howdah_desktop.cli import queueing

        end(lambda: queueing.show(limit, json), json)


@app.command("next", epilog=HELP)
def next_up(ids: SomeIds, json: Json = False) -> None:
    """Put transfers before everything else. One that is being sent goes on."""
    from howdah_desktop.cli import queueing

    end(lambda: queueing.move(lambda engine: engine.next_up(ids), json), json)


@app.command(epilog=HELP)
def before(
    other: Annotated[int, typer.Argument(metavar="OTHER", help="Before which transfer.")],
    ids: SomeIds,
    json: Json = False,
) -> None:
    """Put transfers just before another one."""
    from howdah_desktop.cli import queueing

    end(lambda: queueing.move(lambda engine: engine.move_before(ids, other), json), json)


@app.command(epilog=HELP)
def last(ids: SomeIds, json: Json = False) -> None:
    """Put transfers behind everything else that is there now."""
    from howdah_desktop.cli import queueing

    end(lambda: queueing.move(lambda engine: engine.move_last(ids), json), json)
