"""Ranges of chunks against plain sets, and the byte ranges of HTTP against its RFC."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from howdah_common.ranges import RangeNotSatisfiable, RangeSet, parse_byte_range

MOST = 40

numbers = st.integers(0, MOST)
ranges = st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))
sets = st.sets(numbers)


def span(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


def assert_tidy(made: RangeSet) -> None:
    """Sorted, disjoint, and never touching: the same set has one form only."""
    beyond = -2
    for first, last in made:
        assert beyond + 1 < first <= last
        beyond = last


class RangeSetAsASet(RuleBasedStateMachine):
    """Everything that changes a RangeSet, beside a set of numbers that is changed likewise."""

    def __init__(self) -> None:
        super().__init__()
        self.made = RangeSet()
        self.model: set[int] = set()

    @rule(pair=ranges)
    def add(self, pair: tuple[int, int]) -> None:
        self.made.add(*pair)
        self.model |= span(*pair)

    @rule(number=numbers)
    def add_one(self, number: int) -> None:
        self.made.add(number)
        self.model.add(number)

    @rule(pair=ranges)
    def remove(self, pair: tuple[int, int]) -> None:
        self.made.remove(*pair)
        self.model -= span(*pair)

    @rule(number=numbers)
    def remove_one(self, number: int) -> None:
        self.made.remove(number)
        self.model.discard(number)

    @rule(total=st.integers(0, MOST + 5))
    def turn(self, total: int) -> None:
        self.made = self.made.missing(total)
        self.model = set(range(total)) - self.model

    @invariant()
    def both_hold_the_same(self) -> None:
        assert set(self.made.numbers()) == self.model
        assert self.made.count() == len(self.model)
        assert bool(self.made) == bool(self.model)
        assert_tidy(self.made)


TestARangeSetBehavesLikeASet = RangeSetAsASet.TestCase


@given(sets)
def test_numbers_go_in_and_come_out_ascending(model: set[int]) -> None:
    assert list(RangeSet.of(model).numbers()) == sorted(model)


@given(sets, st.integers(-5, MOST + 5))
def test_a_number_is_in_when_it_was_added(model: set[int], number: int) -> None:
    assert (number in RangeSet.of(model)) == (number in model)


@given(sets, st.integers(0, MOST + 5))
def test_what_is_missing_fills_the_set_up_to_the_total(model: set[int], total: int) -> None:
    missing = RangeSet.of(model).missing(total)
    assert set(missing.numbers()) == set(range(total)) - model
    assert_tidy(missing)


@given(st.lists(ranges), st.randoms(use_true_random=False))
def test_the_order_of_adding_does_not_matter(pairs: list[tuple[int, int]], random: Random) -> None:
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    assert RangeSet(pairs) == RangeSet(shuffled)


@given(st.lists(ranges))
def test_what_goes_on_the_wire_gives_the_same_set_back(pairs: list[tuple[int, int]]) -> None:
    made = RangeSet(pairs)
    assert RangeSet(made.pairs()) == made
    assert eval(repr(made), {"RangeSet": RangeSet}) == made


@given(sets, ranges)
def test_a_copy_changes_alone(model: set[int], pair: tuple[int, int]) -> None:
    made = RangeSet.of(model)
    copy = made.copy()
    copy.add(*pair)
    made.remove(*pair)
    assert set(copy.numbers()) == model | span(*pair)
    assert set(made.numbers()) == model - span(*pair)


def test_a_set_may_be_changed_while_it_is_walked() -> None:
    made = RangeSet([(0, 3), (10, 13)])
    for first, last in made:
        made.remove(first, last)
    assert not made


def test_neighbours_grow_together() -> None:
    made = RangeSet([(0, 1), (4, 5)])
    made.add(2, 3)
    assert made.pairs() == [(0, 5)]
    assert RangeSet([(0, 1), (3, 3)]).pairs() == [(0, 1), (3, 3)]


def test_a_long_run_stays_one_pair() -> None:
    made = RangeSet()
    for number in range(65_536):
        made.add(number)
    assert made.pairs() == [(0, 65_535)]


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (-2, -1), (3, 2), (1, 0)])
def test_a_negative_or_turned_range_is_refused(first: int, last: int) -> None:
    made = RangeSet([(5, 6)])
    with pytest.raises(ValueError, match="is not a range"):
        made.add(first, last)
    assert made.pairs() == [(5, 6)]


def test_sets_are_equal_by_what_they_hold_and_cannot_be_keys() -> None:
    assert RangeSet([(0, 5)]) == RangeSet([(3, 5), (0, 2)])
    assert RangeSet([(0, 5)]) != RangeSet([(0, 4)])
    assert RangeSet([(0, 5)]) != [(0, 5)]
    with pytest.raises(TypeError, match="unhashable"):
        hash(RangeSet())


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        # RFC 9110, section 14.1.2: of a representation of 10,000 bytes.
        ("bytes=0-499", (0, 499)),
        ("bytes=500-999", (500, 999)),
        ("bytes=-500", (9_500, 9_999)),
        ("bytes=9500-", (9_500, 9_999)),
        ("bytes=0-0", (0, 0)),
        ("bytes=-1", (9_999, 9_999)),
        # A last position beyond the end, and a suffix longer than the whole, mean what is there.
        ("bytes=9999-99999", (9_999, 9_999)),
        ("bytes=-20000", (0, 9_999)),
        ("bytes=0-", (0, 9_999)),
        # Units are case-insensitive; white space stands where the list's grammar allows it.
        ("Bytes=0-499", (0, 499)),
        ("bytes= 0-499 ", (0, 499)),
        ("bytes=007-008", (7, 8)),
    ],
)
def test_a_range_is_read_as_the_rfc_says(field: str, expected: tuple[int, int]) -> None:
    assert parse_byte_range(field, 10_000) == expected


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=a-b",
        "bytes=1",
        "bytes 0-499",
        "bytes=0 - 499",
        "bytes=0x0-0x1",
        "bytes=1_0-2_0",
        "bytes=\u0661-\u0662",
        "bytes=500-499",
        "bytes=0-499/10000",
        "items=0-499",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_nonsense_and_other_units_mean_the_whole(field: str) -> None:
    assert parse_byte_range(field, 10_000) is None


@pytest.mark.parametrize("field", ["bytes=0-0,-1", "bytes=0-999, 4500-5499, -1000", "bytes=0-1,"])
def test_several_ranges_mean_the_whole(field: str) -> None:
    assert parse_byte_range(field, 10_000) is None


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ("bytes=10000-", 10_000),
        ("bytes=10000-10000", 10_000),
        (f"bytes={'9' * 19}-", 10_000),
        ("bytes=-0", 10_000),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-0", 0),
    ],
)
def test_a_range_beyond_the_end_cannot_be_satisfied(field: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_byte_range(field, size)


def test_the_end_of_an_empty_file_is_the_whole_of_it() -> None:
    assert parse_byte_range("bytes=-5", 0) is None


@given(st.text() | st.text(alphabet="bytes=0123456789-, "), st.integers(0, 10_000))
def test_any_text_gives_a_range_inside_the_file_or_the_whole(field: str, size: int) -> None:
    try:
        found = parse_byte_range(field, size)
    except RangeNotSatisfiable:
        return
    if found is not None:
        first, last = found
        assert 0 <= first <= last < size


@given(st.integers(1, 10_000), st.data())
def test_a_range_that_lies_inside_is_given_back(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    assert parse_byte_range(f"bytes={first}-{last}", size) == (first, last)
    assert parse_byte_range(f"bytes={first}-", size) == (first, size - 1)
    assert parse_byte_range(f"bytes=-{size - first}", size) == (first, size - 1)
