"""What can be asked of an engine, as its control thread carries it out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from howdah_common.problems import ProblemError
from howdah_desktop.engine import outcomes
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.ledger import Group, Ledger, NewTransfer, Root
from howdah_desktop.engine.listing import batches, found_in
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.transfers import ACTIVE, LIVE, IfExists, Kind, Transfer, TransferState
from howdah_desktop.engine.waits import Waits
from howdah_desktop.engine.walk import named_by_user

S = TransferState

FOLLOWED_SECONDS = 10.0

_NOTHING_WRONG = {"code": None, "detail": "", "next_try": None, "finished": None}


class Orders:
    """Belongs to the control thread, but for `follows`."""

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        rows: Rows,
        runs: Runs,
        waits: Waits,
        presence: Presence,
        own_folder: bytes,
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._rows = rows
        self._runs = runs
        self._waits = waits
        self._presence = presence
        self._own_folder = own_folder
        self._followed: dict[int, float] = {}
        self.listing: set[int] = set()
        """Roots that a thread is listing."""

    def follows(self, group: int) -> None:
        """Somebody waits for the end of `group`: its transfers stay its own."""
        self._followed[group] = time.monotonic()

    def add_sends(self, paths: Sequence[bytes], to: str, if_exists: IfExists, sha256: bool) -> int:
        group = self._ledger.add_group(Kind.UPLOAD, if_exists, sha256)
        rows: list[NewTransfer] = []
        for path in paths:
            real, row, target = named_by_user(path, to)
            if row is None:
                self._ledger.add_root(group, real, target, self._followed_groups())
            else:
                rows.append(row)
        self._add_rows(group, rows)
        self.list_roots(self._ledger.roots(group.id))
        return group.id

    def add_fetches(self, remotes: Sequence[str], to: bytes, if_exists: IfExists) -> int:
        group = self._ledger.add_group(Kind.DOWNLOAD, if_exists, sha256=False)
        folder = os.path.abspath(to)  # noqa: PTH100  # bytes
        for remote in remotes:
            self._ledger.add_root(group, folder, remote, self._followed_groups())
        self.list_roots(self._ledger.roots(group.id))
        return group.id

    def resume(self) -> int:
        rows = self._ledger.in_states((S.FAILED, S.WAITING))
        for row in rows:
            self._waits.drop(row.id)
            if _was_not_listed(row):
                group = Group(row.group, row.kind, row.if_exists, row.sha256)
                self._ledger.add_root(group, row.local, row.remote, self._followed_groups())
                self._runs.cancel(row)
            else:
                self._rows.put(row, state=S.QUEUED, attempt=0, **_NOTHING_WRONG)
        self._presence.try_now()
        self._rows.save()
        self.list_roots(self._ledger.roots())
        return len(rows)

    def cancel(self, ids: Sequence[int] | None) -> int:
        self._rows.save()
        wanted = None if ids is None else set(ids)
        rows = [
            row
            for row in self._ledger.in_states((*LIVE, S.FAILED))
            if wanted is None or row.id in wanted
        ]
        for row in rows:
            self._runs.cancel(row)
        if ids is None:
            for root in self._ledger.roots():
                self._ledger.root_listed(root)
        self._rows.save()
        return len(rows)

    def runnable(self, without: set[int]) -> int:
        """How many transfers of other groups could go on now."""
        if not self._presence.reach.up:
            return 0
        rows = self._ledger.in_states((S.QUEUED, *ACTIVE), limit=1_000)
        holds = self._runs.fullness.holds
        roots = sum(root.group.id not in without for root in self._ledger.roots())
        return roots + sum(row.group not in without and not holds(row.size) for row in rows)

    # -- folders into rows

    def list_roots(self, roots: Iterable[Root]) -> None:
        for root in roots:
            if root.id not in self.listing:
                self.listing.add(root.id)
                self._list(root)

    def _list(self, root: Root) -> None:
        self._control.submit(lambda: self._walk(root), lambda problem: self._listed(root, problem))

    def _walk(self, root: Root) -> None:
        """In a thread of the pool."""
        found = found_in(root, self._presence.current, self._own_folder, self._control.check)
        for batch in batches(found):

            def add(batch: list[NewTransfer] = batch) -> None:
                # Cancelled meanwhile, or given again by a newer order.
                if root not in self._ledger.roots(root.group.id):
                    raise ProblemError("interrupted")
                self._add_rows(root.group, batch)

            self._control.ask(add)

    def _listed(self, root: Root, problem: ProblemError | None) -> None:
        self.listing.discard(root.id)
        if problem is None:
            self._ledger.root_listed(root)
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
        self._rows.added(())  # the end of a listing is news

    def _add_rows(self, group: Group, rows: list[NewTransfer]) -> None:
        self._rows.save()
        added = self._ledger.add(group, rows, self._followed_groups())
        self._runs.moved(added)
        self._rows.added(added)

    def _followed_groups(self) -> set[int]:
        since = time.monotonic() - FOLLOWED_SECONDS
        return {group for group, asked in self._followed.items() if asked > since}


def _was_not_listed(row: Transfer) -> bool:
    """Whether the row stands for a folder, or a part of one, whose files have no rows yet."""
    if row.state is not S.FAILED:
        return False
    if row.kind is Kind.DOWNLOAD:
        return row.size is None
    return os.path.isdir(row.local) and not os.path.islink(row.local)  # noqa: PTH112, PTH114  # bytes
