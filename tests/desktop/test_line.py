"""What is learned about the line to the receiver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common.chunks import KIB, MIB, MOST_BYTES, ChunkPlan, default_chunk_bytes
from howdah_desktop.engine.link import (
    LONGEST_REQUEST_SECONDS,
    MOST_REQUEST_BYTES,
    Link,
    LinkMemory,
)
from howdah_desktop.engine.meter import Meter, at_least, shares


def good_line() -> Link:
    link = Link(LinkMemory(good=True))
    link.carried(MIB, 0.01)
    return link


def test_a_good_line_takes_longer_requests_up_to_64_mib() -> None:
    link, seen = Link(), []
    for _ in range(5):
        seen.append(link.request_bytes(MIB))
        link.carried(seen[-1], seen[-1] / 1e9)
    assert seen == [1 * MIB, 16 * MIB, 32 * MIB, 64 * MIB, 64 * MIB]


def test_a_break_makes_requests_of_one_chunk_over_one_connection() -> None:
    link = good_line()
    link.broke(5 * MIB)
    assert link.request_bytes(256 * KIB) == 256 * KIB
    assert link.connections(2) == 1


def test_a_fast_line_has_two_connections_and_a_long_one_four() -> None:
    link = good_line()
    assert link.connections(None) == 2
    link.carried(16 * MIB, 2.0)
    assert link.connections(None) == 4


def test_what_the_user_chooses_is_a_maximum() -> None:
    link = good_line()
    assert [link.connections(most) for most in (1, 2, 3, 4)] == [1, 2, 2, 2], "two are enough"
    link.carried(16 * MIB, 2.0)
    assert [link.connections(most) for most in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_a_line_is_not_taken_for_slow_because_of_our_own_limit() -> None:
    link = Link()
    link.limited_to(100 * KIB)
    assert link.connections(None) == 4, "nothing is known of it yet"
    assert link.round_bytes() is None
    for _ in range(20):
        link.carried(150 * KIB, 6.0, sharing=4, held_seconds=5.5)
    assert link.connections(None) == 4
    assert link.request_bytes(64 * KIB, 4) <= LONGEST_REQUEST_SECONDS * 100 * KIB / 4
    link.limited_to(None)
    assert link.connections(None) == 4
    link.carried(16 * MIB, 0.1)
    assert link.connections(None) == 2, "as it is without a limit"


def test_a_line_that_is_slow_by_itself_is_so_under_a_limit_too() -> None:
    link = Link()
    link.limited_to(10 * MIB)
    link.carried(MIB, 4.0, held_seconds=0.0)
    assert link.connections(None) == 1


def test_what_a_line_carried_under_a_limit_shows_that_it_does_not_break() -> None:
    link = Link()
    link.limited_to(MIB)
    for _ in range(64):
        link.carried(MIB, 1.0, held_seconds=0.9)
    assert link.memory.good


def test_a_line_that_carries_again_gets_its_connections_back() -> None:
    link = good_line()
    link.broke(5 * MIB)
    for _ in range(5):
        link.carried(16 * MIB, 0.1)
    assert link.connections(2) == 2


def test_a_slow_line_is_asked_for_an_answer_every_few_seconds() -> None:
    link = good_line()
    for _ in range(4):
        link.carried(16 * MIB, 32.0)
    assert link.request_bytes(MIB) <= LONGEST_REQUEST_SECONDS * 16 * MIB / 32
    assert link.connections(2) == 1


def test_connections_that_share_a_line_share_its_rate() -> None:
    link = good_line()
    link.carried(16 * MIB, 5.0)  # alone
    assert link.request_bytes(MIB, 1) == pytest.approx(16 * MIB / 5.0 * 6, rel=0.01)
    seconds = link.request_bytes(MIB, 4) / (16 * MIB / 5.0 / 4)
    assert seconds == pytest.approx(LONGEST_REQUEST_SECONDS, rel=0.01)
    link.carried(4 * MIB, 5.0, sharing=4)  # one of four: it is the same line
    assert link.request_bytes(MIB, 4) == pytest.approx(4 * MIB / 5.0 * 6, rel=0.01)
    assert link.connections(None) == 4


def test_a_line_that_breaks_every_five_megabytes_gets_chunks_of_256_kib() -> None:
    link = Link()
    for _ in range(3):
        link.carried(256 * KIB, 0.5)
        link.broke(5_000_000)
    assert link.chunk_bytes(20_000_000) == 256 * KIB


def test_what_was_learned_lasts_to_the_next_run() -> None:
    link = Link()
    link.broke(1_000_000)
    again = Link(link.memory)
    assert again.connections(2) == 1
    assert again.chunk_bytes(20_000_000) == 64 * KIB


def test_large_files_on_an_unknown_or_good_line_are_cut_as_usual() -> None:
    assert Link().chunk_bytes(10**9) == default_chunk_bytes(10**9)
    assert good_line().chunk_bytes(10**9) == default_chunk_bytes(10**9)


def test_small_files_keep_their_grid_whether_the_line_has_proved_good_or_not() -> None:
    assert good_line().chunk_bytes(20_000_000) == Link().chunk_bytes(20_000_000)


@given(st.integers(0, MOST_BYTES // 2**30), st.integers(0, 2**30))
def test_a_bad_line_never_asks_for_a_grid_that_the_receiver_refuses(
    size: int, carried: int
) -> None:
    link = Link()
    link.broke(carried)
    plan = ChunkPlan(size, link.chunk_bytes(size))  # raises for a bad one
    smaller = Link.smaller_chunk_bytes(plan)
    if smaller is not None:
        assert ChunkPlan(size, smaller).chunk_bytes < plan.chunk_bytes


@given(st.integers(64 * KIB, 64 * MIB))
def test_a_request_carries_at_least_one_chunk_and_at_most_64_mib(chunk_bytes: int) -> None:
    link = Link()
    for _ in range(10):
        assert chunk_bytes <= link.request_bytes(chunk_bytes) <= MOST_REQUEST_BYTES
        link.carried(link.request_bytes(chunk_bytes), 0.001)


def test_speed_is_shown_once_it_means_something() -> None:
    meter = Meter()
    meter.note(0, 0.0)
    meter.note(1_000_000, 1.0)
    assert meter.seconds_left(10_000_000) is None
    for second in range(2, 10):
        meter.note(second * 1_000_000, float(second))
    assert meter.bytes_per_second == pytest.approx(1_000_000, rel=0.1)
    assert meter.seconds_left(10_000_000) == pytest.approx(10, rel=0.12)


def test_a_line_that_falls_back_has_no_negative_speed() -> None:
    meter = Meter()
    meter.note(0, -1.0)
    for second in range(30):
        meter.note(1_000_000 - second * 1000, float(second))
    assert meter.bytes_per_second == 0
    assert meter.seconds_left(1) is None


def test_the_first_figures_are_a_plain_average_since_the_first_byte() -> None:
    meter = Meter()
    for quarter in range(40):
        meter.note(0, quarter / 4)
    meter.note(0, 10.0)
    for quarter in range(1, 13):
        meter.note(quarter * 250_000, 10 + quarter / 4)
    assert meter.bytes_per_second == pytest.approx(1_000_000)


def test_a_line_that_stands_has_ever_less_speed_and_then_none() -> None:
    meter = Meter()
    for second in range(20):
        meter.note(second * 1_000_000, float(second))
    shown = []
    for second in range(20, 32):
        meter.note(19_000_000, float(second))
        shown.append((meter.bytes_per_second or 0, meter.seconds_left(10_000_000)))
    rates = [rate for rate, _ in shown]
    assert rates == sorted(rates, reverse=True)
    assert rates[4] < 300_000, "after 5 s"
    assert rates[9:] == [0, 0, 0], "after 10 s"
    assert [left is None for _, left in shown] == [False] * 4 + [True] * 8
    meter.note(20_000_000, 32.0)
    assert meter.bytes_per_second == pytest.approx(250_000, rel=0.2)


def test_a_night_of_sleep_does_not_make_the_line_slow() -> None:
    meter = Meter()
    for second in range(10):
        meter.note(second * 1_000_000, float(second))
    meter.note(10_000_000, 30_000.0)
    assert meter.bytes_per_second == pytest.approx(1_000_000, rel=0.1)
    meter.note(2_000_000_000, 60_000.0)
    assert meter.bytes_per_second == pytest.approx(1_000_000, rel=0.1), "nor fast"


def test_a_whole_ends_with_its_longest_part_or_later() -> None:
    assert at_least(5.0, [None, 7.0, 6.0]) == 7.0
    assert at_least(5.0, [4.0]) == 5.0
    assert at_least(5.0, []) == 5.0
    assert at_least(None, [7.0]) is None


def test_what_has_not_left_is_shared_out_by_what_was_handed_over() -> None:
    assert shares(300, [500, 0, 100]) == [250, 0, 50]
    assert shares(9_999, [500, 0, 100]) == [500, 0, 100], "not more than there is"
    assert shares(9_999, [0, 0]) == [0, 0]
    assert shares(0, []) == []
