"""The token bucket: never more than the limit and a burst, everybody gets their turn."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.chunks import MIB
from howdah_common.problems import ProblemError
from howdah_desktop.engine.bandwidth import BURST_SECONDS, Bucket
from howdah_desktop.engine.limiter import Gate, Limiter
from kit.engine_bench import PATIENCE_SECONDS


@dataclass
class Passing:
    """Connections that always want to pass, with a clock of their own."""

    bucket: Bucket
    connections: int
    passed: list[tuple[float, int, int]] = field(default_factory=list)
    """When, who, how many bytes."""

    def run(self, seconds: float, steps: list[float], wanted: list[int], now: float = 0.0) -> float:
        """Looks after each of `steps` seconds, over and over, for `seconds`."""
        tickets = {who: self.bucket.join() for who in range(self.connections)}
        end, at = now + seconds, 0
        while now < end:
            now += steps[at % len(steps)]
            at += 1
            moved = True
            while moved:
                moved = False
                for who, ticket in tickets.items():
                    count = self.bucket.take(ticket, wanted[who % len(wanted)], now)
                    if count:
                        self.passed.append((now, who, count))
                        tickets[who] = self.bucket.join()
                        moved = True
        for ticket in tickets.values():
            self.bucket.leave(ticket)
        return now

    def most(self, seconds: float) -> int:
        """The most that passed within any interval of that length."""
        most = within = first = 0
        for at, _, count in self.passed:
            within += count
            while self.passed[first][0] < at - seconds:
                within -= self.passed[first][2]
                first += 1
            most = max(most, within)
        return most


rates = st.integers(10_000, 200_000_000)
steps = st.lists(st.floats(0.001, 0.6), min_size=1, max_size=8)
wanted = st.lists(st.integers(1, 2 * MIB), min_size=1, max_size=5)


@given(rates, steps, wanted, st.integers(1, 8), st.floats(1.0, 3.0))
@settings(deadline=None, max_examples=60)
def test_no_interval_of_a_second_or_more_has_more_than_the_limit_and_a_burst(
    rate: int, steps: list[float], wanted: list[int], connections: int, interval: float
) -> None:
    # Few enough that a test ends: small wishes at a high rate are the same again and again.
    wanted = [max(one, rate // 500) for one in wanted]
    passing = Passing(Bucket(0.0, rate), connections)
    passing.run(4.0, steps, wanted)
    assert passing.most(interval) <= rate * (interval + BURST_SECONDS) + 1


@given(rates, steps, wanted, st.integers(2, 8))
@settings(deadline=None, max_examples=60)
def test_whoever_wants_to_pass_passes_as_often_as_the_others(
    rate: int, steps: list[float], wanted: list[int], connections: int
) -> None:
    wanted = [max(one, rate // 500) for one in wanted]
    passing = Passing(Bucket(0.0, rate), connections)
    passing.run(4.0, steps, wanted)
    turns = Counter(who for _, who, _ in passing.passed)
    assert set(turns) == set(range(connections))
    assert max(turns.values()) - min(turns.values()) <= 1


@given(rates, st.floats(0.001, 0.2), st.integers(1, 8))
@settings(deadline=None, max_examples=30)
def test_what_is_allowed_is_used_by_who_always_wants_more(
    rate: int, step: float, connections: int
) -> None:
    passing = Passing(Bucket(0.0, rate), connections)
    seconds = passing.run(5.0, [step], [2 * MIB])
    sent = sum(count for _, _, count in passing.passed)
    assert sent >= rate * seconds * 0.97 - rate * BURST_SECONDS / 4


@given(rates, st.integers(1, 12))
def test_a_connection_is_never_silent_for_long(rate: int, connections: int) -> None:
    """The other side drops one that brings nothing for 30 s."""
    passing = Passing(Bucket(0.0, rate), connections)
    passing.run(3.0, [0.01], [MIB])
    for who in range(connections):
        moments = [0.0, *(at for at, other, _ in passing.passed if other == who)]
        gaps = [after - before for before, after in pairwise(moments)]
        assert max(gaps) < 1.0


def test_another_limit_holds_at_once_for_who_waits_already() -> None:
    bucket = Bucket(0.0, 10_000)
    ticket = bucket.join()
    assert bucket.take(ticket, MIB, 0.01) == 0
    assert bucket.seconds_left(ticket, MIB, 0.01) == pytest.approx(0.0525, abs=0.001)
    bucket.limit(10_000_000, 0.01)
    assert bucket.seconds_left(ticket, MIB, 0.01) == pytest.approx(0.0625, abs=0.001)
    assert bucket.take(ticket, MIB, 0.1) == 625_000
    ticket = bucket.join()
    bucket.limit(None, 0.1)
    assert bucket.take(ticket, MIB, 0.1) == MIB


def test_a_lower_limit_leaves_nothing_of_the_higher_ones_burst() -> None:
    bucket = Bucket(0.0, 100_000_000)
    bucket.limit(10_000, 10.0)
    passing = Passing(bucket, 3)
    passing.run(2.0, [0.01], [MIB], now=10.0)
    assert sum(count for _, _, count in passing.passed) <= 10_000 * (2.0 + BURST_SECONDS) + 1


def test_who_leaves_the_line_holds_up_nobody() -> None:
    bucket = Bucket(0.0, 10_000)
    first, second = bucket.join(), bucket.join()
    assert bucket.take(second, 1, 1.0) == 0
    assert bucket.seconds_left(second, 1, 1.0) is None
    bucket.leave(first)
    assert bucket.take(second, 1, 1.0) == 1


# -- as threads meet it


def going() -> None:
    """A transfer that nobody stops."""


def test_without_a_limit_all_may_pass_at_once() -> None:
    limiter = Limiter()
    assert limiter.up.some(5 * MIB, going) == 5 * MIB
    limiter.down(50_000 * MIB, going)


def test_who_is_to_stop_waits_no_longer() -> None:
    gate, stop = Gate(), threading.Event()
    gate.limit(10_000)

    def check() -> None:
        if stop.is_set():
            raise ProblemError("interrupted")

    found: list[str] = []

    def pass_through() -> None:
        try:
            gate(100 * MIB, check)
        except ProblemError as problem:
            found.append(problem.code)

    threads = [threading.Thread(target=pass_through) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert found == ["interrupted"] * 4
    assert gate.some(1, going) == 1, "and their places in the line are free"


def test_a_limit_that_is_lifted_lets_who_waits_go_on() -> None:
    gate, waits = Gate(), threading.Event()
    gate.limit(10_000)
    thread = threading.Thread(target=lambda: gate(100 * MIB, waits.set))
    thread.start()
    assert waits.wait(PATIENCE_SECONDS)
    gate.limit(None)
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_four_threads_together_keep_to_the_limit() -> None:
    gate, passed, lock, done = Gate(), Counter[int](), threading.Lock(), threading.Event()
    rate, seconds = 4_000_000, 1.0
    gate.limit(rate)

    def check() -> None:
        if done.is_set():
            raise ProblemError("interrupted")

    def work(who: int) -> None:
        try:
            while True:
                count = gate.some(MIB, check)
                with lock:
                    passed[who] += count
        except ProblemError:
            pass

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    done.wait(seconds)
    with lock:
        took, sent = time.monotonic() - began, sum(passed.values())
    done.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sent <= rate * (took + BURST_SECONDS)
    assert len(passed) == 4, "each of them got something"
