"""What is kept for a while, and then no longer: the trash, and versions that were replaced.

Run by the sweeper, in steps: whoever wants to change something meanwhile waits for none of them long.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from threading import Event

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import NOBODY
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import trash as trash_rows
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.versions import KeptRow
from howdah_receiver.files.retention import SECOND_NS, Kept, Rules, gone
from howdah_receiver.settings import Settings
from howdah_receiver.storage.tree import Tree

_FILES_AT_ONCE = 500
_VERSIONS_AT_ONCE = 200
_log = logging.getLogger(__name__)


class Keeping:
    def __init__(
        self,
        catalogue: Catalogue,
        tree: Tree,
        settings: Settings,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._catalogue = catalogue
        self._tree = tree
        self._now_ns = now_ns
        self._trash_seconds = settings.trash_seconds
        self._history_seconds = settings.history_seconds
        self._rules = Rules(
            seconds=settings.versions_seconds,
            most=settings.versions_count,
            daily=settings.versions_daily_count,
            weekly=settings.versions_weekly_count,
            monthly=settings.versions_monthly_count,
        )

    def go_on_removing(self, stopping: Event) -> None:
        """What was removed for good, and is still there: after a crash, a stop, or a disk error.

        Raises ProblemError: storage_full, storage_failed.
        """
        self._tree.go_on_removing(lambda: not stopping.is_set())

    def sweep_trash(self, stopping: Event) -> None:
        """Raises ProblemError: storage_full, storage_failed."""
        while not stopping.is_set():
            before_ns = self._now_ns() - int(self._trash_seconds * SECOND_NS)
            with self._catalogue.read() as connection:
                old = trash_rows.older_than(connection, before_ns, 1)
            if not old:
                return
            with self._catalogue.read() as connection:
                space = spaces.by_id(connection, old[0].space_id)
            try:
                self._tree.remove_entry(
                    space, old[0].id, by=NOBODY, go_on=lambda: not stopping.is_set()
                )
            except ProblemError as problem:
                if problem.code != "file_not_found":  # else somebody was quicker
                    raise

    def sweep_versions(self, stopping: Event) -> None:
        """Raises ProblemError: storage_full, storage_failed."""
        for rows in self._kept_by_files():
            going: defaultdict[str, list[str]] = defaultdict(list)
            for space_id, version_id in self._gone(rows):
                going[space_id].append(version_id)
            for space_id, version_ids in going.items():
                for start in range(0, len(version_ids), _VERSIONS_AT_ONCE):
                    if stopping.is_set():
                        return
                    self._remove(space_id, version_ids[start : start + _VERSIONS_AT_ONCE])
        self._forget()

    def _kept_by_files(self) -> Iterator[list[KeptRow]]:
        """All kept versions of some files at a time."""
        last = ""
        while True:
            with self._catalogue.read() as connection:
                rows = version_rows.kept_of_some(connection, last, _FILES_AT_ONCE)
            if not rows:
                return
            yield rows
            last = rows[-1].file_id

    def _gone(self, rows: list[KeptRow]) -> Iterator[tuple[str, str]]:
        by_file: defaultdict[tuple[str, str], list[Kept]] = defaultdict(list)
        for row in rows:
            by_file[row.space_id, row.file_id].append(Kept(row.id, row.added_ns, row.kept_ns))
        for (space_id, _), versions in by_file.items():
            for version_id in sorted(gone(versions, self._rules, self._now_ns())):
                yield space_id, version_id

    def _remove(self, space_id: str, version_ids: list[str]) -> None:
        with self._catalogue.read() as connection:
            space = spaces.by_id(connection, space_id)
        removed = self._tree.remove_versions(space, version_ids, by=NOBODY)
        _log.info("%d versions removed, as their time was over", removed)

    def _forget(self) -> None:
        """Where versions stood that are gone for good, when that is long ago."""
        before_ns = self._now_ns() - int(self._history_seconds * SECOND_NS)
        with self._catalogue.write() as connection:
            trash_rows.forget_placements(connection, before_ns)
