"""Uploads of which nothing comes: into recovery after a while, and gone after another.

In recovery an upload keeps its part, its chunks and its room; any call that goes on with it (all but GET)
takes it up again. When, is told by the wall clock, which is the one that outlives a restart. As that may
jump, an upload of which this process saw something lately stays open in any case, and what a jump expires by
mistake still has its whole time in recovery, counted from then on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import resting
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.states import UploadState
from howdah_receiver.uploads.turns import Turns

LONGEST_BETWEEN_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Expiry:
    """Thread-safe. `clock` gives nanoseconds since 1970."""

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Parts,
        sessions: Sessions,
        turns: Turns,
        *,
        idle_seconds: float,
        recovery_seconds: float,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`idle_seconds` of 0: none expires."""
        self._catalogue = catalogue
        self._parts = parts
        self._sessions = sessions
        self._turns = turns
        self._idle_seconds = idle_seconds
        self._recovery_seconds = recovery_seconds
        self._clock = clock

    @property
    def every_seconds(self) -> float:
        """How often to look."""
        spans = [span for span in (self._idle_seconds, self._recovery_seconds) if span]
        return min([LONGEST_BETWEEN_SECONDS, *(span / 4 for span in spans)])

    def ends_ns(self, upload: UploadRow) -> int | None:
        """When it goes into recovery, or is let go from there; None where neither happens by itself."""
        if upload.state is UploadState.EXPIRED and upload.expired_ns is not None:
            return upload.expired_ns + int(self._recovery_seconds * 1e9)
        if upload.state is UploadState.OPEN and self._idle_seconds:
            return upload.active_ns + int(self._idle_seconds * 1e9)
        return None

    def run(self, stopping: threading.Event) -> None:
        """Look through all uploads once."""
        if self._idle_seconds:
            self._expire_idle(stopping)
        self._let_go(stopping)
        self._sessions.activity.tidy(self._idle_seconds)

    def _expire_idle(self, stopping: threading.Event) -> None:
        before_ns = self._clock() - int(self._idle_seconds * 1e9)
        with self._catalogue.read() as connection:
            found = resting.idle(connection, before_ns)
        for upload_id in found:
            if stopping.is_set():
                return
            if self._sessions.activity.idle_seconds(upload_id) >= self._idle_seconds:
                self._expire(upload_id, before_ns)

    def _expire(self, upload_id: str, before_ns: int) -> None:
        with self._turns.of(upload_id):
            with self._catalogue.write() as connection:
                done = resting.expire(connection, upload_id, before_ns, self._clock())
            if not done:  # something came, or it ended
                return
            session = self._sessions.take(upload_id)
            if session is not None:
                try:
                    session.rest()
                except ProblemError as problem:  # what was in doubt is asked for again
                    _log.warning("upload %s: %s", upload_id, problem)
                finally:
                    session.close()
        _log.info("upload %s: nothing came for long, it is in recovery", upload_id)

    def _let_go(self, stopping: threading.Event) -> None:
        before_ns = self._clock() - int(self._recovery_seconds * 1e9)
        with self._catalogue.read() as connection:
            found = resting.over(connection, before_ns)
        for upload_id in found:
            if stopping.is_set():
                return
            with self._turns.of(upload_id):
                with self._catalogue.write() as connection:
                    done = resting.let_go(connection, upload_id, before_ns)
                if done:  # a part that a crash leaves behind here goes at the next start
                    with disk_errors():
                        self._parts.remove(upload_id)
            if done:
                _log.info("upload %s: its time in recovery is over", upload_id)


def taken_up(catalogue: Catalogue, upload: UploadRow) -> UploadRow:
    """The upload, open again where it was in recovery. Called in its turn."""
    if upload.state is not UploadState.EXPIRED:
        return upload
    with catalogue.write() as connection:
        resting.take_up(connection, upload.id, time.time_ns())
        row = rows.existing(connection, upload.id)
    _log.info("upload %s: taken up again", upload.id)
    return row
