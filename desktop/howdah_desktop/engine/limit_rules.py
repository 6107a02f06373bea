"""Which limits hold now: by rules of days and hours, on metered networks, on battery. Pure.

A rule's hours are moments of the wall clock, so that they are the same in summer and winter: an hour that
is skipped in spring begins and ends where the clock jumps, one that comes twice in autumn is both of them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

SMALLEST_LIMIT = 10_000
"""Bytes a second. Less leaves no room for what is around the bytes of a file."""
MOST_RULES = 100

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Then = int | Literal["off", "pause"]
"""What to do on such a network or power: limit to bytes a second (both ways), pause, or nothing."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `begin` to `end` on some days. Hours that end before they begin go over midnight."""

    begin: str = "00:00"
    end: str = "24:00"
    days: tuple[Day, ...] = DAYS
    """On which they begin."""
    up: int | None = None
    """Bytes a second; 0: no limit; None: what is usual."""
    down: int | None = None
    pause: bool = False

    def __post_init__(self) -> None:
        for clock in (self.begin, self.end):
            if not _CLOCK.fullmatch(clock):
                raise ValueError(f"{clock!r} is no time; write 08:00.")
        if self.begin == "24:00" or not self.days:
            raise ValueError("A rule begins on some day, from 00:00 to 23:59.")
        if not self.pause and self.up is None and self.down is None:
            raise ValueError("A rule says what holds: a limit, or a pause.")
        if self.pause and not (self.up is None and self.down is None):
            raise ValueError("A rule pauses, or it has limits.")
        _check(self.up, self.down)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was said about limits."""

    up: int = 0
    """Bytes a second, where no rule says something else; 0: no limit."""
    down: int = 0
    rules: tuple[Rule, ...] = ()
    """The first that fits holds."""
    metered: Then = "off"
    battery: Then = "off"
    network: Literal["auto", "metered", "unmetered"] = "auto"
    """What the network is, where the system does not know, or is wrong."""

    def __post_init__(self) -> None:
        if len(self.rules) > MOST_RULES:
            raise ValueError(f"There are {len(self.rules)} rules; {MOST_RULES} at most.")
        _check(self.up, self.down, self.metered, self.battery)


def _check(*limits: Then | None) -> None:
    for limit in limits:
        if isinstance(limit, int) and limit != 0 and limit < SMALLEST_LIMIT:
            raise ValueError(f"A limit is at least {SMALLEST_LIMIT // 1000} kB a second.")


Why = Literal["schedule", "metered", "battery"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What holds now. Limits in bytes a second; None: there is none."""

    up: int | None = None
    down: int | None = None
    paused: Why | None = None
    next_change: float | None = None
    """When a rule begins or ends next, in seconds since 1970."""
    rule: int | None = None
    """Which rule holds, counted from 1."""


def allowed(
    limits: Limits,
    now: float,
    zone: dt.tzinfo | None = None,
    metered: bool | None = None,
    on_battery: bool | None = None,
) -> Allowed:
    """`now` in seconds since 1970; `zone` None: this computer's. What nobody knows (None) is not so."""
    number = next((n for n, r in enumerate(limits.rules, 1) if _holds(r, now, zone)), None)
    rule = None if number is None else limits.rules[number - 1]
    up = limits.up if rule is None or rule.up is None else rule.up
    down = limits.down if rule is None or rule.down is None else rule.down
    if limits.network != "auto":
        metered = limits.network == "metered"
    extra = [limits.metered] if metered else []
    extra += [limits.battery] if on_battery else []
    caps = [then for then in extra if isinstance(then, int)]
    paused: Why | None = None
    if rule is not None and rule.pause:
        paused = "schedule"
    elif metered and limits.metered == "pause":
        paused = "metered"
    elif on_battery and limits.battery == "pause":
        paused = "battery"
    return Allowed(
        _least(up, *caps), _least(down, *caps), paused, next_change(limits, now, zone), number
    )


def next_change(limits: Limits, now: float, zone: dt.tzinfo | None = None) -> float | None:
    """The next moment at which a rule begins or ends; None: there are no rules."""
    edges = (edge for rule in limits.rules for span in _spans(rule, now, zone) for edge in span)
    return min((edge for edge in edges if edge > now), default=None)


def _least(*limits: int) -> int | None:
    return min((limit for limit in limits if limit > 0), default=None)


def _holds(rule: Rule, now: float, zone: dt.tzinfo | None) -> bool:
    return any(begin <= now < end for begin, end in _spans(rule, now, zone))


def _spans(rule: Rule, now: float, zone: dt.tzinfo | None) -> Iterator[tuple[float, float]]:
    """When it holds, from yesterday's to one in a week."""
    today = dt.datetime.fromtimestamp(now, zone).date()
    over_midnight = rule.end <= rule.begin
    for ahead in range(-1, 9):
        date = today + dt.timedelta(days=ahead)
        if DAYS[date.weekday()] in rule.days:
            last = date + dt.timedelta(days=1) if over_midnight or rule.end == "24:00" else date
            end = "00:00" if rule.end == "24:00" else rule.end
            yield _moment(date, rule.begin, zone, 0), _moment(last, end, zone, 1)


def _moment(date: dt.date, clock: str, zone: dt.tzinfo | None, fold: int) -> float:
    """When it is that late. `fold` (PEP 495): of an hour that comes twice, the first or the second."""
    wall = dt.datetime.combine(date, dt.time.fromisoformat(clock))
    found = wall.replace(tzinfo=zone, fold=fold).timestamp()
    if _wall(found, zone) == wall:
        return found
    # A time that is skipped: the moment of the jump is the first at which it is later than that.
    late = wall.replace(tzinfo=zone, fold=0).timestamp()
    early = wall.replace(tzinfo=zone, fold=1).timestamp()
    while late - early > 1:
        middle = (early + late) // 2
        if _wall(middle, zone) < wall:
            early = middle
        else:
            late = middle
    return late


def _wall(moment: float, zone: dt.tzinfo | None) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)
