"""`howdah-receiver scrub`: long work, with a bar."""

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
