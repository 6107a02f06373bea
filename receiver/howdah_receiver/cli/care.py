"""`howdah-receiver scrub` and `scan`: long work, with a bar."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from howdah_receiver.cli.options import Config, Data, Json, settings_from
from howdah_receiver.errors import StartRefused

commands = typer.Typer()


def share_of(text: str) -> float:
    """`10%` or `0.1`. Raises StartRefused."""
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1
    if not 0 < found <= 1:
        raise StartRefused(
            f"The flag --sample takes a share, and {text!r} is none.",
            "Write it like 10% or 0.1; leave it out to read everything.",
        )
    return found


@commands.command()
def scrub(
    data: Data = None,
    config: Config = None,
    sample: Annotated[
        str, typer.Option(help="Read only so much, chosen by chance.", metavar="SHARE")
    ] = "100%",
    as_json: Json = False,
) -> None:
    """Read everything that is stored again and compare it with its digests.

    Exit code 1 where something is damaged. It may run while the receiver does, and be stopped with Ctrl-C:
    what was found stays marked.
    """
    from howdah_receiver.cli.bars import with_bar

    settings = settings_from(data=data, config=config)
    result = with_bar(settings, "scrub", "Reading", share=share_of(sample))
    if as_json:
        print(json.dumps(result))
    else:
        _tell(result)
    raise typer.Exit(1 if result["findings"] else 0)


def _tell(result: dict[str, Any]) -> None:
    for finding in result["findings"]:
        print(f"DAMAGED {finding['path']!r} (version {finding['version']}): {finding['sentence']}")
    if result["findings"]:
        print("Send these files again from their source, or put them back from a backup.")
    passed = result["passed_over"]
    print(
        f"{result['contents']} contents read, {result['bytes'] / 1e9:.2f} GB, "
        f"{len(result['findings'])} damaged"
        + (f", {passed} passed over as they were being changed" if passed else "")
        + "."
    )


@commands.command()
def scan(
    data: Data = None,
    config: Config = None,
    space: Annotated[
        str | None, typer.Option(help="This space alone.", metavar="NAME", show_default=False)
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Also where so much is gone that it looks unmounted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take up what other programs did in the folder `files`: what was put there, changed, renamed or removed.

    Exit code 1 where something was left alone. It may run while the receiver does.
    """
    from howdah_receiver.cli.bars import with_bar

    settings = settings_from(data=data, config=config)
    result = with_bar(settings, "scan", "Looking", unit="files", space=space, forget=forget)
    if as_json:
        print(json.dumps(result))
    else:
        for found in result["spaces"]:
            _tell_scanned(found)
    raise typer.Exit(1 if any(found["left_alone"] for found in result["spaces"]) else 0)


def _tell_scanned(found: dict[str, Any]) -> None:
    print(
        f"{found['space']}: {found['looked_at']} files looked at, {found['taken_in']} read anew, "
        f"{found['moved']} moved, {found['to_trash']} to the trash, {found['forgotten']} forgotten."
    )
    for path in found["passed_over"]:
        print(f"  passed over, as it is no file or has no name that can be kept: {path}")
    if found["left_alone"]:
        print(
            f"  {found['left_alone']} files are gone. If their disk is mounted and they were removed on "
            "purpose, run it again with --forget."
        )
