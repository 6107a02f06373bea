"""What can be asked of an engine about transfers that it has, as its control thread carries it out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from howdah_desktop.engine.additions import Additions
from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.holding import Holding
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_groups import Group
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.engine.news import News
from howdah_desktop.engine.pauses import Pauses
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.transfers import ACTIVE, Kind, Transfer, TransferState, before
from howdah_desktop.engine.views import Withdrawn

S = TransferState

_NOTHING_WRONG = {"code": None, "detail": "", "next_try": None, "finished": None, "attempt": 0}


class Orders:
    """Belongs to the control thread. Each gives how many rows it changed.

    Rows that a thread works on, or that the receiver has to hear of, are seen to one by one; all others
    in one step, however many they are.
    """

    def __init__(
        self,
        ledger: Ledger,
        news: News,
        rows: Rows,
        runs: Runs,
        presence: Presence,
        holding: Holding,
        additions: Additions,
        pauses: Pauses,
        allowance: Allowance,
    ) -> None:
        self._ledger = ledger
        self._news = news
        self._rows = rows
        self._runs = runs
        self._presence = presence
        self._holding = holding
        self._additions = additions
        self._pauses = pauses
        self._allowance = allowance

    def begin(self) -> None:
        """What an earlier engine left goes on."""
        for row in self._ledger.taken_back():
            self._runs.cancel(row)
        self._holding.begin()
        self._pauses.changed()
        self._allowance.begin()
        self._additions.list_roots(self._ledger.roots())

    def pause(self, chosen: Chosen, until: float | None = None) -> int:
        self._rows.save()
        roots = self._roots(chosen)
        self._ledger.pause_roots(roots, True, until)
        count = sum([self._runs.pause(id_, until) for id_ in self._at_work(chosen)])
        self._rows.save()
        count += self._rows.touched(self._ledger.pause(chosen, self._runs.running, until))
        if chosen.everything and until is None:
            self._holding.let_go()
        self._pauses.changed()
        self._holding.count_again()
        self._news.roots(roots)
        return count

    def resume(self, chosen: Chosen) -> tuple[int, list[Transfer]]:
        """Gives also the failed rows that may stand for a folder: to be looked at, then `resume_these`."""
        self._rows.save()
        roots = self._roots(chosen)
        self._ledger.pause_roots(roots, False)
        count = sum([self._runs.go_on(id_) for id_ in self._at_work(chosen)])
        self._rows.save()
        count += sum([self._holding.release(group) for group in self._answered_by(chosen)])
        count += self._rows.touched(self._ledger.resume(chosen, but=self._runs.running))
        self._holding.count_again()
        self._news.roots(roots)
        self._try_now()
        return count, self._ledger.unlisted(chosen)

    def resume_these(self, failed: Sequence[Transfer], folders: Collection[int]) -> int:
        """Failed rows; those among `folders` are listed again, and stand no more for what is in them."""
        rows = [row for row in map(self._same, failed) if row is not None]
        for row in rows:
            if row.id in folders:
                group = Group(row.group, row.kind, row.if_exists, row.sha256)
                self._additions.add_folder(group, row.local, row.remote)
                self._runs.cancel(row)
            else:
                self._rows.put(row, state=S.QUEUED, **_NOTHING_WRONG)
        self._rows.save()
        again = [row.id for row in rows if row.id in folders]
        self._rows.hidden(self._ledger.hide(Chosen(again)))
        self._ledger.make_way(again)
        self._try_now()
        return len(rows)

    def cancel(self, chosen: Chosen) -> int:
        count = self._cancel(chosen)
        roots = self._roots(chosen)
        self._ledger.roots_listed(roots)
        if chosen.everything:
            self._holding.let_go()
        self._holding.count_again()
        self._news.roots(roots)
        return count

    def remove(self, chosen: Chosen) -> int:
        if not chosen.everything:
            self._cancel(chosen, frozenset({S.FAILED}))
        self._rows.save()
        return self._rows.hidden(self._ledger.hide(chosen))

    # -- the order of the queue

    def next_up(self, chosen: Chosen) -> int:
        self._rows.save()
        return self._rows.touched(self._ledger.next_up(chosen))

    def move_before(self, chosen: Chosen, other: int) -> int:
        self._rows.save()
        return self._rows.touched(self._ledger.move_before(chosen, other))

    def move_last(self, chosen: Chosen) -> int:
        self._rows.save()
        return self._rows.touched(self._ledger.move_last(chosen))

    def set_limits(self, limits: Limits) -> None:
        """Raises ProblemError: local_full, target_unwritable."""
        self._allowance.change(limits)
        self._runs.start_what_can()  # or stops what must not go on

    # -- what a group waits for, or takes back

    def release(self, group: int) -> int:
        self._rows.save()
        return self._holding.release(group)

    def withdraw(self, group: int) -> Withdrawn:
        roots = [root.id for root in self._ledger.roots(group)]
        self._ledger.roots_listed(roots)
        self._holding.let_go([group])
        chosen = Chosen(group=group)
        cancelled = self._cancel(chosen)
        arrived = self._ledger.arrived(chosen)
        self._rows.hidden(self._ledger.hide(chosen, frozenset(S) - {S.DONE}))
        self._news.roots(roots)
        return Withdrawn(cancelled, arrived)

    def runnable(self, without: set[int]) -> int:
        """How many transfers of other groups could go on now."""
        if not self._presence.reach.up or not self._allowance.may_move:
            return 0
        rows = self._ledger.in_states((S.QUEUED, *ACTIVE), limit=1_000)
        holds = self._runs.fullness.holds
        roots = sum(root.group.id not in without for root in self._ledger.roots())
        return roots + sum(row.group not in without and not holds(row.size) for row in rows)

    # -- inside

    def _cancel(
        self, chosen: Chosen, states: Collection[TransferState] = before(S.CANCELLED)
    ) -> int:
        self._rows.save()
        running = self._runs.running
        count = sum(
            [
                self._runs.cancel(running[id_])
                for id_ in self._at_work(chosen)
                if S.SENDING in states
            ]
        )
        for row in self._ledger.known_there(chosen, self._runs.jobs, states):
            count += row.id not in running and self._runs.cancel(row)
        self._rows.save()
        return count + self._rows.touched(self._ledger.cancel(chosen, running, states))

    def _at_work(self, chosen: Chosen) -> list[int]:
        """Rows with a thread, of those that are chosen."""
        ids, roots = set(chosen.ids or ()), set(chosen.roots)
        newest = 0
        if chosen.group is not None and (group := self._ledger.group(chosen.group)):
            newest = group.newest
        return [
            row.id
            for row in self._runs.running.values()
            if chosen.everything
            or row.id in ids
            or row.root in roots
            or (row.group == chosen.group and row.id > newest)
        ]

    def _roots(self, chosen: Chosen) -> list[int]:
        """Chosen folders that are still being listed."""
        return [
            root.id for root in self._ledger.roots() if chosen.everything or root.id in chosen.roots
        ]

    def _answered_by(self, chosen: Chosen) -> Iterable[int]:
        """Groups for which going on is a yes."""
        if chosen.everything:
            return self._holding.asking()
        return self._ledger.groups_of_roots(chosen.roots)

    def _same(self, row: Transfer) -> Transfer | None:
        """The row as it is now, if it still failed."""
        now = self._rows.get(row.id)
        return now if now is not None and now.state is S.FAILED else None

    def _try_now(self) -> None:
        self._presence.try_now()
        self._runs.fullness.ask_now()
        self._additions.list_roots(self._ledger.roots())


def was_not_listed(row: Transfer) -> bool:
    """Whether a failed row without a size stands for a folder, or a part of one, whose files have no rows.

    Looks at the disk: not for the control thread.
    """
    if row.kind is Kind.DOWNLOAD:
        return True
    return os.path.isdir(row.local) and not os.path.islink(row.local)  # noqa: PTH112, PTH114  # bytes
