"""Commands around the transfers: freeing space, receipts, history, what is wrong, the service."""

from __future__ import annotations

from typing import Annotated

import typer

from howdah_desktop.cli.ending import end
from howdah_desktop.cli.exits import HELP

commands = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Local files and folders.")]


@commands.command(epilog=HELP)
def free(
    paths: Paths,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete them; else they go to the desktop's trash.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and compare, and take nothing away.")
    ] = False,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="Only what was sent so long ago: 12h, 30d, 4w.")
    ] = "",
    json: Json = False,
) -> None:
    """Free local space: take away what the receiver has, after both sides have read it again."""
    from howdah_desktop.cli.free import Wish, free_paths

    end(lambda: free_paths(Wish(tuple(paths), delete, dry_run, older_than), json), json)


@commands.command(epilog=HELP)
def receipt(
    paths: Paths,
    output: Annotated[
        str, typer.Option("--output", metavar="FILE", help="Into a file; else it is printed.")
    ] = "",
) -> None:
    """Write down what the receiver has of these files, for `sha256sum -c`."""
    from howdah_desktop.cli.receipt import write_receipt

    end(lambda: write_receipt(paths, output))


@commands.command(epilog=HELP)
def history(
    path: Annotated[str, typer.Argument(help="A local file or folder; none: everything.")] = "",
    there: Annotated[
        str, typer.Option("--there", metavar="REMOTE", help="What concerns this path there.")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="What ended so long ago at most: 12h, 7d, 4w.")
    ] = "",
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many at most, the newest first.")
    ] = 100,
    json: Json = False,
) -> None:
    """Show what was sent, fetched, moved, deleted there or freed, and what failed; newest first."""
    from howdah_desktop.cli.history import Wish, show_history

    end(lambda: show_history(Wish(path, there, since, limit), json), json)


@commands.command(epilog=HELP)
def run(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but problems.")] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Have systemd run it whenever you are logged in.")
    ] = False,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Have systemd run it no longer.")
    ] = False,
) -> None:
    """Work in the background until stopped: what is unfinished goes on, what is given comes in."""
    from howdah_desktop.cli import run as service

    if install and uninstall:
        raise typer.BadParameter("Give one of --install and --uninstall.")
    if install:
        end(service.install)
    if uninstall:
        end(service.uninstall)
    end(lambda: service.run_service(quiet))


@commands.command(epilog=HELP)
def doctor(json: Json = False) -> None:
    """Look whether everything here is as it should be. Exit code 1 where something is not."""
    from howdah_desktop.cli.doctor import show_findings

    end(lambda: show_findings(json), json)


@commands.command("export-log", epilog=HELP)
def export_log(
    file: Annotated[
        str, typer.Argument(help="A .zip or .txt; - prints it; none: a new zip here.")
    ] = "",
    hide_names: Annotated[
        bool, typer.Option("--hide-names", help="Names of files and folders as hashes.")
    ] = False,
) -> None:
    """Write what a bug report needs into one file: without secrets, and without who and where you are."""
    from howdah_desktop.cli.export_log import export_log as write

    end(lambda: write(file, hide_names))
