"""What may have changed in a watched folder: hints, never truth.

One thread for each folder. Where the system tells of changes, every directory of the tree is watched; where
it does not, "compare everything" is said now and then. Whenever events were lost, or may have been, it is
said too: whoever goes by hints, and compares everything on a `Doubtful`, misses nothing that a comparison
sees.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from enum import Enum

from howdah_desktop.folders.hint_kinds import Closed, Dirty, Doubtful, Grown, Hint
from howdah_desktop.folders.limits import value_of
from howdah_desktop.folders.source import Lost, NoEvents, Source, identity_of

if sys.platform == "linux":
    from howdah_desktop.folders.inotify_source import InotifySource as SystemSource
else:
    from howdah_desktop.folders.observer_source import ObserverSource as SystemSource

__all__ = ["Closed", "Dirty", "Doubtful", "Grown", "Hint", "Hints", "Mode"]

_log = logging.getLogger(__name__)


class Mode(Enum):
    STARTING = "starting"
    """Nothing is told; a Doubtful comes at its end."""
    EVENTS = "events"
    POLLING = "polling"


POLL_SECONDS = 60.0
PROBE_SECONDS = 2.0
POLL_SHARE = 20
"""A comparison of everything may take one part in so many of the time."""
PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Before watching anew, the first time, the second, ..."""
CALM_SECONDS = 120.0
"""After so long without trouble the pauses begin from the shortest again."""
_STARTED = "changes are told from now on"


class Hints:
    def __init__(
        self,
        root: bytes,
        heard: Callable[[Hint], None],
        *,
        own_folder: bytes | None = None,
        poll_seconds: float = POLL_SECONDS,
        probe_seconds: float = PROBE_SECONDS,
        pauses_seconds: tuple[float, ...] = PAUSES_SECONDS,
    ) -> None:
        """`heard` is called in the thread of the watcher, and should be quick. `own_folder`: where this
        program keeps its own files, which is not watched."""
        self._root = os.path.abspath(root)
        self._heard = heard
        self._left_out = _inside(self._root, own_folder)
        self._poll_seconds = poll_seconds
        self._probe_seconds = probe_seconds
        self._pauses = pauses_seconds
        self._took = 0.0
        self._state: tuple[Mode, str] = Mode.STARTING, ""
        self._stop = threading.Event()
        self._source: Source | None = None
        self._failures = 0
        self._told: str | None = None  # the trouble since which nothing was watched
        self._thread = threading.Thread(target=self._run, name="howdah-hints", daemon=True)

    def start(self) -> None:
        """Once. Returns at once; the first Doubtful says that it is under way, in whichever mode."""
        self._thread.start()

    def stop(self) -> None:
        """Nothing is heard after it, unless it is called from `heard` itself."""
        self._stop.set()
        source = self._source
        if source is not None:
            source.stop()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def mode(self) -> Mode:
        return self._state[0]

    @property
    def why(self) -> str:
        """Why it polls, with what to do about it; else ""."""
        mode, why = self._state
        return why.format(every=_in_words(self._every())) if mode is Mode.POLLING else ""

    @property
    def watched(self) -> int:
        """Directories."""
        source = self._source
        return source.watched if source is not None else 0

    def took(self, seconds: float) -> None:
        """How long the last comparison of everything took. Any thread."""
        self._took = seconds

    def _every(self) -> float:
        return max(self._poll_seconds, POLL_SHARE * self._took)

    def _tell(self, hint: Hint) -> None:
        if not self._stop.is_set():
            self._heard(hint)

    # ---- the thread

    def _run(self) -> None:
        reason = _STARTED
        while not self._stop.is_set():
            begun = time.monotonic()
            say_at_once = True
            try:
                reason = self._watch(reason)
                continue
            except Lost as error:
                reason, say_at_once = str(error), not error.is_there
            except Exception:  # noqa: BLE001 - a folder whose watcher is dead looks like one at rest
                _log.exception("The watcher of %r ended", self._root)
                reason = "the watcher ended by a fault and was started again"
            self._state = Mode.STARTING, ""
            calm = time.monotonic() - begun > CALM_SECONDS
            self._failures = 1 if calm else self._failures + 1
            self._rest(reason if say_at_once else None)

    def _watch(self, reason: str) -> str:
        """Until it is stopped, or a place without events may have some; says why it is begun again."""
        source: Source = SystemSource(self._root, self._left_out, self._probe_seconds)
        self._source = source
        if self._stop.is_set():
            return reason
        try:
            source.follow(
                lambda: self._started(reason),
                lambda folder: self._tell(Dirty(folder)),
                lambda folder: self._tell(Grown(folder)),
                lambda path: self._tell(Closed(path)),
            )
        except NoEvents as found:
            self._source = None
            return self._poll(found)
        finally:
            self._source = None
        return reason

    def _started(self, reason: str) -> None:
        self._told = None
        self._state = Mode.EVENTS, ""
        self._tell(Doubtful(reason))

    def _rest(self, reason: str | None) -> None:
        """Before the next try. A trouble that lasts is told once."""
        try:
            if reason is not None and reason != self._told:
                self._tell(Doubtful(reason))
                self._told = reason
        except Exception:  # noqa: BLE001 - the thread goes on; it is told with the next try
            _log.exception("A hint about %r was not taken", self._root)
        self._stop.wait(self._pauses[min(self._failures, len(self._pauses)) - 1])

    # ---- polling

    def _poll(self, found: NoEvents) -> str:
        """Until watching may work; says why it is begun again."""
        self._failures = 0
        self._told = None
        self._state = Mode.POLLING, found.why
        identity = self._identity()
        while not self._stop.is_set():
            self._tell(Doubtful("polling"))
            self._stop.wait(self._every())
            if found.limit is not None and value_of(found.limit.name) > found.limit.value:
                return "the system lets more be watched now"
            if self._identity() != identity:
                return "something else stands where the folder was"
        return _STARTED

    def _identity(self) -> tuple[int, int] | None:
        try:
            return identity_of(self._root)
        except (Lost, NoEvents):
            return None


def _inside(root: bytes, folder: bytes | None) -> bytes | None:
    """`folder` relative to `root`, links resolved; None if it is not inside it."""
    if folder is None:
        return None
    beginning = os.path.realpath(root).rstrip(b"/") + b"/"
    folder = os.path.realpath(folder)
    return folder[len(beginning) :] if folder.startswith(beginning) else None


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
