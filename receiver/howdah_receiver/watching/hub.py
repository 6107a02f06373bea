"""What happens, to whoever watches. The truth is the table of changes, which is written in the transactions
that make them so: the hub reads on from the last number whenever one was committed. So nothing is told
before it is durable, and nothing is lost with a slow reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from howdah_common.messages_watching import Changed, Hello, Progress, SpaceRoom
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue import uploads as upload_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import changes
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.states import UploadState
from howdah_receiver.watching.standing import Standing, rooms, standings
from howdah_receiver.watching.watcher import Told, Watcher

MOST_WATCHERS = 256
MOST_AN_ACCOUNT = 8
REVOKED = 4401
"""The close code of who is no longer signed in. As 401 of HTTP."""
LOOK_SECONDS = 0.5
"""So often is looked at progress, and at who is still signed in and may see what."""
ROOM_SECONDS = 5
GATHER_SECONDS = 0.02
"""Changes that come as closely as this are read at once."""
REMEMBERED = 2_000
_ROWS = 500
_log = logging.getLogger(__name__)

Offload = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look found."""

    standings: dict[str, Standing]
    under_way: list[tuple[UploadRow, int]]
    ended: list[UploadRow]
    free_bytes: int | None
    rooms: dict[str, SpaceRoom]


class Hub:
    """Belongs to the event loop, but for `wake`. It works only while somebody watches."""

    def __init__(
        self,
        catalogue: Catalogue,
        sessions: Sessions,
        free_bytes: Callable[[], int],
        offload: Offload,
    ) -> None:
        self._catalogue = catalogue
        self._sessions = sessions
        self._free_bytes = free_bytes
        self._offload = offload
        self._watchers: set[Watcher] = set()
        # Also those that are about to be.
        self._places: Counter[str] = Counter()
        self._last = 0
        # Without a gap, up to the last.
        self._recent: list[Told] = []
        self._known: dict[str, int] = {}
        self._room_due = 0.0
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        catalogue.on_change.append(self.wake)

    def wake(self) -> None:
        """A change was committed. From any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._woken.set)

    @property
    def count(self) -> int:
        """How many watch."""
        return self._places.total()

    # -- watchers

    @contextlib.contextmanager
    def place(self, account_id: str) -> Iterator[None]:
        """For the block, one of those that may watch. Raises ProblemError (too_many_watchers)."""
        if self.count >= MOST_WATCHERS or self._places[account_id] >= MOST_AN_ACCOUNT:
            raise ProblemError("too_many_watchers")
        self._places[account_id] += 1
        try:
            yield
        finally:
            self._places[account_id] -= 1
            self._places += Counter()  # drops what is down to none

    async def join(self, caller: Caller, since: int | None) -> Watcher:
        """Watch from now on, or from change number `since` on, until `leave`.

        Raises ProblemError: not_signed_in, storage_failed.
        """
        standing, last = await self._offload(self._begin, caller.device_id)
        if standing is None:
            raise ProblemError("not_signed_in")
        if not self._tasks:
            self._start(last)
        hello = Hello(
            catalogue=self._catalogue.id,
            change=self._last,
            account=caller.account_id,
            device=caller.device_id,
        )
        watcher = Watcher(self, standing, hello, since)
        self._watchers.add(watcher)
        self._room_due = 0.0
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        if not self._watchers:
            self._stop()

    def _begin(self, device_id: str) -> tuple[Standing | None, int]:
        with self._catalogue.read() as connection:
            found = standings(connection, [device_id]).get(device_id)
            return found, connection.execute(select(func.max(changes.c.number))).scalar() or 0

    def _start(self, last: int) -> None:
        """Nobody has watched for a while: what is remembered would have a gap."""
        self._last = last
        self._recent.clear()
        self._known.clear()
        self._sessions.ended.clear()
        self._loop = asyncio.get_running_loop()
        self._woken.set()
        self._tasks = [
            asyncio.create_task(self._again(self._follow)),
            asyncio.create_task(self._again(self._look)),
        ]

    def _stop(self) -> None:
        self._loop = None
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _again(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception:  # noqa: BLE001 - one failure (a disk, say) never ends the watching
                _log.exception("events")
                await asyncio.sleep(ROOM_SECONDS)

    # -- changes

    @property
    def last(self) -> int:
        return self._last

    async def _follow(self) -> None:
        await self._woken.wait()
        await asyncio.sleep(GATHER_SECONDS)
        self._woken.clear()
        while found := await self._offload(self._read, self._last, _ROWS):
            self._recent = [*self._recent, *found][-REMEMBERED:]
            self._last = found[-1].change.number
            for watcher in self._watchers:
                watcher.wake()

    async def changes_after(self, number: int, count: int) -> list[Told] | None:
        recent = self._recent
        if recent and recent[0].change.number <= number + 1:
            at = bisect_right(recent, number, key=lambda told: told.change.number)
            return recent[at : at + count]
        found: list[Told] | None = await self._offload(self._replay, number, count)
        return found

    def _read(self, number: int, count: int) -> list[Told]:
        with self._catalogue.read() as connection:
            return _changes(connection, number, count)

    def _replay(self, number: int, count: int) -> list[Told] | None:
        with self._catalogue.read() as connection:
            first = connection.execute(select(func.min(changes.c.number))).scalar()
            if first is None or number + 1 < first:
                return None
            return _changes(connection, number, count)

    # -- everything else

    async def _look(self) -> None:
        with_room = time.monotonic() >= self._room_due
        if with_room:
            self._room_due = time.monotonic() + ROOM_SECONDS
        seen: _Seen = await self._offload(
            self._see, [w.standing.caller.device_id for w in self._watchers], with_room
        )
        for watcher in list(self._watchers):
            standing = seen.standings.get(watcher.standing.caller.device_id)
            if standing is None:
                watcher.close(REVOKED)
                continue
            if standing.readable != watcher.standing.readable:
                self._room_due = 0.0
            watcher.standing = standing
        self._tell_progress(seen)
        if seen.free_bytes is not None:
            for watcher in self._watchers:
                watcher.offer_room(seen.free_bytes, seen.rooms)
        await asyncio.sleep(LOOK_SECONDS)

    def _see(self, device_ids: list[str], with_room: bool) -> _Seen:
        """In a thread."""
        ended: dict[str, UploadRow] = {}
        while self._sessions.ended:
            row = self._sessions.ended.popleft()
            ended[row.id] = row
        with self._catalogue.read() as connection:
            found = standings(connection, device_ids)
            spaces = frozenset[str]().union(*(standing.readable for standing in found.values()))
            watched = [
                upload_rows.by_id(connection, row.id)
                for row in ended.values()
                if any(standing.sees_upload(row) for standing in found.values())
            ]
            return _Seen(
                standings=found,
                under_way=self._sessions.under_way(),
                ended=[row for row in watched if row is not None],
                free_bytes=self._free_bytes() if with_room else None,
                rooms=rooms(connection, spaces) if with_room else {},
            )

    def _tell_progress(self, seen: _Seen) -> None:
        under_way = {row.id: count for row, count in seen.under_way}
        for row, count in seen.under_way:
            if self._known.get(row.id) != count:
                speed = int(self._sessions.activity.bytes_per_second(row.id))
                self._offer(row, _progress(row, count, speed))
        for row in seen.ended:
            size = row.size if row.state is UploadState.PUBLISHED else None
            self._offer(row, _progress(row, row.received_bytes if size is None else size, 0))
        self._known = under_way

    def _offer(self, row: UploadRow, progress: Progress) -> None:
        for watcher in self._watchers:
            if watcher.standing.sees_upload(row):
                watcher.offer_progress(progress)


def _progress(row: UploadRow, received_bytes: int, speed: int) -> Progress:
    return Progress(
        upload=row.id,
        space=row.space_id,
        path=row.path,
        state=row.state.value,
        size=row.size,
        received_bytes=received_bytes,
        bytes_per_second=speed,
    )


def _changes(connection: Connection, number: int, count: int) -> list[Told]:
    query = (
        select(changes)
        .where(changes.c.number > number)
        .order_by(changes.c.number)
        .limit(count)
    )  # fmt: skip
    return [
        Told(
            Changed(
                number=row.number,
                time_ns=row.time_ns,
                what=row.kind,
                space=row.space_id,
                path=row.path,
                from_path=row.from_path,
                file=row.file_id,
                version=row.version_id,
                account=row.account_id,
                device=row.device_id,
            )
        )
        for row in connection.execute(query)
    ]
