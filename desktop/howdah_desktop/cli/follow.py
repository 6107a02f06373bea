"""Transfers watched to their end, whoever runs the engine."""

from __future__ import annotations

import time
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_desktop.cli.display import ENDED, Display
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import Attached, attach
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.verdict import NEEDS_SIGN_IN, NEEDS_USER
from howdah_desktop.engine.views import Snapshot
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings

WAIT_SECONDS = 0.3
BETWEEN_LOOKS_SECONDS = 0.1
"""With thousands of small files there is always news; looking costs the engine time."""

Order = Callable[[Face], int | None]
"""Gives work to an engine; the number of its group, None to follow everything."""


class Follower:
    """One command's view of the engine. If the process that runs it ends, this one takes it over."""

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Receiver],
        display: Display,
        give_up_after_seconds: float | None = None,
        *,
        with_paused: bool = True,
    ) -> None:
        """`with_paused`: what is paused is waited for, until somebody lets it go on."""
        self._settings = settings
        self._connect = connect
        self._display = display
        self._give_up_after = give_up_after_seconds
        self._with_paused = with_paused
        self._moved_at = time.monotonic()
        self._position: tuple[object, ...] = ()
        self._last = Snapshot(0, ())
        self._group: int | None = None

    def run(self, order: Order) -> Exit:
        """Until all that was ordered has ended. Raises ProblemError, KeyboardInterrupt."""
        attached = attach(self._settings, self._connect)
        try:
            self._group = order(attached.engine)
            while True:
                try:
                    return self._follow(attached)
                except ProblemError as problem:
                    if problem.code != "engine_unreachable" or attached.is_ours:
                        raise
                attached.close()
                attached = attach(self._settings, self._connect)
        except KeyboardInterrupt:
            ours = attached.is_ours
            attached.close()
            self._say_how_to_go_on(ours)
            return self._ended(Exit.INTERRUPTED)
        finally:
            attached.close()

    def _follow(self, attached: Attached) -> Exit:
        since = 0
        while True:
            snapshot = attached.engine.snapshot(since, self._group, WAIT_SECONDS)
            since, self._last = snapshot.change, snapshot
            self._display.show(snapshot)
            if not self._unfinished(snapshot):
                self._finish_others(attached)
                return self._ended(Exit.NEEDS_YOU if self._needs_user(snapshot) else Exit.DONE)
            if ending := self._held_up(snapshot):
                return self._ended(ending)
            time.sleep(BETWEEN_LOOKS_SECONDS)

    def _held_up(self, snapshot: Snapshot) -> Exit | None:
        """What a command cannot wait for: a person, or longer than it was told to."""
        code = snapshot.receiver.code
        if code in NEEDS_SIGN_IN:
            return Exit.NOT_PAIRED
        if code in NEEDS_USER:
            return Exit.NEEDS_YOU
        now = time.monotonic()
        position = (snapshot.done_bytes, tuple(snapshot.counts.items()), snapshot.size)
        if position != self._position:
            self._position, self._moved_at = position, now
        if self._give_up_after is not None and now - self._moved_at > self._give_up_after:
            return Exit.GAVE_UP
        return None

    def _finish_others(self, attached: Attached) -> None:
        """What an earlier command left goes on as well, unless another process looks after it."""
        engine = attached.engine
        if not isinstance(engine, Engine):
            return
        told = False
        while engine.runnable(attached.watched_elsewhere()):
            if not told:
                told = True
                self._display.message("Earlier transfers go on; Ctrl-C leaves them for later.")
            snapshot = engine.snapshot(0, None, 0.0)
            if self._held_up(snapshot):
                return
            time.sleep(WAIT_SECONDS)

    def _unfinished(self, snapshot: Snapshot) -> bool:
        over = ENDED if self._with_paused else ENDED | {"paused"}
        return snapshot.listing or any(
            count for state, count in snapshot.counts.items() if state not in over
        )

    def _needs_user(self, snapshot: Snapshot) -> bool:
        return snapshot.counts.get("failed", 0) > 0

    def _say_how_to_go_on(self, ours: bool) -> None:
        if ours:
            self._display.message("Interrupted. Nothing is lost: `howdah resume` goes on.")
        else:
            self._display.message(
                "Another howdah goes on with it; `howdah cancel` stops it, `howdah status` shows it."
            )

    def _ended(self, exit_code: Exit) -> Exit:
        self._display.summary(self._last, exit_code)
        return exit_code
