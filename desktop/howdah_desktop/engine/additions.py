"""What is added to the ledger: files at once, folders step by step as they are listed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.holding import Holding, may_be_beyond
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_groups import Group, Root
from howdah_desktop.engine.listing import batches, found_in
from howdah_desktop.engine.news import News
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.transfers import Hold, IfExists, Kind
from howdah_desktop.engine.walk import Named

FOLLOWED_SECONDS = 10.0
LISTED_AT_ONCE = 2
"""Folders; more would only fight for the disk, and one disk that hangs must leave threads for the rest."""


class Additions:
    """Belongs to the control thread, but for `follows`."""

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        news: News,
        rows: Rows,
        runs: Runs,
        presence: Presence,
        holding: Holding,
        own_folder: bytes,
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._news = news
        self._rows = rows
        self._runs = runs
        self._presence = presence
        self._holding = holding
        self._own_folder = own_folder
        self._followed: dict[int, float] = {}
        self._listing: set[int] = set()
        self._to_list: deque[Root] = deque()

    @property
    def listing(self) -> bool:
        """Whether a thread is listing a folder."""
        return bool(self._listing)

    def follows(self, group: int) -> None:
        """Somebody waits for the end of `group`: its transfers stay its own."""
        self._followed[group] = time.monotonic()

    def add_sends(
        self, named: Sequence[Named], if_exists: IfExists, sha256: bool, ask_beyond: bool
    ) -> int:
        rows = [one.row for one in named if one.row is not None]
        folders = [one for one in named if one.row is None]
        held = ask_beyond and may_be_beyond(rows, len(folders))
        group = self._ledger.add_group(
            Kind.UPLOAD, if_exists, sha256, Hold.COUNTS if held else Hold.NO
        )
        if held:
            self._holding.hold(group)
        for folder in folders:
            self._ledger.add_root(group, folder.real, folder.target, self._followed_groups())
        self._add_rows(group, rows)
        self._holding.check(group.id)
        self.list_roots(self._ledger.roots(group.id))
        return group.id

    def add_fetches(self, remotes: Sequence[str], to: bytes, if_exists: IfExists) -> int:
        group = self._ledger.add_group(Kind.DOWNLOAD, if_exists, sha256=False)
        for remote in remotes:
            self._ledger.add_root(group, to, remote, self._followed_groups())
        self.list_roots(self._ledger.roots(group.id))
        return group.id

    def add_folder(self, group: Group, local: bytes, remote: str) -> None:
        """One that could not be listed is tried again."""
        self._ledger.add_root(group, local, remote, self._followed_groups())

    # -- folders into rows

    def list_roots(self, roots: Iterable[Root]) -> None:
        known = self._listing | {root.id for root in self._to_list}
        new = [root for root in roots if root.id not in known]
        self._to_list.extend(new)
        if new:
            self._news.roots(root.id for root in new)
        while self._to_list and len(self._listing) < LISTED_AT_ONCE:
            root = self._to_list.popleft()
            self._listing.add(root.id)
            self._list(root)

    def _list(self, root: Root) -> None:
        self._control.submit(lambda: self._walk(root), lambda problem: self._listed(root, problem))

    def _walk(self, root: Root) -> None:
        """In a thread of the pool."""
        found = found_in(root, self._presence.current, self._own_folder, self._control.check)
        for batch in batches(found):

            def add(batch: list[NewTransfer] = batch) -> None:
                now = self._ledger.root(root.id)
                if now is None:  # cancelled meanwhile, or given again by a newer order
                    raise ProblemError("interrupted")
                self._add_found(now, batch)

            self._control.ask(add)

    def _add_found(self, root: Root, batch: list[NewTransfer]) -> None:
        # What was asked for as a file is one, and no folder with a file in it.
        itself = [row for row in batch if _is_itself(row, root)]
        self._add_rows(root.group, itself)
        self._add_rows(root.group, [row for row in batch if not _is_itself(row, root)], root)
        self._holding.check(root.group.id)

    def _listed(self, root: Root, problem: ProblemError | None) -> None:
        self._listing.discard(root.id)
        if problem is None:
            if (row_id := self._ledger.root_listed(root)) is not None:
                self._news.rows([(row_id, 0)])
        elif outcomes.is_receivers(problem):
            self._presence.lost(problem)  # listed again once it answers
        elif problem.code != "interrupted":
            row = NewTransfer(
                root.group.kind,
                root.local,
                root.remote,
                failed=problem.code,
                detail=problem.detail,
            )
            self._add_rows(root.group, [row])
            self._ledger.root_listed(root)
        self._holding.count_again()  # some may have come over from another that waits
        self._news.roots([root.id])
        self.list_roots(())

    def _add_rows(self, group: Group, rows: list[NewTransfer], root: Root | None = None) -> None:
        if not rows:
            return
        self._rows.save()
        added = self._ledger.put_in(
            group, rows, self._followed_groups(), root, self._runs.leaving()
        )
        self._runs.moved(added.rows)
        self._rows.told(added.rows)
        self._news.gone(added.replaced)
        self._news.roots(added.left)
        self._holding.added(added.rows)

    def _followed_groups(self) -> set[int]:
        since = time.monotonic() - FOLLOWED_SECONDS
        return {group for group, asked in self._followed.items() if asked > since}


def _is_itself(row: NewTransfer, root: Root) -> bool:
    return row.kind is Kind.DOWNLOAD and row.remote == root.remote and not row.failed
