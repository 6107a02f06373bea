"""Which limits hold when: days and hours, midnight, the changes of the clock, networks and power."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_common.problems import ProblemError
from howdah_desktop.engine import limits_file
from howdah_desktop.engine.limit_rules import DAYS, Allowed, Limits, Rule, allowed, next_change

BERLIN = ZoneInfo("Europe/Berlin")
MB = 1_000_000
OFFICE = Rule(begin="08:00", end="18:00", days=("mon", "tue", "wed", "thu", "fri"), up=MB)


def at(text: str, fold: int = 0) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def now(limits: Limits, text: str, **seen: Any) -> Allowed:
    return allowed(limits, at(text), BERLIN, **seen)


def local(moment: float | None) -> str:
    assert moment is not None
    return f"{dt.datetime.fromtimestamp(moment, BERLIN):%a %Y-%m-%d %H:%M %Z}"


def test_without_a_word_there_is_no_limit() -> None:
    assert allowed(Limits(), 0.0, BERLIN, True, True) == Allowed()


def test_a_rule_holds_on_its_days_from_its_first_minute_up_to_its_last() -> None:
    limits = Limits(up=5 * MB, down=9 * MB, rules=(OFFICE,))
    assert now(limits, "2026-11-30T07:59:59").up == 5 * MB
    assert now(limits, "2026-11-30T08:00").up == MB
    assert now(limits, "2026-11-30T17:59:59").rule == 1
    assert now(limits, "2026-11-30T18:00").up == 5 * MB
    assert now(limits, "2026-11-29T12:00").up == 5 * MB, "a Sunday"
    assert now(limits, "2026-11-30T12:00").down == 9 * MB, "what it does not name is as usual"


def test_it_is_known_when_something_can_change_next() -> None:
    limits = Limits(rules=(OFFICE,))
    assert local(now(limits, "2026-11-27T12:00").next_change) == "Fri 2026-11-27 18:00 CET"
    assert local(now(limits, "2026-11-27T18:00").next_change) == "Mon 2026-11-30 08:00 CET"
    assert now(Limits(up=MB), "2026-11-27T12:00").next_change is None


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    night = Rule(begin="22:00", end="06:00", days=("fri",), up=0)
    limits = Limits(up=MB, rules=(night,))
    assert now(limits, "2026-11-27T21:59").up == MB
    assert now(limits, "2026-11-27T22:00").up is None, "no limit at night"
    assert now(limits, "2026-11-28T05:59").up is None
    assert now(limits, "2026-11-28T06:00").up == MB
    assert now(limits, "2026-11-27T05:00").up == MB, "that night began on a Thursday"
    assert local(now(limits, "2026-11-28T01:00").next_change) == "Sat 2026-11-28 06:00 CET"


def test_a_rule_may_hold_all_day_or_from_an_hour_to_the_same() -> None:
    for rule in (Rule(pause=True), Rule(begin="08:00", end="08:00", pause=True)):
        limits = Limits(rules=(rule,))
        assert {now(limits, f"2026-11-30T{hour:02}:30").paused for hour in range(24)} == {
            "schedule"
        }


def test_the_first_rule_that_fits_holds() -> None:
    lunch = Rule(begin="12:00", end="13:00", up=0)
    assert now(Limits(rules=(lunch, OFFICE)), "2026-11-30T12:30").up is None
    assert now(Limits(rules=(OFFICE, lunch)), "2026-11-30T12:30").up == MB


def test_on_a_day_whose_clock_goes_forward_a_skipped_hour_begins_where_it_jumps() -> None:
    # 2026-03-29: 02:00 CET is 03:00 CEST.
    limits = Limits(rules=(Rule(begin="02:30", end="04:00", pause=True),))
    assert now(limits, "2026-03-29T01:59:59").paused is None
    assert local(now(limits, "2026-03-29T01:00").next_change) == "Sun 2026-03-29 03:00 CEST"
    assert now(limits, "2026-03-29T03:00").paused == "schedule"
    assert local(now(limits, "2026-03-29T03:10").next_change) == "Sun 2026-03-29 04:00 CEST"
    skipped = Limits(rules=(Rule(begin="02:10", end="02:50", pause=True),))
    assert now(skipped, "2026-03-29T03:00").paused is None, "it did not come that day"


def test_on_a_day_whose_clock_goes_back_an_hour_that_comes_twice_is_both() -> None:
    # 2026-10-25: 03:00 CEST is 02:00 CET.
    limits = Limits(rules=(Rule(begin="02:15", end="02:45", pause=True),))
    first, second = at("2026-10-25T02:15"), at("2026-10-25T02:45", fold=1)
    assert second - first == 1.5 * 3600
    assert local(next_change(limits, first - 60, BERLIN)) == "Sun 2026-10-25 02:15 CEST"
    assert allowed(limits, first, BERLIN).paused == "schedule"
    assert local(next_change(limits, first, BERLIN)) == "Sun 2026-10-25 02:45 CET"
    assert allowed(limits, second, BERLIN).paused is None


def test_hours_over_midnight_are_an_hour_longer_or_shorter_when_the_clock_changes() -> None:
    limits = Limits(rules=(Rule(begin="22:00", end="06:00", up=MB),))
    for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-28", 8)):
        begin = at(f"{day}T22:00")
        assert next_change(limits, begin, BERLIN) == begin + hours * 3600


@pytest.mark.parametrize(
    ("metered", "network", "expected"),
    [
        (True, "auto", "metered"),
        (False, "auto", None),
        (None, "auto", None),
        (False, "metered", "metered"),
        (True, "unmetered", None),
    ],
)
def test_a_metered_network_pauses_if_it_is_to_and_a_setting_knows_better(
    metered: bool | None, network: Any, expected: str | None
) -> None:
    limits = Limits(metered="pause", network=network)
    assert allowed(limits, 0.0, BERLIN, metered, None).paused == expected


def test_the_lowest_of_all_limits_holds() -> None:
    limits = Limits(up=2 * MB, metered=MB, battery=500_000)
    assert allowed(limits, 0.0, BERLIN, True, False) == Allowed(up=MB, down=MB)
    assert allowed(limits, 0.0, BERLIN, True, True) == Allowed(up=500_000, down=500_000)
    assert allowed(limits, 0.0, BERLIN, False, None) == Allowed(up=2 * MB)
    assert allowed(Limits(battery="pause"), 0.0, BERLIN, None, True).paused == "battery"


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
rules = st.builds(
    Rule,
    begin=clocks,
    end=clocks,
    days=st.sets(st.sampled_from(DAYS), min_size=1).map(tuple),
    up=st.sampled_from([0, MB, 2 * MB]),
)


@given(
    st.lists(rules, min_size=1, max_size=4),
    st.sampled_from(["2026-03-28", "2026-10-24", "2026-11-29"]),
    st.integers(0, 3 * 86_400),
)
@settings(deadline=None, max_examples=150)
def test_nothing_changes_before_the_moment_at_which_it_can(
    rules: list[Rule], day: str, seconds: int
) -> None:
    limits, begin = Limits(rules=tuple(rules)), at(day) + seconds
    found = allowed(limits, begin, BERLIN)
    assert found.next_change is not None
    assert begin < found.next_change <= begin + 8 * 86_400
    for part in (0.01, 0.3, 0.7, 0.999):
        between = begin + (found.next_change - begin) * part
        assert allowed(limits, between, BERLIN) == found


def test_this_computers_own_time_is_meant_where_no_zone_is_given(
    monkeypatch: pytest.MonkeyPatch, local_time: None
) -> None:
    limits = Limits(rules=(Rule(begin="02:30", end="04:00", pause=True),))
    assert allowed(limits, at("2026-03-29T03:00")).paused == "schedule"
    for hour in range(72):
        moment = at("2026-10-24") + hour * 3600.0
        assert allowed(limits, moment) == allowed(limits, moment, BERLIN)


@pytest.fixture
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


# -- the file


def test_limits_come_back_as_they_were_kept_and_are_their_users_alone(tmp_path: Path) -> None:
    assert limits_file.load(tmp_path) == Limits()
    limits = Limits(up=MB, rules=(OFFICE, Rule(pause=True)), metered="pause", battery=MB)
    limits_file.save(tmp_path, limits)
    assert limits_file.load(tmp_path) == limits
    assert (tmp_path / "limits.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"up": -5}',
        '{"up": 5}',
        '{"upp": 5000000}',
        '{"metered": "perhaps"}',
        '{"rules": [{"up": 1000000, "begin": "25:00"}]}',
        '{"rules": [{"up": 1000000, "days": ["monday"]}]}',
        '{"rules": [{}]}',
        '{"rules": [{"pause": true, "up": 1000000}]}',
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "limits.json").write_text(text)
    with pytest.raises(ProblemError) as caught:
        limits_file.load(tmp_path)
    assert caught.value.code == "limits_damaged"
    assert str(tmp_path) in caught.value.detail


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="100 at most"):
        Limits(rules=(OFFICE,) * 101)
    assert msgspec.json.decode(msgspec.json.encode(OFFICE), type=Rule) == OFFICE
