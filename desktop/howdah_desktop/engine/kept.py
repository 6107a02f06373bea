"""A watched folder while an engine runs: what is to be looked at, what is missing, what holds it up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from howdah_common.problems import ProblemError
from howdah_desktop.engine.survey_report import Report
from howdah_desktop.engine.views import FreedView
from howdah_desktop.folders.found import Task
from howdah_desktop.folders.hints import Hints
from howdah_desktop.folders.quiet import Quiet
from howdah_desktop.folders.watched import Watched

GONE_SECONDS = 3.0
"""What is missing may have moved to where nobody looked yet: so long it is only missing."""
CLOSED_KEPT_SECONDS = 60.0


@dataclass(slots=True)
class Kept:
    """Times are of the monotonic clock."""

    watched: Watched
    hints: Hints | None = None
    quiet: Quiet = field(default_factory=Quiet)
    tasks: list[Task] = field(default_factory=list)
    gone: dict[bytes, float] = field(default_factory=dict)
    """Missing, and when that counts as deleted."""
    closed: dict[bytes, float] = field(default_factory=dict)
    """Closed by whoever wrote them, and when."""
    full_due: float = 0.0
    """When everything is compared again."""
    surveying: bool = False
    full_running: bool = False
    yes: bool = False
    there: bool = False
    """The receiver may have lost what was agreed on."""
    attempt: int = 0
    not_before: float = 0.0
    held_up: ProblemError | None = None
    """Why the tree there could not be brought up to date."""
    last: Report | None = None
    doubt: str = ""
    freed: FreedView | None = None

    def misses(self, paths: Iterable[bytes], now: float) -> None:
        """Not there just now; what was missing before goes on being so."""
        for path in paths:
            self.gone.setdefault(path, now + GONE_SECONDS)

    def forget_closed(self, now: float) -> None:
        """What was closed long ago tells nothing any more."""
        for path in [path for path, at in self.closed.items() if at < now - CLOSED_KEPT_SECONDS]:
            del self.closed[path]
