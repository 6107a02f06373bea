"""Passwords under attack: what is refused before anything is hashed, and who comes next.

Each address has few places in the queue, and turns go round the addresses, those without failures first:
whoever floods it waits behind themselves. Failures make an address wait longer and longer. For an account
they do so too, but not at addresses that it was signed in from before, so that nobody locks its user out.
Memory is bounded: what was not seen for longest is forgotten first.

All of it lives in the event loop: nothing here is thread-safe.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from howdah_common.problems import ProblemError

FREE_FAILURES = 4
MOST_DELAY_SECONDS = 60.0
FORGET_SECONDS = 15 * 60.0
MOST_KEYS = 10_000
MOST_WAITING = 64
MOST_WAITING_PER_ADDRESS = 2

_FAILURES = frozenset(
    {"login_refused", "password_refused", "signup_closed", "invitation_refused", "email_taken",
     "name_taken"}
)  # fmt: skip
"""What counts as a failure: each of these tells a stranger something."""


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, all of which one customer has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address  # a socket's peer has none
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found.packed, 64), strict=False))
    return address


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Backoff:
    """Failures by key. Times are seconds of a monotonic clock."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def wait_seconds(self, key: str, now: float) -> float:
        """How long the key must still be left alone; 0: not at all."""
        failures = self._failures.get(key)
        if failures is None or failures.count <= FREE_FAILURES:
            return 0.0
        delay = min(2.0 ** min(failures.count - FREE_FAILURES - 1, 16), MOST_DELAY_SECONDS)
        return max(0.0, failures.last + delay - now)

    def failed(self, key: str, now: float) -> None:
        failures = self._failures.pop(key, None)
        if failures is None or now - failures.last > FORGET_SECONDS:
            failures = _Failures(0, now)
        failures.count, failures.last = failures.count + 1, now
        self._failures[key] = failures
        while len(self._failures) > self._most_keys:
            self._failures.popitem(last=False)

    def count(self, key: str) -> int:
        failures = self._failures.get(key)
        return failures.count if failures else 0

    def forget(self, key: str) -> None:
        self._failures.pop(key, None)


class Turns:
    """A few at once, the others in a queue for each key.

    Next is the key of the lowest rank, and among those the one with the fewest under way, then the one whose
    last turn is longest ago.
    """

    def __init__(self, at_once: int, *, most_waiting: int = MOST_WAITING) -> None:
        self._free = at_once
        self._most_waiting = most_waiting
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._ranks: dict[str, int] = {}
        self._under_way: Counter[str] = Counter()
        self._turns = 0
        # Of those who have something under way or waiting: the number of their last turn.
        self._last_turns: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, key: str, rank: int = 0) -> AsyncIterator[None]:
        """Raises ProblemError (too_many_attempts) where too many wait already."""
        if self._free and not self._queues:
            self._free -= 1
            self._begin(key)
        else:
            await self._wait(key, rank)
        try:
            yield
        finally:
            self._pass_on(key)

    async def _wait(self, key: str, rank: int) -> None:
        queue = self._queues.get(key, deque())
        waiting = sum(map(len, self._queues.values()))
        if len(queue) >= MOST_WAITING_PER_ADDRESS or waiting >= self._most_waiting:
            raise ProblemError("too_many_attempts", extra={"retry_after_seconds": 2})
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._queues[key], self._ranks[key] = queue, rank
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(key)  # it had come already
            raise

    def _begin(self, key: str) -> None:
        self._turns += 1
        self._under_way[key] += 1
        self._last_turns[key] = self._turns

    def _pass_on(self, ended: str) -> None:
        self._under_way[ended] -= 1
        if not self._under_way[ended]:
            del self._under_way[ended]
            if ended not in self._queues:
                del self._last_turns[ended]
        while self._queues:
            key = min(self._queues, key=self._place)
            queue, rank = self._queues.pop(key), self._ranks.pop(key)
            turn = queue.popleft()
            if queue:  # behind all others
                self._queues[key], self._ranks[key] = queue, rank
            if not turn.done():
                self._begin(key)
                turn.set_result(None)
                return
            if not queue and not self._under_way[key]:
                self._last_turns.pop(key, None)
        self._free += 1

    def _place(self, key: str) -> tuple[int, int, int]:
        return self._ranks[key], self._under_way[key], self._last_turns.get(key, 0)


class Attempts:
    """Who may try a password now."""

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._turns = Turns(at_once)
        self._clock = clock
        self._addresses = Backoff()
        self._logins = Backoff()

    @asynccontextmanager
    async def attempt(
        self,
        address: str,
        login: str = "",
        knows: Callable[[], Awaitable[bool]] | None = None,
        *,
        always_counts: bool = False,
    ) -> AsyncIterator[None]:
        """The block tries a password, and its problems tell how that went.

        `login`: the account that is tried, as the stranger calls it. `knows`: whether that account was
        signed in from this address before. `always_counts`: what succeeds must not be done often, either.
        Raises ProblemError (too_many_attempts) before anything is hashed.
        """
        network, login = network_of(address), login.casefold()[:300]
        known = await self._check(network, login, knows)
        async with self._turns.turn(network, self._addresses.count(network) - known):
            await self._check(network, login, knows)  # others of its kind failed meanwhile
            try:
                yield
            except ProblemError as problem:
                if problem.code in _FAILURES:
                    self._count(network, login)
                raise
        if always_counts:
            self._addresses.failed(network, self._clock())
        if login:
            self._logins.forget(login)

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """For what hashes and tries nothing. Raises ProblemError (too_many_attempts)."""
        network = network_of(address)
        async with self._turns.turn(network, self._addresses.count(network)):
            yield

    async def _check(
        self, network: str, login: str, knows: Callable[[], Awaitable[bool]] | None
    ) -> bool:
        """Whether the account was signed in from there before: it waits for no stranger."""
        _refuse(self._addresses.wait_seconds(network, self._clock()))
        known = knows is not None and await knows()
        if login and not known:
            _refuse(self._logins.wait_seconds(login, self._clock()))
        return known

    def _count(self, network: str, login: str) -> None:
        self._addresses.failed(network, self._clock())
        if login:
            self._logins.failed(login, self._clock())


def _refuse(wait_seconds: float) -> None:
    if wait_seconds > 0:
        extra = {"retry_after_seconds": math.ceil(wait_seconds)}
        raise ProblemError("too_many_attempts", extra=extra)


class PerMinute:
    """At most so many a minute, for each key and in all. Bounded."""

    def __init__(self, per_key: int, in_all: int) -> None:
        self._per_key, self._in_all = per_key, in_all
        self._seen: deque[tuple[float, str]] = deque()

    def check(self, key: str, now: float) -> None:
        """Raises ProblemError (too_many_attempts)."""
        while self._seen and now - self._seen[0][0] > 60:
            self._seen.popleft()
        own = sum(1 for _, who in self._seen if who == key)
        if own >= self._per_key or len(self._seen) >= self._in_all:
            raise ProblemError("too_many_attempts", extra={"retry_after_seconds": 60})

    def add(self, key: str, now: float) -> None:
        self._seen.append((now, key))
