"""One who watches: what of all that happens is still to be told to them. What is to be told never grows with
how slowly they read: changes are numbered and can be read again, of everything else the newest counts."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from howdah_common.messages_watching import Changed, Hello, Progress, Resync, Room, SpaceRoom
from howdah_receiver.watching.standing import Standing

AT_ONCE = 200
"""So many changes are looked at before what else there is gets its turn."""
MOST_MISSED = 10_000
"""Who has missed more looks at the trees again instead."""
NOTEWORTHY_BYTES = 100 * 10**6
_PERCENT = 100


class Told:
    """A change, encoded once for all who are told of it."""

    __slots__ = ("change", "text")

    def __init__(self, change: Changed) -> None:
        self.change = change
        self.text = msgspec.json.encode(change).decode()


class Record(Protocol):
    """Where changes are read (`hub.Hub`)."""

    @property
    def last(self) -> int:
        """The number of the newest change."""

    async def changes_after(self, number: int, count: int) -> list[Told] | None:
        """The next ones, ascending, at most so many; None where they are not there any more."""


class Watcher:
    """Belongs to the event loop."""

    def __init__(self, record: Record, standing: Standing, hello: Hello, since: int | None) -> None:
        self.standing = standing
        self._record = record
        self._cursor = hello.change if since is None else since
        self._news = asyncio.Event()
        self._first: list[str] = [msgspec.json.encode(hello).decode()]
        self._progress: dict[str, Progress] = {}
        self._room: Room | None = None
        self._told_room: Room | None = None
        self.close_code: int | None = None

    # -- what the hub says

    def wake(self) -> None:
        """There are changes."""
        self._news.set()

    def offer_progress(self, progress: Progress) -> None:
        self._progress[progress.upload] = progress
        self._news.set()

    def offer_room(self, free_bytes: int, rooms: dict[str, SpaceRoom]) -> None:
        """Told if it is another room than the last that was told, by enough."""
        if self.standing.caller.send_only:
            return
        own = [rooms[space] for space in sorted(self.standing.readable) if space in rooms]
        room = Room(free_bytes=free_bytes, spaces=own)
        if self._told_room is None or is_news(self._told_room, room):
            self._room = self._told_room = room
            self._news.set()

    def close(self, code: int) -> None:
        self.close_code = code
        self._news.set()

    # -- what the socket asks

    async def next(self) -> list[str] | None:
        """What is to be told now, once there is something; None: the socket is to be closed."""
        while self.close_code is None:
            self._news.clear()
            found = [*self._first, *await self._changes(), *self._others()]
            self._first = []
            if self._cursor < self._record.last:
                self._news.set()
            if found:
                return found
            await self._news.wait()
        return None

    async def _changes(self) -> list[str]:
        last = self._record.last
        if self._cursor == last:
            return []
        found = None
        if 0 <= last - self._cursor <= MOST_MISSED:
            found = await self._record.changes_after(self._cursor, AT_ONCE)
        if found is None:
            self._cursor = self._record.last
            return [msgspec.json.encode(Resync(change=self._cursor)).decode()]
        if found:
            self._cursor = found[-1].change.number
        readable = self.standing.readable
        return [told.text for told in found if told.change.space in readable]

    def _others(self) -> list[str]:
        found: list[Progress | Room] = list(self._progress.values())
        if self._room is not None:
            found.append(self._room)
        self._progress, self._room = {}, None
        return [msgspec.json.encode(message).decode() for message in found]


def is_news(before: Room, now: Room) -> bool:
    """By 1 % or 100 MB, whichever is less; or another space, or another quota."""
    if [_bounds(space) for space in before.spaces] != [_bounds(space) for space in now.spaces]:
        return True
    pairs = [(before.free_bytes, now.free_bytes)]
    for old, new in zip(before.spaces, now.spaces, strict=True):
        pairs += [(old.used_bytes, new.used_bytes), (old.used_files, new.used_files)]
    return any(_is_far(old, new) for old, new in pairs)


def _bounds(space: SpaceRoom) -> tuple[str, int | None, int | None]:
    return space.space, space.quota_bytes, space.quota_files


def _is_far(old: int, new: int) -> bool:
    return abs(new - old) > min(old // _PERCENT, NOTEWORTHY_BYTES)
