"""Times as people write them: for so long, until then. Pure: now and the time zone come in."""

from __future__ import annotations

import datetime as dt
import re

MORNING = dt.time(6)
"""Tomorrow begins when people do: whoever says it late in the evening does not mean in half an hour."""
_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhdw])")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


class BadMoment(ValueError):
    """What cannot be read as a time; the message says what can."""


def duration_seconds(text: str) -> float:
    """`1h`, `30m`, `2d`, `1h 30m`. Raises BadMoment."""
    words = text.strip().lower()
    parts = _DURATION.findall(words)
    seconds = sum(float(number) * _UNITS_SECONDS[unit] for number, unit in parts)
    if not parts or _DURATION.sub("", words).strip() or seconds <= 0:
        raise BadMoment(f"{text!r} is no length of time; write 30m, 1h or 2d.")
    return seconds


def moment(text: str, now: float, zone: dt.tzinfo | None = None) -> float:
    """`tomorrow` (at 6:00), `18:30` (the next one), `2027-01-15` or `2027-01-15T18:30`, in seconds since
    1970. `zone`: whose time is meant; None: this computer's.

    Raises BadMoment, also for what is past.
    """
    words = text.strip()
    today = dt.datetime.fromtimestamp(now, zone)
    try:
        found = _found(words.lower(), today, zone) or dt.datetime.fromisoformat(words)
    except ValueError:
        raise BadMoment(
            f"{text!r} is no moment; write tomorrow, 18:30, 2027-01-15 or 2027-01-15T18:30."
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    seconds = found.timestamp()
    if seconds <= now:
        raise BadMoment(f"{text!r} is past.")
    return seconds


def _found(words: str, today: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime | None:
    """Raises ValueError."""
    tomorrow = today.date() + dt.timedelta(days=1)
    if words == "tomorrow":
        return dt.datetime.combine(tomorrow, MORNING, zone)
    if match := _CLOCK.fullmatch(words):
        at = dt.time(int(match[1]), int(match[2]))
        found = dt.datetime.combine(today.date(), at, zone)
        if found.timestamp() <= today.timestamp():
            found = dt.datetime.combine(tomorrow, at, zone)
        return found
    return None


def shown(seconds: float, now: float, zone: dt.tzinfo | None = None) -> str:
    """A moment for people: the time alone if it is today."""
    at, today = dt.datetime.fromtimestamp(seconds, zone), dt.datetime.fromtimestamp(now, zone)
    if at.date() == today.date():
        return f"{at:%H:%M}"
    if at.date() == today.date() + dt.timedelta(days=1):
        return f"tomorrow {at:%H:%M}"
    return f"{at:%Y-%m-%d %H:%M}"
