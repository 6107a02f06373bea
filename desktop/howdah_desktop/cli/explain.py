"""`howdah explain PATH`: why a file is not there, or since when it is."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.control import RemoteEngine
from howdah_desktop.engine.explaining import Explanation, explain_path, with_circumstances
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME


def explain(path: str, as_json: bool) -> Exit:
    """Raises ProblemError."""
    home = context.settings().home
    whole = os.path.abspath(os.fsencode(path))  # noqa: PTH100  # bytes
    folder, name = os.path.split(whole)
    real = os.path.join(os.path.realpath(folder), name) if name else whole  # noqa: PTH118
    if not (home / FILE_NAME).exists():
        Ledger(home).close()
    ledger = Ledger(home, read_only=True)
    try:
        found = explain_path(ledger, real)
    finally:
        ledger.close()
    if found.transfer is not None:
        found = _as_it_is_now(found, home)
    if as_json:
        print(json.dumps({"event": "explanation", **msgspec.to_builtins(found)}))
    else:
        print("\n".join(_lines(found)))
    return Exit.DONE if found.is_there else Exit.NEEDS_YOU


def _as_it_is_now(found: Explanation, home: Path) -> Explanation:
    """With what the engine that runs knows of the receiver; without one, as the ledger has it."""
    try:
        with closing(RemoteEngine(home)) as engine:
            return with_circumstances(found, engine.queue(0))
    except ProblemError:
        return found


def _lines(found: Explanation) -> list[str]:
    lines = [f"{printable(found.path)}: {printable(found.sentence)}"]
    if found.remedy:
        lines.append(f"  {printable(found.remedy)}")
    if found.remote:
        lines.append(f"  there: {printable(found.remote)}")
    if found.since:
        lines.append(f"  since: {_time(found.since)}")
    if found.digest:
        lines.append(f"  blake3 manifest: {found.digest}")
    if found.next_try:
        lines.append(f"  next look: {_time(found.next_try)}")
    return lines


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
