"""Which kept versions of a file go: by age, by count, and thinned out the older they are. Pure.

A version's age is the time since it was replaced. Days, weeks (from Monday) and months are those of UTC, and
a version belongs to the one in which it came. Of what was replaced more than a day ago stay

- the newest of each day, for `daily` days;
- the newest of each week, for `weekly` weeks;
- the newest of each month, for `monthly` months;

so long is it since the version was replaced. With all three 0 nothing is thinned out. Of what is left, what
is older than `seconds` goes, and then the oldest, until `most` are left. What stands at the path is none of
this: it never goes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

SECOND_NS = 10**9
DAY_NS = 24 * 3600 * SECOND_NS
MONTH_DAYS = 30.44


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that was replaced. Times in nanoseconds."""

    id: str
    added_ns: int
    kept_ns: int
    """When it was replaced."""


@dataclass(frozen=True, slots=True)
class Rules:
    seconds: float
    most: int
    daily: int
    weekly: int
    monthly: int

    @property
    def thins(self) -> bool:
        return bool(self.daily or self.weekly or self.monthly)


def gone(versions: Iterable[Kept], rules: Rules, now_ns: int) -> set[str]:
    """Ids of those that go."""
    versions = sorted(versions, key=lambda one: (one.kept_ns, one.added_ns, one.id), reverse=True)
    staying = _thinned(versions, rules, now_ns) if rules.thins else versions
    young = [one for one in staying if now_ns - one.kept_ns <= rules.seconds * SECOND_NS]
    stay = {one.id for one in young[: rules.most]}
    return {one.id for one in versions if one.id not in stay}


def _thinned(versions: list[Kept], rules: Rules, now_ns: int) -> list[Kept]:
    """In the same order: the newest first."""
    chosen = {one.id for one in versions if now_ns - one.kept_ns <= DAY_NS}
    for count, days, period in (
        (rules.daily, 1.0, _day),
        (rules.weekly, 7.0, _week),
        (rules.monthly, MONTH_DAYS, _month),
    ):
        within = [one for one in versions if now_ns - one.kept_ns <= count * days * DAY_NS]
        chosen |= _newest_of_each(within, period)
    return [one for one in versions if one.id in chosen]


def _newest_of_each(versions: list[Kept], period: Callable[[int], Hashable]) -> set[str]:
    newest: dict[Hashable, str] = {}
    for one in versions:  # the newest first
        newest.setdefault(period(one.added_ns), one.id)
    return set(newest.values())


def _date(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // SECOND_NS, UTC)


def _day(ns: int) -> Hashable:
    return _date(ns).date()


def _week(ns: int) -> Hashable:
    return tuple(_date(ns).isocalendar())[:2]


def _month(ns: int) -> Hashable:
    date = _date(ns)
    return date.year, date.month
