"""Passwords under attack, without a clock and a receiver: who waits, who is shed, what is remembered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.attempts import (
    MOST_KEYS,
    Attempts,
    Backoff,
    PerMinute,
    Turns,
    network_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def shed(ask: Callable[[], object]) -> int:
    """Seconds to wait, as it is refused."""
    with pytest.raises(ProblemError) as refused:
        ask()
    assert refused.value.code == "too_many_attempts"
    return int(refused.value.extra["retry_after_seconds"])


# -- failures


def test_the_delay_doubles_from_the_fifth_failure_up_to_a_minute() -> None:
    backoff, now, waits = Backoff(), 0.0, []
    for _ in range(14):
        backoff.failed("a", now)
        waits.append(backoff.wait_seconds("a", now))
        now += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert backoff.wait_seconds("a", now) == 0
    assert backoff.wait_seconds("b", now) == 0


def test_failures_are_forgotten_after_a_quarter_of_an_hour() -> None:
    backoff = Backoff()
    for _ in range(20):
        backoff.failed("a", 0.0)
    assert backoff.count("a") == 20
    backoff.failed("a", 15 * 60 + 1)
    assert backoff.wait_seconds("a", 15 * 60 + 1) == 0


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    backoff = Backoff()
    for number in range(MOST_KEYS + 500):
        backoff.failed(f"k{number}", float(number))
        backoff.failed("always there", float(number))
    assert len(backoff) == MOST_KEYS
    assert backoff.count("always there") == MOST_KEYS + 500
    assert backoff.count("k0") == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_a_customer_s_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_so_many_a_minute_from_one_and_from_all() -> None:
    limit = PerMinute(2, 3)
    for who in ("a", "a", "b"):
        limit.check(who, 0.0)
        limit.add(who, 0.0)
    assert shed(lambda: limit.check("a", 1.0)) == 60
    assert shed(lambda: limit.check("c", 1.0)) == 60
    limit.check("a", 61.0)


# -- turns


class Crowd:
    """Some who want a turn, and the order in which they got it. Nobody's turn ends by itself."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.refused: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ends: dict[str, asyncio.Event] = {}

    async def come(self, who: str, rank: int = 0) -> None:
        """`who`: its key, and a number after it."""
        self.ends[who] = asyncio.Event()
        self.tasks[who] = asyncio.create_task(self._take(who, rank))
        await settle()

    async def _take(self, who: str, rank: int) -> None:
        try:
            async with self.turns.turn(who.rstrip("0123456789"), rank):
                self.order.append(who)
                await self.ends[who].wait()
        except ProblemError:
            self.refused.append(who)

    async def end(self, who: str) -> None:
        self.ends[who].set()
        await settle()

    async def go_home(self) -> None:
        for who in list(self.order):
            await self.end(who)
        while any(not task.done() for task in self.tasks.values()):
            for event in self.ends.values():
                event.set()
            await settle()


def run(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


def test_a_few_at_once_and_at_most_two_of_an_address_wait() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(2))
        for who in ("a1", "a2", "a3", "a4", "a5", "a6"):
            await crowd.come(who)
        assert crowd.order == ["a1", "a2"]
        assert crowd.refused == ["a5", "a6"]
        await crowd.go_home()
        assert crowd.order == ["a1", "a2", "a3", "a4"]
        await crowd.come("a7")
        assert crowd.order[-1] == "a7"
        await crowd.go_home()

    run(story())


def test_turns_go_round_the_addresses() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(1))
        for who in ("a1", "a2", "a3", "b1", "b2", "c1"):
            await crowd.come(who)
        await crowd.go_home()
        assert crowd.order == ["a1", "b1", "c1", "a2", "b2", "a3"]

    run(story())


def test_who_has_not_failed_goes_before_who_has() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(1))
        for who, rank in (("a1", 3), ("a2", 3), ("b1", 1), ("c1", 0), ("d1", -1)):
            await crowd.come(who, rank)
        await crowd.go_home()
        assert crowd.order == ["a1", "d1", "c1", "b1", "a2"]

    run(story())


def test_who_has_nothing_under_way_goes_before_who_has() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(2))
        for who in ("a1", "b1", "a2", "b2", "c1"):
            await crowd.come(who)
        await crowd.end("a1")
        assert crowd.order == ["a1", "b1", "c1"]
        await crowd.go_home()
        assert crowd.order == ["a1", "b1", "c1", "a2", "b2"]

    run(story())


def test_the_queue_is_bounded_in_all() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(1, most_waiting=3))
        for who in ("a1", "b1", "c1", "d1", "e1"):
            await crowd.come(who)
        assert crowd.refused == ["e1"]
        await crowd.go_home()
        assert crowd.order == ["a1", "b1", "c1", "d1"]

    run(story())


def test_who_goes_away_while_waiting_holds_up_nobody() -> None:
    async def story() -> None:
        crowd = Crowd(Turns(1))
        for who in ("a1", "b1", "c1"):
            await crowd.come(who)
        crowd.tasks["b1"].cancel()
        await settle()
        await crowd.end("a1")
        assert crowd.order == ["a1", "c1"]
        # And one whose turn comes in the very moment in which it goes.
        await crowd.come("d1")
        crowd.ends["c1"].set()
        crowd.tasks["d1"].cancel()
        await settle()
        await crowd.come("e1")
        assert crowd.order[-1] == "e1"
        await crowd.go_home()

    run(story())


# -- both together


async def fail(attempts: Attempts, address: str, login: str = "") -> str:
    """The code that a wrong password gets."""
    try:
        async with attempts.attempt(address, login):
            raise ProblemError("login_refused")
    except ProblemError as problem:
        return problem.code


def test_an_address_is_shed_before_anything_is_hashed_and_others_are_not() -> None:
    async def story() -> None:
        attempts = Attempts(2, Clock())
        codes = [await fail(attempts, "192.0.2.1", f"x{n}") for n in range(7)]
        assert codes == ["login_refused"] * 5 + ["too_many_attempts"] * 2
        assert await fail(attempts, "192.0.2.2", "y") == "login_refused"

    run(story())


def test_those_who_waited_are_looked_at_again_when_their_turn_comes() -> None:
    async def story() -> None:
        attempts = Attempts(1, Clock())
        for _ in range(4):
            await fail(attempts, "192.0.2.1")
        codes = await asyncio.gather(*(fail(attempts, "192.0.2.1") for _ in range(3)))
        assert codes == ["login_refused", "too_many_attempts", "too_many_attempts"]

    run(story())


def test_an_account_is_guarded_from_everywhere_but_where_it_was_at_home() -> None:
    async def home() -> bool:
        return True

    async def story() -> None:
        clock = Clock()
        attempts = Attempts(2, clock)
        for number in range(5):
            await fail(attempts, f"192.0.2.{number}", "Somebody")
        assert await fail(attempts, "192.0.2.9", "somebody") == "too_many_attempts"
        async with attempts.attempt("198.51.100.1", "somebody", home):
            pass
        # It was them: what failed before does not count any more.
        assert await fail(attempts, "192.0.2.10", "somebody") == "login_refused"

    run(story())


def test_what_goes_wrong_without_telling_anything_is_no_failure() -> None:
    async def story() -> None:
        attempts = Attempts(2, Clock())
        for _ in range(20):
            with pytest.raises(ProblemError, match="storage_full"):
                async with attempts.attempt("192.0.2.1", "x"):
                    raise ProblemError("storage_full")
        assert await fail(attempts, "192.0.2.1", "x") == "login_refused"

    run(story())


def test_what_may_not_be_done_often_counts_where_it_succeeds_too() -> None:
    async def story() -> None:
        attempts = Attempts(2, Clock())
        for _ in range(5):
            async with attempts.attempt("192.0.2.1", always_counts=True):
                pass
        assert await fail(attempts, "192.0.2.1") == "too_many_attempts"

    run(story())
