"""Times as people write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from howdah_desktop.cli.moments import BadMoment, duration_seconds, moment, shown

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 29, 10, 20, tzinfo=BERLIN).timestamp()


def local(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, BERLIN):%Y-%m-%d %H:%M %Z}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1h", 3600), ("2d", 172_800), ("1h 30m", 5400), ("1.5h", 5400), ("90S", 90)],
)
def test_a_length_of_time_has_units(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "1h nonsense", "-1h", "0h", "1y"])
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadMoment, match="30m, 1h or 2d"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("tomorrow", "2026-11-30 06:00 CET"),
        ("Tomorrow ", "2026-11-30 06:00 CET"),
        ("10:21", "2026-11-29 10:21 CET"),
        ("10:20", "2026-11-30 10:20 CET"),
        ("9:05", "2026-11-30 09:05 CET"),
        ("2027-01-15", "2027-01-15 00:00 CET"),
        ("2027-07-15T18:30", "2027-07-15 18:30 CEST"),
        ("2027-01-15T18:30+00:00", "2027-01-15 19:30 CET"),
    ],
)
def test_a_moment_is_of_this_computers_time(text: str, at: str) -> None:
    assert local(moment(text, NOW, BERLIN)) == at


def test_tomorrow_is_six_in_the_morning_also_when_the_clock_is_changed_that_night() -> None:
    before = dt.datetime(2026, 10, 24, 23, 0, tzinfo=BERLIN).timestamp()
    found = moment("tomorrow", before, BERLIN)
    assert local(found) == "2026-10-25 06:00 CET"
    assert found - before == 8 * 3600


@pytest.mark.parametrize(
    "text", ["", "later", "25:00", "2026-13-01", "2026-11-29T10:20", "2020-01-01"]
)
def test_what_is_no_moment_to_come_is_refused(text: str) -> None:
    with pytest.raises(BadMoment):
        moment(text, NOW, BERLIN)


def test_a_moment_is_shown_as_short_as_it_is_plain() -> None:
    assert shown(NOW + 60, NOW, BERLIN) == "10:21"
    assert shown(moment("tomorrow", NOW, BERLIN), NOW, BERLIN) == "tomorrow 06:00"
    assert shown(NOW + 30 * 86_400, NOW, BERLIN) == "2026-12-29 10:20"
