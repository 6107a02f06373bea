"""Limits as people write and read them. Pure."""

from __future__ import annotations

import re

from howdah_desktop.cli.display import size_text
from howdah_desktop.engine.limit_rules import DAYS, Day, Rule, Then

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?(b|bit)?(?:/s|ps)?", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?")
_NO_LIMIT = frozenset({"off", "none", "no", "unlimited", "0"})
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY = frozenset({"all", "daily", "every", "*"})


class BadWords(ValueError):
    """What cannot be read; the message says what can."""


def rate(text: str) -> int:
    """Bytes a second: `5MB`, `500kB/s`, `2MiB`, `10Mbit`; 0 for `off`. Raises BadWords."""
    words = text.strip().lower()
    if words in _NO_LIMIT:
        return 0
    match = _RATE.fullmatch(words)
    if match is None:
        raise BadWords(f"{text!r} is no limit; write 5MB, 500kB, 10Mbit or off.")
    count = float(match[1]) * _UNITS[match[2] or ""]
    return int(count / 8 if match[3] == "bit" else count)


def then(text: str) -> Then:
    """`pause`, `off`, or a limit. Raises BadWords."""
    if text.strip().lower() == "pause":
        return "pause"
    return rate(text) or "off"


def days(text: str) -> tuple[Day, ...]:
    """`mon-fri`, `sat,sun`, `fri-mon`, `all`. Raises BadWords."""
    found: set[Day] = set()
    for part in text.lower().replace(" ", "").split(","):
        if part in _EVERY_DAY:
            return DAYS
        first, dash, last = part.partition("-")
        begin, end = _day(first, text), _day(last if dash else first, text)
        count = (end - begin) % 7 + 1
        found.update(DAYS[(begin + ahead) % 7] for ahead in range(count))
    return tuple(day for day in DAYS if day in found)


def hours(text: str) -> tuple[str, str]:
    """`08:00-18:00`, `22-6`: begin and end. Raises BadWords."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise BadWords(f"{text!r} are no hours; write 08:00-18:00.")
    begin, begin_minute, end, end_minute = match.groups(default="00")
    return f"{int(begin):02}:{begin_minute}", f"{int(end):02}:{end_minute}"


def _day(word: str, text: str) -> int:
    for number, day in enumerate(_DAY_NAMES):
        if len(word) >= 2 and day.startswith(word):
            return number
    raise BadWords(f"{text!r} are no days; write mon-fri or sat,sun.")


# -- the other way


def rate_words(bytes_per_second: int | None) -> str:
    return f"{size_text(bytes_per_second)}/s" if bytes_per_second else "no limit"


def then_words(then: Then) -> str:
    return then if isinstance(then, str) else f"{rate_words(then)} each way"


def rule_words(rule: Rule) -> str:
    hours = "" if (rule.begin, rule.end) == ("00:00", "24:00") else f" {rule.begin}-{rule.end}"
    named = [("up", rule.up), ("down", rule.down)]
    what = ", ".join(f"{way} {rate_words(limit)}" for way, limit in named if limit is not None)
    return f"{_days_words(rule.days)}{hours}: {what or 'pause'}"


def _days_words(chosen: tuple[Day, ...]) -> str:
    if set(chosen) == set(DAYS):
        return "every day"
    numbers = [DAYS.index(day) for day in DAYS if day in chosen]
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{DAYS[numbers[0]]}-{DAYS[numbers[-1]]}"
    return ",".join(DAYS[number] for number in numbers)
