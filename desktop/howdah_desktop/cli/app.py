"""The commands and their options. What they do is imported when they run: `--help` is quick."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional

import typer

from howdah_desktop.cli import app_folders, app_more, limit_commands, queue_commands
from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP
from howdah_desktop.cli.options import Ids, Json

app = typer.Typer(
    name="howdah",
    help="Carries files to a receiver that you run: whole, verified, resumable. Alone it opens the window.",
    epilog=HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class SendIfExists(StrEnum):
    version = "version"
    skip = "skip"
    keep_both = "keep-both"
    fail = "fail"


class GetIfExists(StrEnum):
    fail = "fail"
    skip = "skip"
    keep_both = "keep-both"
    overwrite = "overwrite"


class SortBy(StrEnum):
    name = "name"
    size = "size"
    changed = "changed"
    added = "added"


GiveUp = Annotated[
    Optional[float],  # noqa: UP045  # typer evaluates it
    typer.Option(
        "--give-up-after", min=0, metavar="SECONDS", help="End after so long without any progress."
    ),
]


All = Annotated[bool, typer.Option("--all", help="All that are unfinished.")]


@app.callback(invoke_without_command=True)
def options(
    called: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Say on stderr what goes on.")] = False,
) -> None:
    from howdah_desktop.cli import context

    context.log_to_stderr(debug)
    context.interrupt_on_sigterm()
    if called.invoked_subcommand is None:
        from howdah_desktop.cli.window import open_window

        end(open_window)


@app.command(epilog=HELP)
def pair(
    link: Annotated[str, typer.Argument(help="howdah://... as `howdah-receiver pair` prints it.")],
    name: Annotated[str, typer.Option(help="What the receiver calls this device.")] = "",
) -> None:
    """Pair this device with a receiver."""
    from howdah_desktop.cli.pairing import pair_with

    end(lambda: pair_with(link, name))


@app.command("move-to", epilog=HELP)
def move_to(
    address: Annotated[str, typer.Argument(help="https://HOST:PORT, or what of it is new.")],
) -> None:
    """Ask the paired receiver at another address, once it has moved. Nothing is sent again."""
    from howdah_desktop.cli.moving import move_to as move_there

    end(lambda: move_there(address))


@app.command(epilog=HELP)
def send(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files and folders; - is standard input.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="DIR", help="Folder there; with -, the file's path.")
    ] = "",
    if_exists: Annotated[
        SendIfExists, typer.Option("--if-exists", help="Where something else stands there.")
    ] = SendIfExists.version,
    sha256: Annotated[
        bool, typer.Option("--sha256", help="Have the whole file's SHA-256 checked as well.")
    ] = False,
    give_up_after: GiveUp = None,
    window: Annotated[
        bool, typer.Option("--window", help="Hand them to the window, and open it if need be.")
    ] = False,
    json: Json = False,
) -> None:
    """Send files and folders. What was interrupted goes on where it was."""
    if window:
        from howdah_desktop.cli.window import hand_over

        end(lambda: hand_over(paths, to))
    from howdah_desktop.cli import transfers
    from howdah_desktop.engine.transfers import IfExists

    end(
        lambda: transfers.send(
            paths, to, IfExists(if_exists.value), sha256, as_json=json, give_up_after=give_up_after
        ),
        json,
    )


@app.command(epilog=HELP)
def get(
    remotes: Annotated[list[str], typer.Argument(metavar="REMOTE...", help="Files and folders.")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Local folder.")] = ".",
    if_exists: Annotated[
        GetIfExists, typer.Option("--if-exists", help="Where another file stands here.")
    ] = GetIfExists.fail,
    links: Annotated[
        bool, typer.Option("--links", help="Make links again of NAME.howdah-link.")
    ] = False,
    give_up_after: GiveUp = None,
    json: Json = False,
) -> None:
    """Fetch files and folders, each chunk checked."""
    from howdah_desktop.cli import transfers
    from howdah_desktop.engine.transfers import IfExists

    end(
        lambda: transfers.get(
            remotes,
            to,
            IfExists(if_exists.value),
            as_json=json,
            give_up_after=give_up_after,
            links=links,
        ),
        json,
    )


@app.command(epilog=HELP)
def ls(
    path: Annotated[str, typer.Argument(help="A folder or file; none: the root.")] = "",
    sort: Annotated[SortBy, typer.Option(help="What files go by; folders come first.")] = (
        SortBy.name
    ),
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="What names in the folder and below it hold.")
    ] = "",
    json: Json = False,
) -> None:
    """List what is at the receiver, or search there."""
    from howdah_desktop.cli.listing import Wanted, list_path

    end(lambda: list_path(path, Wanted(sort.value, reverse, search), json), json)


@app.command(epilog=HELP)
def share(
    path: Annotated[str, typer.Argument(help="A file or folder there; / is everything.")],
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="When it ends: 12h, 7d, 4w; or never.")
    ] = "7d",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password (or read it from a pipe).")
    ] = False,
    uses: Annotated[
        Optional[int],  # noqa: UP045  # typer evaluates it
        typer.Option(min=1, metavar="N", help="So many downloads, or files that are put in."),
    ] = None,
    request: Annotated[
        bool, typer.Option("--request", help="To put files into the folder, and see nothing.")
    ] = False,
    ask_name: Annotated[
        bool, typer.Option("--ask-name", help="With --request: a folder for each who sends.")
    ] = False,
    label: Annotated[str, typer.Option(help="What people see above it.")] = "",
    json: Json = False,
) -> None:
    """Make a link to a file or folder for people without an account, and print it."""
    from howdah_desktop.cli.sharing import Wish, share_path

    wish = Wish(path, expires, password, uses, request, ask_name, label)
    end(lambda: share_path(wish, json), json)


@app.command(epilog=HELP)
def verify(
    path: Annotated[str, typer.Argument(help="The local file or folder.")],
    remote: Annotated[
        str, typer.Argument(help="Where it is at the receiver; none: where it was last sent.")
    ] = "",
    json: Json = False,
) -> None:
    """Read a file again, here and there, and compare."""
    from howdah_desktop.cli.verify import verify_path

    end(lambda: verify_path(path, remote, json), json)


@app.command(epilog=HELP)
def status(json: Json = False) -> None:
    """Show what is on its way, and why it is where it is."""
    from howdah_desktop.cli.transfers import show_status

    end(lambda: show_status(json), json)


@app.command(epilog=HELP)
def pause(
    ids: Ids = None,
    everything: All = False,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="30m, 1h, 2d: then they go on.")
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            metavar="MOMENT", help="tomorrow (6:00), 18:30 or 2027-01-15: then they go on."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Stop transfers until `howdah resume`, or for a time. What has arrived stays."""
    from howdah_desktop.cli import transfers

    chosen = _chosen(ids, everything)
    moment = transfers.end_of_pause(for_, until)
    end(lambda: transfers.pause(chosen, moment, json), json)


@app.command(epilog=HELP)
def resume(ids: Ids = None, give_up_after: GiveUp = None, json: Json = False) -> None:
    """Go on with what is unfinished or paused, and try again what failed: all, or what is named."""
    from howdah_desktop.cli import transfers

    end(lambda: transfers.resume(ids or None, as_json=json, give_up_after=give_up_after), json)


@app.command(epilog=HELP)
def cancel(ids: Ids = None, everything: All = False, json: Json = False) -> None:
    """Cancel transfers. What has arrived stays."""
    from howdah_desktop.cli.transfers import cancel as cancel_them

    chosen = _chosen(ids, everything)
    end(lambda: cancel_them(chosen, json), json)


app.add_typer(queue_commands.app)
app.add_typer(limit_commands.app)


def _chosen(ids: list[int] | None, everything: bool) -> list[int] | None:
    """None: all."""
    if bool(ids) == everything:
        raise typer.BadParameter("Name the transfers, or give --all.")
    return None if everything else ids


app_folders.register(app)
app.add_typer(app_more.commands)


def run() -> None:
    app(prog_name="howdah")
