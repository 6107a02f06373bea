"""What can be asked of an engine about watched folders; from any thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_desktop import system
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.keeper import Keeper
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.orders import Orders
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.showing_folders import folder_view
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders import standing
from howdah_desktop.folders.directory import What
from howdah_desktop.folders.places import Places
from howdah_desktop.folders.watched import (
    BadTarget,
    FolderSettings,
    FolderState,
    Watched,
    check_target,
)
from howdah_desktop.freeing.how import FreeRule


class FolderFace:
    """Part of the engine. Methods raise ProblemError: folder_unknown where there is no such folder."""

    _control: ControlThread
    _ledger: Ledger
    _orders: Orders
    _keeper: Keeper
    _presence: Presence

    def watch_add(
        self,
        local: bytes,
        target: str,
        mirror: bool = False,
        settings: FolderSettings | None = None,
    ) -> int:
        """Watch a folder; gives its id. Durable.

        Raises folder_watched, folder_not_there, bad_target, free_rule_mirror, and what a source may be."""
        if mirror and settings is not None and settings.free is not None:
            raise ProblemError("free_rule_mirror")
        real = os.path.realpath(local)
        own = os.path.realpath(os.fsencode(self._keeper.home))
        if real == own or real.startswith(own + b"/"):
            raise ProblemError("source_not_a_file", "It is Howdah's own folder.")
        try:
            check_target(target)
        except BadTarget as error:
            raise ProblemError("bad_target", str(error)) from error
        # Here and not in the control thread: the disk may hang.
        try:
            marked = standing.mark(real)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ProblemError("folder_not_there", f"It is {os.fsdecode(local)}.") from error
        except OSError as error:
            raise system.source_problem(error) from error
        chosen = settings or FolderSettings()

        def add() -> int:
            id_ = self._keeper.add(real, target.strip("/"), mirror, chosen, marked)
            self._check_place(id_)
            return id_

        return self._control.ask(add)

    def watched(self) -> tuple[FolderView, ...]:
        def views() -> tuple[FolderView, ...]:
            receiver = self._presence.view()
            folders = self._keeper.folders.values()
            return tuple(folder_view(kept, self._ledger, receiver) for kept in folders)

        return self._control.ask(views)

    def watch_remove(self, ids: Sequence[int]) -> int:
        """What is there stays; what is on its way is cancelled."""

        def remove(id_: int) -> None:
            watched = self._keeper.remove(id_)
            self._orders.cancel(Chosen(roots=[watched.root]))

        return self._each(ids, remove)

    def watch_pause(self, ids: Sequence[int], until: float | None = None) -> int:
        """`until`: seconds since 1970, None: until `watch_resume`."""

        def pause(id_: int) -> None:
            watched = self._keeper.pause(id_, until)
            self._orders.pause(Chosen(roots=[watched.root]), until)

        return self._each(ids, pause)

    def watch_resume(self, ids: Sequence[int]) -> int:
        """Go on; also a yes to what a folder asks, and to what it is now where it looked wrong."""
        unavailable = [
            kept.watched
            for id_ in ids
            if (kept := self._keeper.folders.get(id_))
            and kept.watched.state is FolderState.UNAVAILABLE
        ]
        marks = {}
        for watched in unavailable:
            try:
                marks[watched.id] = standing.mark(watched.local)
            except OSError as error:
                raise system.source_problem(error) from error

        def resume(id_: int) -> None:
            if id_ in marks:
                self._keeper.remark(id_, marks[id_])
            self._goes_on(self._keeper.resume(id_))

        return self._each(ids, resume)

    def watch_scan(self, ids: Sequence[int]) -> int:
        """Compare everything now."""
        return self._each(ids, self._keeper.scan)

    def watch_free(self, ids: Sequence[int], rule: FreeRule | None) -> int:
        """From now on by this rule; None: by none. Raises free_rule_mirror, and then changes nothing."""

        def set_rules() -> int:
            self._keeper.set_free(ids, rule)
            return len(ids)

        return self._control.ask(set_rules)

    def _each(self, ids: Sequence[int], act: Callable[[int], None]) -> int:
        def all_of_them() -> int:
            for id_ in ids:
                act(id_)
            return len(ids)

        return self._control.ask(all_of_them)

    def _goes_on(self, watched: Watched) -> None:
        self._orders.resume(Chosen(roots=[watched.root]))

    def _check_place(self, id_: int) -> None:
        place = Places(self._keeper.folders[id_].watched).remote_of(b"x", What.FILE)
        try:
            remote_path.check_path(place)
        except remote_path.BadPath as error:
            self._keeper.remove(id_)
            raise ProblemError("bad_target", str(error)) from error
