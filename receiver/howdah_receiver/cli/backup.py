"""`howdah-receiver backup`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from howdah_receiver.cli.options import Config, Data, Json, settings_from

if TYPE_CHECKING:
    from howdah_receiver.backup.run import Backup

commands = typer.Typer()
_SHOWN = 20
"""Places that are named; all of them with --json."""


@commands.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where to: a folder, on another disk.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Copy everything into a folder, while the receiver works; again: only what is new.

    What it makes has the form of a data folder: copy it back, and start a receiver on it. Exit code 1 where
    something was gone before it could be copied.
    """
    from howdah_receiver.backup.run import Backup
    from howdah_receiver.cli.bars import show

    settings = settings_from(data=data, config=config)
    result = show(_lines(Backup(settings.data, folder)), "Copying")
    if as_json:
        print(json.dumps(result))
    else:
        _tell(result, folder)
    raise typer.Exit(1 if result["missing"] else 0)


def _lines(backup: Backup) -> Iterator[dict[str, Any]]:
    for progress in backup.run():
        yield {"progress": asdict(progress)}
    yield {"result": asdict(backup.outcome)}


def _tell(result: dict[str, Any], folder: Path) -> None:
    missing = result["missing"]
    for place in missing[:_SHOWN]:
        print(f"GONE {place!r}")
    if missing:
        print(f"{len(missing)} contents were removed at the receiver before they were copied.")
    print(
        f"{result['contents']} contents, {result['bytes'] / 1e9:.2f} GB, are in {folder}; "
        f"{result['copied']} of them, {result['copied_bytes'] / 1e9:.2f} GB, are new."
    )
