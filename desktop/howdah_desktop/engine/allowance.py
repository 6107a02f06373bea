"""How much may be sent and fetched now: the limits as they were said, and what follows from them now."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine import limits_file
from howdah_desktop.engine.control_thread import ControlThread
from howdah_desktop.engine.limit_rules import Allowed, Limits, allowed
from howdah_desktop.engine.limiter import Limiter
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.showing import explain_limits
from howdah_desktop.engine.views import LimitsView
from howdah_desktop.surroundings import Surroundings

LOOK_SECONDS = 30.0
"""So often network and power are looked at, while a limit depends on them; and the clock, which may jump."""


@dataclass(slots=True)
class _Seen:
    metered: bool | None = None
    on_battery: bool | None = None


class Allowance:
    """Belongs to the control thread. A pause here is one of everything, and no change of any row."""

    def __init__(
        self,
        control: ControlThread,
        home: Path,
        link: Link,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        surroundings: Surroundings,
    ) -> None:
        self._control = control
        self._home = home
        self._link = link
        self._on_change = on_change
        self._clock = clock
        self._surroundings = surroundings
        self._limits = Limits()
        self._damaged = ""
        self._seen = _Seen()
        self._looking = False
        self._looked_at: float | None = None
        self._decided_at = 0.0
        self._allowed = Allowed()
        self.limiter = Limiter()

    @property
    def may_move(self) -> bool:
        """Whether anything may be sent or fetched at all.

        Not either before it is known whether this is a network on which nothing may.
        """
        first_look = self._depends and self._looked_at is None
        return not (self._damaged or self._allowed.paused or first_look)

    def begin(self) -> None:
        try:
            self._limits = limits_file.load(self._home)
        except ProblemError as problem:
            # They were set for a reason, perhaps a bill: what nobody can read does not mean none.
            self._damaged = problem.detail
        self._decide()
        self._look()

    def change(self, limits: Limits) -> None:
        """From now on, and kept. Raises ProblemError: local_full, target_unwritable."""
        limits_file.save(self._home, limits)
        self._limits, self._damaged = limits, ""
        self._decide()
        self._look()

    def view(self) -> LimitsView:
        found, paused = self._allowed, "limits" if self._damaged else self._allowed.paused
        sentence, remedy = explain_limits(paused, self._damaged)
        next_try = found.next_change if paused == "schedule" else None
        return LimitsView(
            paused, sentence, remedy, next_try, found.up, found.down, found.next_change
        )

    def may_leave(self, wanted: int) -> int:
        """For any thread: of `wanted` bytes, once some may; 0: everything is paused."""
        if not self.may_move:
            return 0
        return self.limiter.up.some(wanted, self._control.check)

    def next_due(self) -> float | None:
        """When `wake` has something to do (monotonic); None: when something else happens."""
        if not (self._depends or self._limits.rules):
            return None
        due = self._decided_at + LOOK_SECONDS
        if self._allowed.next_change is not None:
            due = min(due, time.monotonic() + self._allowed.next_change - self._clock())
        return due

    def wake(self) -> None:
        """Decide again where the time has come, and look how network and power are."""
        due = self.next_due()
        if due is None or due > time.monotonic():
            return
        self._decide()
        self._look()

    @property
    def _depends(self) -> bool:
        """Whether it matters how network and power are."""
        asks_network = self._limits.metered != "off" and self._limits.network == "auto"
        return asks_network or self._limits.battery != "off"

    def _look(self) -> None:
        if not self._depends or self._looking:
            return
        now = time.monotonic()
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return
        self._looking = True

        def look() -> _Seen:
            return _Seen(self._surroundings.metered(), self._surroundings.on_battery())

        self._control.submit(look, self._looked)

    def _looked(self, found: _Seen | ProblemError) -> None:
        self._looking = False
        self._looked_at = time.monotonic()
        self._seen = found if isinstance(found, _Seen) else _Seen()
        self._decide()

    def _decide(self) -> None:
        self._decided_at = time.monotonic()
        seen = self._seen
        before = self.view()
        self._allowed = allowed(self._limits, self._clock(), None, seen.metered, seen.on_battery)
        self.limiter.up.limit(self._allowed.up)
        self.limiter.down.limit(self._allowed.down)
        self._link.limited_to(self._allowed.up)
        if self.view() != before:
            self._on_change()
