"""Looks after the watched folders: when each is looked at, and what becomes of what is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.finds import Finds
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.kept_folders import KeptFolders
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.news import News
from howdah_desktop.engine.presence import Presence
from howdah_desktop.engine.rows import Rows
from howdah_desktop.engine.same_receiver import SameReceiver
from howdah_desktop.engine.survey_report import Order
from howdah_desktop.engine.surveys import Surveys
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer
from howdah_desktop.engine.waits import Waits
from howdah_desktop.folders import standing
from howdah_desktop.folders.directory import parted
from howdah_desktop.folders.found import Task, in_order
from howdah_desktop.folders.hints import Closed, Dirty, Doubtful, Grown, Hint, Hints
from howdah_desktop.folders.watched import CLOSED_SECONDS, FolderSettings, FolderState, Watched
from howdah_desktop.freeing.how import FreeRule

REOPENED_SECONDS = 2.0
LISTEN_SECONDS = 1.0
"""Between two looks at which receiver answers: each that finds a change is written down."""
MOST_AT_ONCE = 2
"""Surveys; more would only fight for the disk."""

MakeHints = Callable[[bytes, Callable[[Hint], None]], Hints]
"""For a folder, and whom to tell."""


class Keeper:
    """Belongs to the control thread, but for what its surveys do in theirs.

    `on_resumed` hears of folders whose pause has ended by itself. `hints` makes what hears of changes, None:
    of the disk's own. `clock` is the monotonic one, `wall` gives seconds since 1970.
    """

    def __init__(
        self,
        control: ControlThread,
        ledger: Ledger,
        news: News,
        rows: Rows,
        waits: Waits,
        presence: Presence,
        home: Path,
        on_resumed: Callable[[Watched], None],
        hints: MakeHints | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._news = news
        self._rows = rows
        self._waits = waits
        self._on_resumed = on_resumed
        self._presence = presence
        self.home = home
        self._own_folder = os.path.realpath(os.fsencode(home))
        self._hints = hints or self._real_hints
        self._clock = clock
        self._wall = wall
        self._folders = KeptFolders(ledger, news)
        self.folders = self._folders.by_id
        self._receiver = SameReceiver(ledger, presence)
        self._surveys = Surveys(
            control,
            ledger,
            news,
            presence,
            Finds(ledger, news, rows, waits, clock, wall),
            self._folders,
            home,
            self._own_folder,
            clock,
            wall,
        )
        self._listens_at = 0.0

    def begin(self) -> None:
        for watched in self._ledger.watched():
            self._keep(watched)

    def close(self) -> None:
        for kept in self.folders.values():
            if kept.hints is not None:
                kept.hints.stop()

    # -- orders

    def add(
        self,
        local: bytes,
        target: str,
        mirror: bool,
        settings: FolderSettings,
        marked: standing.Marked,
    ) -> int:
        """The folder is there, and was marked. Raises ProblemError("folder_watched")."""
        for kept in self.folders.values():
            other = kept.watched.local
            if other == local or other.startswith(local + b"/") or local.startswith(other + b"/"):
                raise ProblemError("folder_watched", f"It is {os.fsdecode(other)}.")
        group = self._ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
        watched = self._ledger.add_watched(local, target, mirror, settings, group.id)
        self._ledger.mark_watched(watched.id, marked.marker, marked.device)
        self._keep(self._folders.in_ledger(watched.id))
        return watched.id

    def remove(self, id_: int) -> Watched:
        """It is not watched any more; what is there stays. Raises ProblemError("folder_unknown")."""
        kept = self._folders.named(id_)
        if kept.hints is not None:
            kept.hints.stop()
        del self.folders[id_]
        self._presence.watching = bool(self.folders)
        self._ledger.remove_watched(id_, self._wall())
        return kept.watched

    def pause(self, id_: int, until: float | None) -> Watched:
        """`until`: seconds since 1970; None: until somebody resumes it."""
        return self._folders.set_state(self._folders.named(id_), FolderState.PAUSED, "", until)

    def resume(self, id_: int) -> Watched:
        """Also a yes to what it asks; and where its disk looked wrong, that this is the folder."""
        kept = self._folders.named(id_)
        kept.yes = kept.yes or kept.watched.state is FolderState.ASKING
        self._compare_all(kept, "you asked for it")
        return self._folders.set_state(kept, FolderState.ACTIVE)

    def remark(self, id_: int, marked: standing.Marked) -> None:
        """The folder is what it is now."""
        kept = self._folders.named(id_)
        self._ledger.mark_watched(id_, marked.marker, marked.device)
        self._folders.read_again(kept)

    def scan(self, id_: int) -> None:
        self._compare_all(self._folders.named(id_), "you asked for it")

    def set_free(self, ids: Sequence[int], rule: FreeRule | None) -> None:
        """Raises ProblemError("free_rule_mirror"): nothing has changed then."""
        chosen = [self._folders.named(id_) for id_ in ids]
        if rule is not None and any(kept.watched.mirror for kept in chosen):
            raise ProblemError("free_rule_mirror")
        for kept in chosen:
            settings = msgspec.structs.replace(kept.watched.settings, free=rule)
            self._ledger.change_folder_settings(kept.watched.id, settings)
            self._folders.read_again(kept)
        self._news.something()

    def compare_all(self, why: str) -> None:
        """Whatever the hints said is in doubt: after a sleep, or with another receiver."""
        for kept in self.folders.values():
            self._compare_all(kept, why)

    def receiver_is_back(self) -> None:
        for kept in self.folders.values():
            kept.not_before, kept.attempt = 0.0, 0

    def look_again(self, row: Transfer) -> None:
        """A row has ended whose file is not what was sent: what was seen meanwhile was left to it."""
        kept = None if row.watched is None else self.folders.get(row.watched)
        if kept is not None:
            path, now = row.relative.encode(), self._clock()
            kept.quiet.dirty(parted(path)[0], now)
            if row.kind is Kind.FOLDER or row.code == "source_not_a_file":
                kept.quiet.dirty(path, now)

    def followed_seconds(self, row: Transfer) -> float | None:
        """How long its file must be left alone, if what is complete of it is to be sent while it grows."""
        kept = None if row.watched is None else self.folders.get(row.watched)
        if kept is None or kept.watched.state is FolderState.PAUSED:
            return None
        settings = kept.watched.settings
        return settings.settle_seconds if settings.follow else None

    @property
    def surveying(self) -> bool:
        return self._surveys.running > 0

    # -- a turn

    def turn(self) -> None:
        now = self._clock()
        if now >= self._listens_at:
            self._listens_at = now + LISTEN_SECONDS
            self.listen()
        for kept in list(self.folders.values()):
            self._go_on_by_itself(kept)
            if kept.surveying or kept.watched.state is FolderState.PAUSED or now < kept.not_before:
                continue
            if self._surveys.running >= MOST_AT_ONCE:
                return
            order = self._order(kept, now)
            if order.tasks or order.gone:
                self._surveys.begin(kept, order)

    def next_due(self) -> float | None:
        """When `turn` has something to do, of the monotonic clock."""
        moments = []
        if self.folders and self._receiver.has_news:
            moments.append(self._listens_at)
        for kept in self.folders.values():
            if kept.surveying:
                continue
            if kept.watched.state is FolderState.PAUSED:
                if kept.watched.until is not None:
                    moments.append(self._clock() + max(0.0, kept.watched.until - self._wall()))
                continue
            asks = kept.watched.state is FolderState.ASKING and not kept.yes
            due = [kept.full_due, *([] if asks else kept.gone.values())]
            if kept.tasks:
                due.append(0.0)
            if (quiet := kept.quiet.next_due()) is not None:
                due.append(quiet)
            moments.append(max(kept.not_before, min(due)))
        return min(moments, default=None)

    # -- inside

    def _keep(self, watched: Watched) -> None:
        kept = Kept(watched, full_due=self._clock())
        kept.hints = self._hints(watched.local, lambda hint: self._heard(watched.id, hint))
        self.folders[watched.id] = kept
        self._presence.watching = True
        kept.hints.start()

    def _real_hints(self, root: bytes, heard: Callable[[Hint], None]) -> Hints:
        return Hints(root, heard, own_folder=self._own_folder)

    def _heard(self, id_: int, hint: Hint) -> None:
        """In a thread of the watcher."""
        self._control.post(lambda: self._hint(id_, hint))

    def _hint(self, id_: int, hint: Hint) -> None:
        kept = self.folders.get(id_)
        if kept is None:
            return
        now = self._clock()
        match hint:
            case Dirty(folder):
                kept.quiet.dirty(folder, now)
            case Grown(folder):
                kept.quiet.grown(folder, now)
            case Closed(path):
                # One that is opened anew for every line is a file that grows.
                grows = now - kept.closed.get(path, -REOPENED_SECONDS) < REOPENED_SECONDS
                (kept.quiet.grown if grows else kept.quiet.dirty)(parted(path)[0], now)
                kept.closed[path] = now
                self._hurry(kept, path)
            case Doubtful(reason):
                self._compare_all(kept, reason)

    def _hurry(self, kept: Kept, path: bytes) -> None:
        """Whoever wrote it is done: it need not settle for long."""
        try:
            row = self._ledger.under_way(kept.watched.id, path.decode("utf-8"))
        except UnicodeDecodeError:
            return
        if row is not None:
            self._waits.hurry(row.id, CLOSED_SECONDS)

    def _compare_all(self, kept: Kept, why: str) -> None:
        kept.doubt, kept.full_due, kept.not_before = why, self._clock(), 0.0

    def listen(self, settled: bool = False) -> None:
        """Is the receiver the one that it was? `settled`: no other answer was on its way."""
        if self.folders and self._receiver.is_another(settled=settled):
            for kept in self.folders.values():
                kept.there = True
                self._compare_all(kept, "the receiver was restored from a copy, or is another")

    def _go_on_by_itself(self, kept: Kept) -> None:
        watched = kept.watched
        if watched.state is not FolderState.PAUSED or watched.until is None:
            return
        if self._wall() >= watched.until:
            self._compare_all(kept, "it was paused")
            self._folders.set_state(kept, FolderState.ACTIVE)
            self._on_resumed(watched)

    def _order(self, kept: Kept, now: float) -> Order:
        tasks, kept.tasks = kept.tasks, []
        for due in kept.quiet.due(now):
            if isinstance(due, Doubtful):
                self._compare_all(kept, due.reason)
            else:
                tasks.append(Task(due.folder, due.recursive))
        kept.full_running = now >= kept.full_due
        if kept.full_running:
            tasks = [Task(b"", deep=True)]
            kept.full_due = now + kept.watched.settings.compare_seconds
        gone = [path for path, due in kept.gone.items() if due <= now]
        if kept.watched.state is FolderState.ASKING and not kept.yes:
            gone = [] if not kept.full_running else list(kept.gone)
        for path in gone:
            kept.gone.pop(path, None)
        there = kept.there and kept.full_running
        kept.there = kept.there and not there
        return Order(in_order(tasks), gone, kept.yes, there)
