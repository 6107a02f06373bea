"""Which versions stay, and for how long; and that what goes is gone from the disk and from the figures."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from howdah_receiver.app import Receiver
from howdah_receiver.files.keeping import Keeping
from howdah_receiver.files.retention import DAY_NS, Kept, Rules, gone
from howdah_receiver.settings import Settings
from kit.direct import Direct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR_NS = DAY_NS // 24
NOW_NS = int(datetime(2026, 6, 17, 12, tzinfo=UTC).timestamp()) * 10**9  # a Wednesday
USUAL = Rules(seconds=365 * 86400, most=100, daily=7, weekly=4, monthly=12)
NO_THINNING = Rules(seconds=30 * 86400, most=5, daily=0, weekly=0, monthly=0)


def ago(name: str, days: float) -> Kept:
    """Came then, and was replaced a second later."""
    at_ns = NOW_NS - int(days * DAY_NS)
    return Kept(name, at_ns, at_ns + 10**9)


def staying(versions: list[Kept], rules: Rules) -> set[str]:
    return {one.id for one in versions} - gone(versions, rules, NOW_NS)


def test_everything_of_the_last_day_stays() -> None:
    versions = [ago(f"{n}", n / 100) for n in range(95)]
    assert staying(versions, USUAL) == {one.id for one in versions}


def test_then_the_newest_of_each_day_each_week_and_each_month() -> None:
    hourly = [ago(f"{hours}", hours / 24) for hours in range(24 * 400)]
    stays = sorted(int(name) for name in staying(hourly, USUAL))
    days = [hours / 24 for hours in stays]
    assert stays[:25] == list(range(25))
    assert len([d for d in days if 1.1 < d <= 7.1]) in (6, 7)
    assert len([d for d in days if 7.1 < d <= 28.1]) in (3, 4)
    assert len([d for d in days if d > 28.1]) in (10, 11, 12)
    assert max(days) <= 365
    # Of a day, the last that came: at noon, twelve hours back is the end of the day before.
    assert 12 + 1 + 24 in stays


def test_without_thinning_age_and_count_decide() -> None:
    versions = [ago(f"{days}", days) for days in range(40)]
    assert staying(versions, NO_THINNING) == {"0", "1", "2", "3", "4"}
    old = [ago("old", 31), ago("young", 29)]
    assert staying(old, NO_THINNING) == {"young"}


kept = st.builds(
    lambda number, came, stood: Kept(number, came, came + stood),
    st.uuids().map(str),
    st.integers(NOW_NS - 500 * DAY_NS, NOW_NS),
    st.integers(0, 30 * DAY_NS),
)
some_rules = st.builds(
    Rules,
    seconds=st.integers(0, 400 * 86400),
    most=st.integers(0, 30),
    daily=st.integers(0, 10),
    weekly=st.integers(0, 8),
    monthly=st.integers(0, 14),
)


@given(st.lists(kept, max_size=60, unique_by=lambda one: one.id), some_rules)
def test_what_stays_is_what_the_rules_say(versions: list[Kept], rules: Rules) -> None:
    going = gone(versions, rules, NOW_NS)
    stay = [one for one in versions if one.id not in going]
    assert len(stay) <= rules.most
    assert all(NOW_NS - one.kept_ns <= rules.seconds * 10**9 for one in stay)
    # Swept again in the same moment, nothing more goes; and the order that they come in is nothing.
    assert gone(stay, rules, NOW_NS) == set()
    assert gone(versions[::-1], rules, NOW_NS) == going
    if len(stay) < rules.most:  # then what goes is too old, or a newer one of its time stays
        for one in versions:
            age_ns = NOW_NS - one.kept_ns
            if one.id in going and age_ns <= rules.seconds * 10**9:
                assert rules.thins
                assert age_ns > DAY_NS


@given(st.lists(kept, min_size=1, max_size=40, unique_by=lambda one: one.id))
def test_more_generous_rules_keep_more(versions: list[Kept]) -> None:
    few = Rules(seconds=100 * 86400, most=40, daily=3, weekly=2, monthly=2)
    many = Rules(seconds=200 * 86400, most=40, daily=5, weekly=4, monthly=4)
    assert gone(versions, many, NOW_NS) <= gone(versions, few, NOW_NS)


# -- in a receiver


@contextmanager
def direct(data: Path, **settings: Any) -> Iterator[Direct]:
    receiver = Receiver(Settings(data=data, **settings))
    try:
        yield Direct(receiver)
    finally:
        receiver.stop()


def keeping(here: Direct, days: float) -> Keeping:
    """As the sweeper has it, so many days from now."""
    receiver = here.receiver
    later_ns = time.time_ns() + int(days * DAY_NS)
    return Keeping(receiver.catalogue, here.tree, receiver.settings, lambda: later_ns)


def test_versions_whose_time_is_over_go_from_the_disk_and_the_figures(short_path: Path) -> None:
    with direct(short_path / "data", versions_count=3) as here:
        for number in range(6):
            here.publish("a", b"%d" % number)
        here.publish("b/c", b"only")
        assert here.used() == (10, 2)
        keeping(here, 0).sweep_versions(threading.Event())
        assert here.used() == (8, 2)
        assert len(list((here.data / "versions").iterdir())) == 3
        keeping(here, 400).sweep_versions(threading.Event())
        assert here.used() == (5, 2)
        assert list((here.data / "versions").iterdir()) == []
        assert here.contents() == {"a": b"5", "b/c": b"only"}
        assert [one.row.place for one in here.versions("a")] == ["current"]


def test_the_trash_is_emptied_after_its_time(short_path: Path) -> None:
    with direct(short_path / "data", trash_seconds="10 d") as here:
        here.publish("f/a", b"old")
        here.publish("f/a", b"new")
        here.publish("stays", b"here")
        here.trash("f")
        keeping(here, 9.9).sweep_trash(threading.Event())
        assert here.used() == (10, 2)
        keeping(here, 10.1).sweep_trash(threading.Event())
        assert here.used() == (4, 1)
        assert list((here.data / "trash").iterdir()) == []
        assert list((here.data / "versions").iterdir()) == []
