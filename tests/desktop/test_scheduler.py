"""Which transfers run next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop.engine.scheduler import (
    SMALL_BYTES,
    Candidate,
    Fullness,
    Reachability,
    Slots,
    choose,
    is_small,
)

BIG = 100 * SMALL_BYTES


def candidates(*sizes: int | None, first: int = 1) -> list[Candidate]:
    return [Candidate(first + at, size) for at, size in enumerate(sizes)]


def test_a_big_file_does_not_hold_up_small_ones() -> None:
    running = candidates(BIG)
    waiting = candidates(BIG, 1, 2, first=10)
    assert choose(waiting, running, Slots(), Fullness(), 0.0) == [11, 12]


def test_files_start_in_the_order_they_came() -> None:
    waiting = candidates(*[1] * 10)
    assert choose(waiting, [], Slots(small=3), Fullness(), 0.0) == [1, 2, 3]


def test_what_has_no_known_size_is_taken_for_big() -> None:
    assert not is_small(None)


sizes = st.one_of(st.none(), st.integers(0, 3 * SMALL_BYTES))


@given(st.lists(sizes, max_size=30), st.lists(sizes, max_size=5), st.integers(1, 4))
def test_no_lane_ever_has_more_than_its_slots(
    waiting_sizes: list[int | None], running_sizes: list[int | None], small: int
) -> None:
    running = choose(candidates(*running_sizes), [], Slots(1, small), Fullness(), 0.0)
    at_work = [c for c in candidates(*running_sizes) if c.id in running]
    waiting = candidates(*waiting_sizes, first=100)
    chosen = choose(waiting, at_work, Slots(1, small), Fullness(), 0.0)
    both = at_work + [c for c in waiting if c.id in chosen]
    assert sum(is_small(c.size) for c in both) <= small
    assert sum(not is_small(c.size) for c in both) <= 1


def test_a_full_receiver_is_asked_by_one_file_every_ten_seconds() -> None:
    full = Fullness()
    full.refused(1000, now=100.0)
    waiting = candidates(1000, 2000, 900)
    assert choose(waiting, [], Slots(), full, 105.0) == []
    assert choose(waiting, [], Slots(), full, 110.0) == [1]
    assert choose(waiting[1:], waiting[:1], Slots(), full, 110.0) == []


def test_a_much_smaller_file_may_still_find_room() -> None:
    full = Fullness()
    full.refused(1000, now=100.0)
    assert choose(candidates(400), [], Slots(), full, 101.0) == [1]


def test_when_one_found_room_all_go_on() -> None:
    full = Fullness()
    full.refused(1000, now=100.0)
    full.taken(100)
    assert full.holds(1000)
    full.taken(900)
    assert not full.holds(5000)


def test_a_thousand_falling_sizes_cost_a_full_receiver_few_questions() -> None:
    full, asked = Fullness(), 0
    for size in range(1000, 0, -1):
        if not full.holds(size):
            asked += 1
            full.refused(size, now=0.0)
    assert asked <= 11


def test_many_transfers_that_lose_the_receiver_together_count_as_one_try() -> None:
    reach = Reachability()
    for _ in range(1000):
        reach.lost("offline", "", 10.0, 0.5)
    assert reach.attempt == 1
    assert not reach.probe_due(10.5)
    assert reach.probe_due(11.0)


def test_a_receiver_that_stays_away_is_asked_ever_more_seldom() -> None:
    reach, now, tries = Reachability(), 0.0, 0
    while now < 600:
        if reach.up or reach.probe_due(now):
            reach.lost("offline", "", now, 0.5)
            tries += 1
        now += 0.5
    assert tries <= 10


def test_a_receiver_that_answers_again_is_as_if_nothing_was() -> None:
    reach = Reachability()
    reach.lost("offline", "", 10.0, 0.5)
    reach.found()
    assert reach == Reachability()
