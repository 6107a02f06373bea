"""`howdah-receiver settings`, `healthy` and `doctor`: they look, and change nothing."""

from __future__ import annotations

import json

import typer

from howdah_receiver.cli.options import Config, Data, Json, Set, settings_from

commands = typer.Typer()


@commands.command()
def settings(
    data: Data = None, config: Config = None, more: Set = None, as_json: Json = False
) -> None:
    """Print every setting as it stands, and where it was given. Secrets are masked."""
    from howdah_receiver.settings.shown import rows

    found = list(rows(settings_from(more, data=data, config=config)))
    if as_json:
        print(json.dumps({row.name: {"value": row.value, "from": row.where} for row in found}))
        return
    for row in found:
        print(f"{row.name} = {json.dumps(row.value)}" + (f"  # {row.where}" if row.where else ""))


@commands.command()
def healthy(config: Config = None, more: Set = None) -> None:
    """Ask the receiver of these settings whether it answers. Exit code 1 if it does not."""
    from howdah_receiver.healthy import why_not

    reason = why_not(settings_from(more, config=config))
    if reason:
        print(f"The receiver does not answer: {reason.rstrip('.')}.")
    raise typer.Exit(1 if reason else 0)


@commands.command()
def doctor(data: Data = None, config: Config = None, more: Set = None) -> None:
    """Check the set-up and the data folder. Exit code 1 where something needs you."""
    from howdah_receiver.care.doctor import examine

    findings = examine(settings_from(more, data=data, config=config))
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'BAD '} {finding.sentence}")
        if finding.remedy:
            print(f"     {finding.remedy}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)
