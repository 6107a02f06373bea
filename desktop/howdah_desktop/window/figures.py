"""Numbers for people: sizes, speeds, times. Pure."""

from __future__ import annotations

import datetime as dt

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size_parts(count: float) -> tuple[str, str]:
    """Bytes by powers of 1000: ("1.21", "GB"). Three digits, as many as tell something."""
    unit = 0
    count = max(0.0, count)
    while count >= 999.5 and unit < len(UNITS) - 1:
        count /= 1000
        unit += 1
    if unit == 0 or count >= 99.95:
        return f"{count:.0f}", UNITS[unit]
    if count >= 9.995:
        return f"{count:.1f}", UNITS[unit]
    return f"{count:.2f}", UNITS[unit]


def size(count: float) -> str:
    return " ".join(size_parts(count))


def share_of(done: int, whole: int) -> str:
    """`1.21 GB of 2.10 GB`."""
    return f"{size(done)} of {size(whole)}"


def speed(bytes_per_second: float) -> str:
    return f"{size(bytes_per_second)}/s"


def left_parts(seconds: float) -> tuple[str, str]:
    """Time left, rounded so that it does not flicker: ("15", "s"), ("4", "min"), ("2.5", "h")."""
    if seconds < 20:
        return f"{max(1, round(seconds))}", "s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)}", "s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)}", "min"
    if seconds < 48 * 3600:
        hours = seconds / 3600
        return (f"{hours:.1f}" if hours < 10 else f"{hours:.0f}"), "h"
    return f"{round(seconds / 86400)}", "days"


def left(seconds: float) -> str:
    return " ".join(left_parts(seconds))


def until(moment: float, now: float) -> str:
    """A countdown: `8 s`, `2:05 min`. Both as time.time()."""
    seconds = max(0, round(moment - now))
    return f"{seconds} s" if seconds < 90 else f"{seconds // 60}:{seconds % 60:02} min"


def clock(moment: float, now: float) -> str:
    """When something ended: `10:42` today, `Nov 19, 10:42` before. Local time."""
    then = dt.datetime.fromtimestamp(moment).astimezone()
    today = dt.datetime.fromtimestamp(now).astimezone()
    if then.date() == today.date():
        return f"{then:%H:%M}"
    if then.year == today.year:
        return f"{then:%b} {then.day}, {then:%H:%M}"
    return f"{then:%Y-%m-%d}"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `12,400 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
