"""Logs: one line an event, what could mislead a reader escaped, no secrets, no floods."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

_CONTROLS = (*range(32), 127, *range(128, 160))
# What turns the direction of a line, or ends it for some readers: U+202E makes "gpj.exe" of "exe.jpg".
_MISLEADING = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_ESCAPES = {number: f"\\x{number:02x}" for number in _CONTROLS} | {
    number: f"\\u{number:04x}" for number in _MISLEADING
}
_LINE_ENDS_STAY = {**_ESCAPES, 10: "\n"}

OFTEN = {"often": True}
"""As `extra` of a line that strangers can cause as often as they like: it is held back as warnings are."""
MOST_A_MINUTE = 20
"""Of one kind of warning. The others are counted, and told as a number."""
_MOST_KINDS = 1000
_BEHIND_SECRETS = "/s/"
"""What follows it in a path is a link's secret."""

# They tell each other's news, or each address that they ask (and a webhook's is a secret): what we know of
# a request is in our own lines.
_SILENT = ("uvicorn", "uvicorn.error", "alembic", "asyncio", "httpx", "httpcore", "websockets")


def escaped(text: str) -> str:
    """On one line, in its own direction."""
    return text.translate(_ESCAPES)


def shown(path: str) -> str:
    """A path of a request as a log may hold it."""
    # Anywhere in it: another program may have mounted us somewhere.
    before, mark, behind = path.partition(_BEHIND_SECRETS)
    _, slash, rest = behind.partition("/")
    return f"{before}{mark}{'*' if mark else ''}{slash}{rest}"


class OneLine(logging.Formatter):
    """A name with a line break in it must not look like another event. Only the trace of a mistake has
    several lines, which begin as no event does."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        trace = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"    | {line}" for line in trace.translate(_LINE_ENDS_STAY).split("\n"))


class AsJson(logging.Formatter):
    """One JSON object a line. ASCII, so that nothing in it turns or ends the line."""

    def format(self, record: logging.LogRecord) -> str:
        found = {
            "time": OneLine().formatTime(record),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            found["trace"] = logging.Formatter().formatException(record.exc_info)
        return json.dumps(found)


@dataclass(slots=True)
class _Kind:
    """How often a kind of line came in its minute."""

    record: logging.LogRecord
    since: float
    told: int = 0
    held_back: int = 0


class Calm(logging.Handler):
    """Passes lines on, of each kind of warning so many a minute. A disk that fails, or a stranger who
    tries, fills no disk with logs."""

    def __init__(
        self, behind: logging.Handler, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._behind = behind
        self._clock = clock
        # Guarded by the handler's own lock, which `emit` is called with; the oldest first:
        self._kinds: OrderedDict[tuple[str, int, object], _Kind] = OrderedDict()

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        self._behind.setFormatter(fmt)

    def emit(self, record: logging.LogRecord) -> None:
        for summary in self._over(self._clock() - 60):
            self._behind.handle(summary)
        if self._is_told(record):
            self._behind.handle(record)

    def _is_told(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING and not getattr(record, "often", False):
            return True
        key = (record.name, record.levelno, record.msg)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(record, self._clock())
        if kind.told < MOST_A_MINUTE:
            kind.told += 1
            return True
        kind.held_back += 1
        return False

    def _over(self, before: float) -> Iterator[logging.LogRecord]:
        """For each kind whose minute is over, what was held back of it."""
        while self._kinds:
            key = next(iter(self._kinds))
            if self._kinds[key].since > before and len(self._kinds) < _MOST_KINDS:
                return
            kind = self._kinds.pop(key)
            if kind.held_back:
                yield _summary(kind)

    def flush(self) -> None:
        """Tell what was held back: at the end, there is no later line to bring it along."""
        self.acquire()
        try:
            for summary in self._over(float("inf")):
                self._behind.handle(summary)
        finally:
            self.release()
        self._behind.flush()


def _summary(kind: _Kind) -> logging.LogRecord:
    about = kind.record
    return logging.LogRecord(
        about.name, about.levelno, about.pathname, about.lineno,
        "and %d more like this within a minute: %s", (kind.held_back, about.msg), None,
    )  # fmt: skip


def set_up(*, debug: bool, form: Literal["line", "json"] = "line") -> None:
    """To standard error; whoever runs the receiver keeps it, and bounds it."""
    handler = Calm(logging.StreamHandler(sys.stderr))
    line = OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(AsJson() if form == "json" else line)
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    root.addHandler(handler)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.WARNING)
