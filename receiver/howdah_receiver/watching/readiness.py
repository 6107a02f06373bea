"""Whether the receiver takes calls: for load balancers and service managers, who ask often and may be
anybody. So it is looked up once for all who ask at the same time, and tells nothing but yes or no.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.dialects import sqlite

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import meta

HOLDS_SECONDS = 1
"""So long an answer holds."""
COMMIT_SECONDS = 10
"""So often is the catalogue written to, to see whether it can be: each time is an fsync."""
PATIENCE_SECONDS = 2
"""What takes longer is not ready: a disk that hangs, say."""
_log = logging.getLogger(__name__)


class Readiness:
    """Belongs to the event loop."""

    def __init__(
        self,
        catalogue: Catalogue,
        check_room: Callable[[], None],
        offload: Callable[..., Awaitable[Any]],
    ) -> None:
        """`check_room` raises OSError where uploads find no room."""
        self._catalogue = catalogue
        self._check_room = check_room
        self._offload = offload
        self._good = False
        self._until = 0.0
        self._committed = -float(COMMIT_SECONDS)
        self._looking: asyncio.Future[bool] | None = None
        self.stopping = False
        """Set once a stop was asked for."""

    async def check(self) -> None:
        """Raises ProblemError (unavailable)."""
        if not self.stopping and time.monotonic() >= self._until:
            await self._look_again()
        if self.stopping or not self._good:
            raise ProblemError("unavailable")

    async def _look_again(self) -> None:
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._offload(self._look))
            self._looking.add_done_callback(self._seen)
        # It goes on, and whoever asks next finds what it came to: a disk that hangs costs one thread.
        done, _ = await asyncio.wait({self._looking}, timeout=PATIENCE_SECONDS)
        if not done:
            self._good = False

    def _seen(self, looking: asyncio.Future[bool]) -> None:
        self._looking = None
        failed = looking.cancelled() or looking.exception() is not None
        self._good = not failed and looking.result()
        self._until = time.monotonic() + HOLDS_SECONDS

    def _look(self) -> bool:
        """In a thread."""
        try:
            self._check_room()
            if not self._good or time.monotonic() - self._committed >= COMMIT_SECONDS:
                self._commit()
        except (OSError, ProblemError) as error:
            _log.warning("not ready: %s", error)
            return False
        return True

    def _commit(self) -> None:
        row = {"name": "looked_ns", "value": str(time.time_ns())}
        look = sqlite.insert(meta).values(row)
        with self._catalogue.write() as connection:
            connection.execute(
                look.on_conflict_do_update(index_elements=(meta.c.name,), set_=row)
            )  # fmt: skip
        self._committed = time.monotonic()
