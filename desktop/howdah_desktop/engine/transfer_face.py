"""What can be asked of an engine about transfers and their order; from any thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from howdah_desktop.engine.additions import Additions
from howdah_desktop.engine.allowance import Allowance
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.engine.orders import Orders, was_not_listed
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.runs import Runs
from howdah_desktop.engine.showing import with_live
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.engine.views import MOST_QUEUE_ROWS, QueueView, Withdrawn
from howdah_desktop.engine.walk import named_by_user


class TransferFace:
    """Part of the engine."""

    _control: ControlThread
    _ledger: Ledger
    _rows: Rows
    _runs: Runs
    _presence: Presence
    _allowance: Allowance
    _additions: Additions
    _orders: Orders

    def add_sends(
        self,
        paths: Sequence[bytes],
        to: str = "",
        if_exists: IfExists = IfExists.VERSION,
        sha256: bool = False,
        ask_beyond: bool = False,
    ) -> int:
        """Queue files and folders for the folder `to`; gives the number of the group. Durable.

        `ask_beyond`: more than anyone gives by accident waits until somebody says yes, see `release`.
        """
        # Here and not in the control thread: the disk may hang.
        named = [named_by_user(path, to) for path in paths]
        return self._control.ask(
            lambda: self._additions.add_sends(named, if_exists, sha256, ask_beyond)
        )

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int:
        """Queue files and folders of the receiver for the local folder `to`. Durable."""
        folder = os.path.abspath(to)  # noqa: PTH100  # bytes
        return self._control.ask(lambda: self._additions.add_fetches(remotes, folder, if_exists))

    # Orders are about these ids and what was given with these folders; without any, about everything.
    # They give how many transfers they changed.

    def pause(
        self,
        ids: Sequence[int] | None = None,
        roots: Sequence[int] = (),
        until: float | None = None,
    ) -> int:
        """Stop until `resume`, over restarts too; what has arrived stays.

        `until`, in seconds since 1970: then they go on by themselves.
        """
        return self._control.ask(lambda: self._orders.pause(Chosen(ids, roots), until))

    def resume(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        """Go on with what is paused or waits, and try again what failed."""
        count, doubtful = self._control.ask(lambda: self._orders.resume(Chosen(ids, roots)))
        if doubtful:
            folders = {row.id for row in doubtful if was_not_listed(row)}
            count += self._control.ask(lambda: self._orders.resume_these(doubtful, folders))
        return count

    def cancel(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        """Cancel what is not at an end."""
        return self._control.ask(lambda: self._orders.cancel(Chosen(ids, roots)))

    def remove(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        """Take what has ended out of the list; what failed as well, if it is named."""
        return self._control.ask(lambda: self._orders.remove(Chosen(ids, roots)))

    # The order of the queue: of unfinished transfers in any state, which keep the order that they have
    # among themselves. One that is at work goes on.

    def next_up(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int:
        """Before everything else."""
        return self._control.ask(lambda: self._orders.next_up(Chosen(ids, roots)))

    def move_before(self, ids: Sequence[int], other: int, roots: Sequence[int] = ()) -> int:
        """Just before `other`. Raises ProblemError("transfer_not_found") if that has ended."""
        return self._control.ask(lambda: self._orders.move_before(Chosen(ids, roots), other))

    def move_last(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int:
        """Behind everything else that is there now."""
        return self._control.ask(lambda: self._orders.move_last(Chosen(ids, roots)))

    def queue(self, limit: int = MOST_QUEUE_ROWS) -> QueueView:
        """The first `limit` unfinished transfers in the order in which they go."""
        return self._control.ask(lambda: self._queue(limit))

    def set_limits(self, limits: Limits) -> None:
        """From now on, for what is under way too, and over restarts.

        Raises ProblemError: local_full, target_unwritable.
        """
        self._control.ask(lambda: self._orders.set_limits(limits))

    def may_leave(self, wanted: int) -> int:
        """Of what another process sends by itself: how many bytes may leave, under the same limit; waits
        for its turn. 0: everything is paused."""
        return self._allowance.may_leave(wanted)

    def release(self, group: int) -> int:
        """Yes, all of it: what is held of a group goes on."""
        return self._control.ask(lambda: self._orders.release(group))

    def withdraw(self, group: int) -> Withdrawn:
        """Undo: cancel what has not arrived of what a group added, and take it out of the list."""
        return self._control.ask(lambda: self._orders.withdraw(group))

    def runnable(self, without_groups: Iterable[int] = ()) -> int:
        """How many transfers of other groups could go on now."""
        without = set(without_groups)
        return self._control.ask(lambda: self._orders.runnable(without))

    def _queue(self, limit: int) -> QueueView:
        self._rows.save()
        jobs = self._runs.jobs
        rows = tuple(
            with_live(row, jobs[row.id].live()) if row.id in self._runs.running else row
            for row in self._ledger.up_next(max(0, min(limit, MOST_QUEUE_ROWS)))
        )
        return QueueView(
            rows, self._ledger.unfinished(), self._presence.view(), self._allowance.view()
        )
