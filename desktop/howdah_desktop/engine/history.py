"""What ended, newest first: transfers, what was done in the tree there, what was freed here.

Read straight from indexes, as a ledger may hold millions of rows; nothing is asked of an engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any

from howdah_desktop.engine.ledger_freed import LedgerFreed
from howdah_desktop.engine.ledger_known import STAYS
from howdah_desktop.engine.ledger_rows import VIEW_COLUMNS
from howdah_desktop.engine.showing import explain_problem, shown, shown_path

MANY_ROWS = 20_000
_SENT = {"upload": "sent", "download": "fetched", "folder": "folder"}
_ACTS = {"move": "moved", "trash": "deleted"}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that ended. Sizes in bytes, times in seconds since 1970."""

    at: float
    what: str
    """sent, fetched, folder (made there), failed, skipped, cancelled, moved (there), deleted (there:
    to its trash), freed, stays (here, though it was to be freed)."""
    path: str
    """Where it came from; of what was done there: the path there."""
    target: str
    size: int | None
    sentence: str
    remedy: str = ""
    code: str | None = None
    files: int = 1


@dataclass(frozen=True, slots=True)
class About:
    """Which events are asked for."""

    local: bytes | None = None
    """This file or folder, as os.path.realpath gives it, and what is below it."""
    there: str | None = None
    """This path at the receiver, and what is below it."""
    since: float = 0.0


class History(LedgerFreed):
    """The ledger, only read. For one thread at a time; methods raise ProblemError."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, read_only=True)

    def events(self, about: About, limit: int) -> list[Event]:
        """The newest `limit` of them, newest first."""
        parts = (self._transfers(about, limit), self._acts(about, limit), self._freed(about, limit))
        with self.told():
            return list(islice(merge(*parts, key=lambda event: -event.at), limit))

    # -- transfers

    def _transfers(self, about: About, limit: int) -> Iterator[Event]:
        where, values = self._which_transfers(about)
        sql = (
            f"SELECT {VIEW_COLUMNS} FROM transfers WHERE {where} finished IS NOT NULL AND finished >= ?"
            " ORDER BY finished DESC LIMIT ?"
        )
        for row in self._db.execute(sql, (*values, about.since, limit)):
            yield _of_transfer(row)

    def _which_transfers(self, about: About) -> tuple[str, Sequence[Any]]:
        if about.local is not None:
            tests, values = _about_local(about.local)
            if self._is_large(about.local):
                # Most of the history is of it: the newest of that are soon found by their time. A plus
                # keeps a column from being looked up in an index.
                return f"({' OR '.join(tests).replace('local', '+local')}) AND", values
            found = " UNION ".join(f"SELECT id FROM transfers WHERE {test}" for test in tests)
            return f"id IN ({found}) AND", values
        if about.there is not None:
            of = "coalesce(final_path, remote)"
            test = f"({of} = ? OR ({of} >= ? AND {of} < ?)) AND"
            return test, (about.there, *_range(about.there))
        return "", ()

    def _is_large(self, local: bytes) -> bool:
        rows = self._db.execute(
            f"SELECT 1 FROM transfers WHERE {_BELOW} LIMIT 1 OFFSET {MANY_ROWS}", _range(local)
        )
        return rows.fetchone() is not None

    # -- what was done there

    def _acts(self, about: About, limit: int) -> Iterator[Event]:
        where = "at >= ?"
        values: list[Any] = [about.since]
        places = self._places(about)
        if places is not None:
            if not places:
                return
            conditions = []
            for folder, there in places:
                for column in ("remote", "moved_to"):
                    conditions.append(
                        f"((? IS NULL OR folder = ?) AND ({column} = ? OR ({column} >= ? AND"
                        f" {column} < ?)))"
                    )
                    values += [folder, folder, there, *_range(there)]
            where += f" AND ({' OR '.join(conditions)})"
        # By number and not by time, which is the same but for a clock that was set back.
        sql = (
            f"SELECT at, kind, is_dir, remote, moved_to, files FROM acts WHERE {where}"
            " ORDER BY id DESC LIMIT ?"
        )
        for row in self._db.execute(sql, (*values, limit)):
            yield _of_act(row)

    def _places(self, about: About) -> list[tuple[int | None, str]] | None:
        """Watched folder (None: any) and path there of what is asked for; None: everything."""
        if about.there is not None:
            return [(None, about.there)]
        if about.local is None:
            return None
        found: list[tuple[int | None, str]] = []
        for known in self.known_at(about.local):
            for (remote,) in self._db.execute(
                "SELECT remote FROM known WHERE folder = ? AND dir = ? AND name = ?",
                (known.folder, known.dir, known.name),
            ):
                found.append((known.folder, remote))
        return found

    # -- what was freed here

    def _freed(self, about: About, limit: int) -> Iterator[Event]:
        where = "removed IS NOT NULL AND removed >= ?"
        values: list[Any] = [about.since]
        if about.local is not None:
            where += " AND (local = ? OR (local >= ? AND local < ?))"
            values += [about.local, *_range(about.local)]
        elif about.there is not None:
            where += " AND (remote = ? OR (remote >= ? AND remote < ?))"
            values += [about.there, *_range(about.there)]
        sql = f"SELECT removed, local, remote, size, how FROM freed WHERE {where} ORDER BY id DESC LIMIT ?"
        for at, local, remote, size, how in self._db.execute(sql, (*values, limit)):
            gone = "went to the trash here" if how == "trash" else "was deleted here"
            told = f"It {gone}: the receiver has it."
            remedy = f"`howdah get` fetches it: {remote}"
            yield Event(at, "freed", shown_path(bytes(local)), remote, size, told, remedy)


_BELOW = "local >= ? AND local < ?"
_FETCHED = "local = ? AND kind = 'download' AND (relative = ? OR (relative >= ? AND relative < ?))"


def _about_local(local: bytes) -> tuple[list[str], list[Any]]:
    """Tests of a transfer, one of which holds, and their values. The local path of a download is that of
    its folder."""
    tests: list[str] = ["local = ?", _BELOW]
    values: list[Any] = [local, *_range(local)]
    for folder, relative in _ancestors(local):
        tests.append(_FETCHED)
        values += [folder, relative, *_range(relative)]
    return tests, values


def _range(path: Any) -> tuple[Any, Any]:
    """What is below `path`, bytes or text: from the first on, before the second."""
    if isinstance(path, bytes):
        folder = path.rstrip(b"/")
        return folder + b"/", folder + b"0"  # the sign after the slash
    return f"{path}/", f"{path}0"


def _ancestors(local: bytes) -> Iterator[tuple[bytes, str]]:
    """Folders above, each with the rest of the path below it."""
    folder, rest = local, ""
    while True:
        folder, name = os.path.split(folder)
        if not name:
            return
        rest = f"{os.fsdecode(name)}/{rest}".rstrip("/")
        with suppress(UnicodeEncodeError):  # nothing is fetched to a name that is not UTF-8
            rest.encode()
            yield folder, rest


def _of_transfer(row: tuple[Any, ...]) -> Event:
    view = shown(*row)
    what = _SENT[view.kind] if view.state == "done" else view.state
    return Event(
        view.finished or 0.0,
        what,
        view.source,
        view.target,
        view.size,
        view.sentence,
        view.remedy,
        view.code,
    )


def _of_act(row: tuple[Any, ...]) -> Event:
    at, kind, is_dir, remote, moved_to, files = row
    if kind.startswith(STAYS):
        code = kind.removeprefix(STAYS)
        sentence, remedy = explain_problem(code, "")
        told = f"It was to be freed, and stays here. {sentence}"
        return Event(at, "stays", remote, "", None, told, remedy, code)
    thing = f"The folder, with {files} files," if is_dir else "It"
    if kind == "move":
        told = f"{thing} was moved there, as it was here; nothing was sent again."
    else:
        told = f"{thing} went to the trash there, as it was deleted here."
    return Event(at, _ACTS.get(kind, kind), remote, moved_to or "", None, told, files=files)
