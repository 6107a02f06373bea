"""A ledger of an older version is brought up to date before somebody reads what that does not have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine.attach import LOCK_NAME
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.ledger_schema import VERSION
from howdah_desktop.system import Locked, exclusive_lock


def bring_up_to_date(home: Path) -> bool:
    """Whether there is a ledger. Raises ProblemError: ledger_damaged, ledger_newer, engine_unreachable."""
    path = home / FILE_NAME
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise ProblemError("ledger_damaged", f"{path}: {error}.") from error
    if version < VERSION:
        try:
            with exclusive_lock(home / LOCK_NAME):
                Ledger(home).close()
        except Locked:
            detail = "An older version of the program has the ledger."
            raise ProblemError("engine_unreachable", detail) from None
    return True
