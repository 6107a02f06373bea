"""Logs: one line an event, control characters escaped, no secrets."""

from __future__ import annotations

import logging
import sys
import time

_ESCAPES = {number: f"\\x{number:02x}" for number in (*range(32), 127, *range(128, 160))}


class OneLine(logging.Formatter):
    """A name with a line break in it must not look like another event."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line if record.exc_info else line.translate(_ESCAPES)


def set_up(*, debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    # They tell each other's news: what we know of a request is in our own lines.
    for name in ("uvicorn", "uvicorn.error", "alembic", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
