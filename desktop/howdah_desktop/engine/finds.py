"""What a survey finds, written down step by step, and the rows that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from howdah_desktop.engine.intake import Intake
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.news import News
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.transfers import ACTIVE, Kind
from howdah_desktop.engine.waits import Waits
from howdah_desktop.folders.directory import Entry, joined
from howdah_desktop.folders.found import Directory


class Finds:
    """Belongs to the control thread. `clock` is the monotonic one, `wall` gives seconds since 1970."""

    def __init__(
        self,
        ledger: Ledger,
        news: News,
        rows: Rows,
        waits: Waits,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._news = news
        self._rows = rows
        self._waits = waits
        self._clock = clock
        self._wall = wall
        self._intake = Intake(ledger, wall)

    def take(self, kept: Kept, found: list[Directory]) -> None:
        """One step of it."""
        now = self._clock()
        kept.forget_closed(now)
        for directory in found:
            kept.misses((joined(directory.path, name) for name in directory.gone), now)
        added = self._intake.take(kept.watched, found, kept.closed)
        self._rows.told(added)
        self._news.roots([kept.watched.root])
        for row in added:
            if row.next_try is not None:
                settles = kept.watched.settings.settle_seconds
                self._waits.add(row, max(0.0, row.next_try - self._wall()), settles)

    def begin_move(self, kept: Kept, known: Known, to: bytes | None, remote: str | None) -> None:
        self._ledger.begin_move(kept.watched.id, known, to, remote)

    def moved(
        self,
        kept: Kept,
        known: Known,
        to: bytes,
        remote: str,
        seen: Entry | None,
        file_id: str | None,
    ) -> None:
        id_ = kept.watched.id
        self._ledger.moved_known(known, id_, to, remote, seen, file_id)
        self._expect(id_, to, known)
        kept.gone.pop(known.path, None)
        self._news.something()

    def _expect(self, id_: int, to: bytes, known: Known) -> None:
        """Files that wait to be sent replace what has moved to their places."""
        relative = to.decode("utf-8")
        if known.is_dir:
            rows = self._ledger.under_way_below(id_, relative)
        else:
            row = self._ledger.under_way(id_, relative)
            rows = [row] if row is not None else []
        for one in rows:
            now = self._rows.get(one.id)
            there = self._ledger.known(id_, one.relative.encode())
            if now is None or now.state in ACTIVE or there is None or there.version is None:
                continue
            if now.kind is Kind.UPLOAD and not there.is_dir:
                self._rows.write(replace(now, expected=there.version, remote=there.remote))
