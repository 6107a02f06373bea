"""The commands for watched folders, and their options; registered by `app`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP
from howdah_desktop.folders.watched import Links
from howdah_desktop.freeing.how import How

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Folders = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer evaluates it
    typer.Argument(
        metavar="FOLDER...", help="Numbers or paths, as `howdah watch list` shows them."
    ),
]
All = Annotated[bool, typer.Option("--all", help="All watched folders.")]
FreeAfter = Annotated[
    str,
    typer.Option(
        "--free-after",
        metavar="TIME",
        help="Free here what arrived so long ago (30d, 12w) and has not changed since; never.",
    ),
]
FreeHow = Annotated[
    Optional[How],  # noqa: UP045
    typer.Option("--free-how", help="Whether that goes to the trash (the default) or for good."),
]

watch = typer.Typer(
    name="watch", help="Folders that are kept in step with the receiver.", no_args_is_help=True
)


@watch.command("add", epilog=HELP)
def add(
    path: Annotated[str, typer.Argument(metavar="DIR", help="The local folder.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Folder there; {date}, {host} and {name} are filled in. None: its name.",
        ),
    ] = "",
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror", help="What is deleted here goes to the trash there; else it is kept."
        ),
    ] = False,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ignore", metavar="RULE", help="Leave out what it names, as in .gitignore."),
    ] = None,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--only", metavar="RULE", help="Leave out all files that no such rule names."),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Send what links to files inside the folder show."),
    ] = False,
    keep_links: Annotated[
        bool,
        typer.Option("--keep-links", help="Keep links as links: small files NAME.howdah-link."),
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Send what is complete of a file that grows; else it waits to the end."
        ),
    ] = False,
    free_after: FreeAfter = "",
    free_how: FreeHow = None,
    json: Json = False,
) -> None:
    """Watch a folder: what is in it is sent, and what changes is sent again."""
    from howdah_desktop.cli import watching

    if follow_links and keep_links:
        raise typer.BadParameter("Give --follow-links or --keep-links, not both.")
    links = Links.FOLLOW if follow_links else Links.KEEP if keep_links else Links.SKIP
    wish = watching.Wish(
        path,
        to,
        mirror,
        tuple(ignore or ()),
        tuple(only or ()),
        links,
        follow,
        free_after,
        free_how,
    )
    end(lambda: watching.add(wish, json), json)


@watch.command("set", epilog=HELP)
def set_(
    folders: Folders = None,
    everything: All = False,
    free_after: FreeAfter = "",
    free_how: FreeHow = None,
    json: Json = False,
) -> None:
    """Change by which rule local space is freed in them."""
    from howdah_desktop.cli import watching

    _check_named(folders, everything)
    if not free_after and free_how is None:
        raise typer.BadParameter("Say what to set: --free-after, --free-how or both.")
    end(lambda: watching.set_free(folders or [], everything, free_after, free_how, json), json)


@watch.command("list", epilog=HELP)
def list_(json: Json = False) -> None:
    """Show the watched folders and how each stands."""
    from howdah_desktop.cli import watching

    end(lambda: watching.show(json), json)


@watch.command(epilog=HELP)
def remove(folders: Folders = None, everything: All = False, json: Json = False) -> None:
    """Watch them no more. What is there stays."""
    _change("remove", folders, everything, json)


@watch.command(epilog=HELP)
def pause(
    folders: Folders = None,
    everything: All = False,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="So long: 30m, 1h, 2d.")] = "",
    until: Annotated[
        str, typer.Option(metavar="MOMENT", help="tomorrow (6:00), 18:30, 2027-01-15.")
    ] = "",
    json: Json = False,
) -> None:
    """Leave them alone until `howdah watch resume`, or for a time."""
    from howdah_desktop.cli import transfers

    _change("pause", folders, everything, json, transfers.end_of_pause(for_, until))


@watch.command(epilog=HELP)
def resume(folders: Folders = None, everything: All = False, json: Json = False) -> None:
    """Go on; also the yes to what a folder asks."""
    _change("resume", folders, everything, json)


@watch.command(epilog=HELP)
def scan(folders: Folders = None, everything: All = False, json: Json = False) -> None:
    """Compare everything in them now."""
    _change("scan", folders, everything, json)


def explain(
    path: Annotated[str, typer.Argument(help="A local file or folder.")], json: Json = False
) -> None:
    """Say why a file is not there, or since when it is."""
    from howdah_desktop.cli.explain import explain as explain_it

    end(lambda: explain_it(path, json), json)


def register(app: typer.Typer) -> None:
    app.add_typer(watch)
    app.command(epilog=HELP)(explain)


def _change(
    what: str,
    folders: list[str] | None,
    everything: bool,
    json: bool,
    until: float | None = None,
) -> None:
    from howdah_desktop.cli import watching

    _check_named(folders, everything)
    end(lambda: watching.change(what, folders or [], until, everything, json), json)


def _check_named(folders: list[str] | None, everything: bool) -> None:
    """Raises typer.BadParameter, which ends with exit code 2."""
    if bool(folders) == everything:
        raise typer.BadParameter("Name the folders, or give --all.")
