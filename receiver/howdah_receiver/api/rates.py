"""How fast bodies are read, where that is limited: nothing fails, it takes its time.

Whoever has read something waits here for what it is worth, so that the next is read later; meanwhile uvicorn
stops reading, and the line's own flow control does the rest. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field

MOST_AT_A_TURN_BYTES = 64 * 1024
SHORTEST_SLEEP_SECONDS = 0.005
"""Less is made good later: a loop that sleeps for microseconds does nothing else."""


@dataclass(slots=True)
class _Waits:
    """For so many more bytes."""

    left: int
    turn: asyncio.Future[None]


@dataclass
class Pace:
    """When the next bytes may pass, one after the other; `loop.time()` in seconds."""

    bytes_per_second: int
    free_at: float = 0.0

    def take(self, count: int, now: float) -> float:
        """Seconds to wait for what passes now."""
        self.free_at = max(self.free_at, now) + count / self.bytes_per_second
        return self.free_at - now


@dataclass
class Rates:
    """0: no limit."""

    all_bytes_per_second: int = 0
    account_bytes_per_second: int = 0
    # Of accounts that send; what has caught up is let go.
    _paces: dict[str, Pace] = field(default_factory=dict)
    # Those who wait for their part of the whole, by account; accounts take turns.
    _waiting: OrderedDict[str, deque[_Waits]] = field(default_factory=OrderedDict)
    _serving: asyncio.Task[None] | None = None

    @property
    def limited(self) -> bool:
        return bool(self.all_bytes_per_second or self.account_bytes_per_second)

    async def passed(self, account_id: str, count: int) -> None:
        """So many bytes of the account were read: wait until that many may have been."""
        if self.account_bytes_per_second:
            await asyncio.sleep(self._own_wait(account_id, count))
        if self.all_bytes_per_second:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(account_id, deque()).append(_Waits(count, turn))
            if self._serving is None:
                self._serving = asyncio.create_task(self._serve())
            await turn

    def _own_wait(self, account_id: str, count: int) -> float:
        now = asyncio.get_running_loop().time()
        if account_id not in self._paces:
            self._paces = {id_: pace for id_, pace in self._paces.items() if pace.free_at > now}
            self._paces[account_id] = Pace(self.account_bytes_per_second)
        return self._paces[account_id].take(count, now)

    async def _serve(self) -> None:
        """A little of one, a little of the next, an account each time: as many bytes for each, however
        many connections it has."""
        pace = Pace(self.all_bytes_per_second)
        loop = asyncio.get_running_loop()
        most = max(1, min(MOST_AT_A_TURN_BYTES, self.all_bytes_per_second // 10))
        try:
            while self._waiting:
                account_id, waiting = self._waiting.popitem(last=False)
                one = waiting[0]
                if not one.turn.done():  # it may have gone away
                    count = min(one.left, most)
                    one.left -= count
                    seconds = pace.take(count, loop.time())
                    if seconds > SHORTEST_SLEEP_SECONDS:
                        await asyncio.sleep(seconds)
                if one.left <= 0 or one.turn.done():
                    waiting.popleft()
                    if not one.turn.done():
                        one.turn.set_result(None)
                if waiting:  # behind all others, and those who came meanwhile
                    waiting.extend(self._waiting.pop(account_id, ()))
                    self._waiting[account_id] = waiting
        finally:
            self._serving = None
