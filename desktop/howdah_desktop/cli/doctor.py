"""`howdah doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.doctor.doctor import examine
from howdah_desktop.doctor.finding import Finding, Level


def show_findings(as_json: bool) -> Exit:
    worst = Exit.DONE
    for finding in examine(context.settings()):
        if finding.level is Level.PROBLEM:
            worst = Exit.NEEDS_YOU
        print(_as_json(finding) if as_json else line(finding), flush=True)
    return worst


def _as_json(finding: Finding) -> str:
    return json.dumps(
        {
            "event": "finding",
            "about": finding.about,
            "level": finding.level.value,
            "sentence": finding.sentence,
            "remedy": finding.remedy,
        }
    )


def line(finding: Finding) -> str:
    told = f"{finding.level.value:8} {finding.about:9} {printable(finding.sentence)}"
    return told if not finding.remedy else f"{told}\n{'':18} -> {printable(finding.remedy)}"


def lines(findings: Iterable[Finding]) -> list[str]:
    return [line(finding) for finding in findings]
