"""`howdah export-log`: what a bug report needs, in one file."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from howdah_desktop.bug_report import bundle
from howdah_desktop.cli import context
from howdah_desktop.cli.exits import Exit
from howdah_desktop.system import target_problem


def export_log(file: str, hide_names: bool) -> Exit:
    """Raises ProblemError."""
    parts = bundle.gather(context.settings(), bundle.new_names() if hide_names else None)
    if file == "-":
        sys.stdout.write(bundle.as_text(parts))
        return Exit.DONE
    target = Path(file or f"howdah-report-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}.zip")
    try:
        bundle.write(parts, target)
    except OSError as error:
        raise target_problem(error) from error
    print(f"Written: {target}")
    print(
        "It has no tokens, codes, user or host names. Look it over before you give it to anybody."
    )
    if not hide_names:
        print("Names of files are in it; --hide-names turns them into hashes.")
    return Exit.DONE
