"""The limits of a command that sends by itself: of the engine that runs, or by the same rules."""

from __future__ import annotations

import time
from pathlib import Path

from howdah_common.chunks import MIB
from howdah_common.problems import ProblemError
from howdah_desktop.engine import limits_file
from howdah_desktop.engine.control import RemoteEngine
from howdah_desktop.engine.limit_rules import Allowed, allowed
from howdah_desktop.engine.limiter import Limiter
from howdah_desktop.engine.showing import explain_limits
from howdah_desktop.surroundings import Surroundings, of_this_computer

CREDIT_BYTES = 64 * MIB
"""Asked for at once, so that a line without a limit costs few questions."""
CREDIT_SECONDS = 0.5
"""Older credit is void: the limit may be another one by now."""
LOOK_SECONDS = 30.0


class PipeLimits:
    """For one thread. One bucket for all that leaves this computer, as long as an engine runs."""

    def __init__(self, home: Path, surroundings: Surroundings | None = None) -> None:
        self._home = home
        self._around = surroundings or of_this_computer()
        self._engine: RemoteEngine | None = None
        self._limiter = Limiter()
        self._credit = 0
        self._asked_at = -CREDIT_SECONDS
        self._looked_at: float | None = None
        self._metered: bool | None = None
        self._on_battery: bool | None = None
        self.paused = ""
        """Why nothing may leave, for a person; empty: it may."""

    def some(self, wanted: int) -> int:
        """How many of `wanted` bytes may leave now; waits for them. 0: everything is paused."""
        now = time.monotonic()
        if not self._credit or now - self._asked_at > CREDIT_SECONDS:
            self._credit = self._ask(max(wanted, CREDIT_BYTES), wanted)
            self._asked_at = time.monotonic()
        count = min(wanted, self._credit)
        self._credit -= count
        return count

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _ask(self, most: int, wanted: int) -> int:
        try:
            self._engine = self._engine or RemoteEngine(self._home)
            count = self._engine.may_leave(most)
            self.paused = "" if count else "The limits pause everything; `howdah limit` shows why."
        except ProblemError:  # none runs, or it has just ended
            self.close()
            return self._by_myself(wanted)
        return count

    def _by_myself(self, wanted: int) -> int:
        try:
            found = self._allowed()
        except ProblemError as problem:
            self.paused = str(problem)
            return 0
        self.paused = explain_limits(found.paused)[0]
        if found.paused:
            return 0
        self._limiter.up.limit(found.up)
        return self._limiter.up.some(wanted, lambda: None)

    def _allowed(self) -> Allowed:
        """Raises ProblemError("limits_damaged")."""
        limits = limits_file.load(self._home)
        if self._looked_at is None or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            asks_network = limits.metered != "off" and limits.network == "auto"
            self._metered = self._around.metered() if asks_network else None
            self._on_battery = self._around.on_battery() if limits.battery != "off" else None
        return allowed(limits, time.time(), None, self._metered, self._on_battery)
